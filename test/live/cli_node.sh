#!/bin/bash
# The command line's cordon, uncordon, drain, proxy, label, annotate and auth against
# the server of KUBECONFIG, by their output and exit status, in a namespace of its own.
# Nodes are cordoned and drained that are objects alone, without a kubelet; what needs
# a real one is skipped where there is none. Prints "ok N - name" or "not ok N - name"
# for each check and ends with "N passed, N failed", ", N skipped" where some were.
# shellcheck source=test/cli_checks.sh
. "$(dirname "$0")/../cli_checks.sh"

ns=cli-node-$$ one=cli-node-$$-a two=cli-node-$$-b image=${KSHIM_TEST_IMAGE:-none}
minor=$("$kubeshim" version -o json | sed -n 's/.*"minor": *"\([0-9]*\).*/\1/p' | tail -n 1)
node=
[ -z "${KSHIM_TEST_IMAGE:-}" ] || node=${KSHIM_TEST_NODE:-}

remove() {
	[ -z "$node" ] || "$kubeshim" uncordon "$node"
	"$kubeshim" -n "$ns" delete daemonsets,pods --all --force --grace-period=0
	"$kubeshim" delete nodes "$one" "$two" --ignore-not-found
	"$kubeshim" delete ns "$ns" --ignore-not-found --wait=false
}

# pod NAME NODE [SPEC]: one that no kubelet runs, but the server says that it is Running.
pod() {
	printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: %s, labels: {app: %s, cli: %s}}\n' "$1" "$ns" "$1" "$ns"
	printf 'spec: {nodeName: %s, containers: [{name: c, image: none.invalid/none}]%s}\n' "$2" "${3:-}"
}
make_pod() {
	pod "$@" | "$kubeshim" apply -f - >/dev/null
	"$kubeshim" -n "$ns" patch pod "$1" --subresource status --type merge -p '{"status":{"phase":"Running"}}' >/dev/null
}

cat >ns.yaml <<Y
apiVersion: v1
kind: Namespace
metadata: {name: $ns}
---
apiVersion: v1
kind: Node
metadata: {name: $one, labels: {cli: $ns}}
---
apiVersion: v1
kind: Node
metadata: {name: $two, labels: {cli: $ns}}
Y
t 'a namespace and two Nodes' 0 '*' '' create -f ns.yaml
# the account that pods need is made by a controller, where there is one
printf 'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: default}\n' | "$kubeshim" apply -f - -n "$ns" >/dev/null 2>&1

echo '# cordon, uncordon'
t 'cordon: dry run' 0 "node/$one cordoned (server dry run)" '' cordon "$one" --dry-run=server
t 'uncordon: it was one' 0 "node/$one already uncordoned" '' uncordon "$one"
t 'cordon' 0 "node/$one cordoned" '' cordon "$one"
t 'cordon: it is done' 0 '*"unschedulable":true*' '' get node "$one" -o json
t 'cordon: again, of two' 0 "node/$one already cordoned"$'\n'"node/$two cordoned" '' cordon "node/$one" "$two"
t 'uncordon: of a selector' 0 "node/$one uncordoned"$'\n'"node/$two uncordoned" '' uncordon -l "cli=$ns"
same 'uncordon: it is done' 0 "$("$kubeshim" get nodes -l "cli=$ns" -o json | grep -c unschedulable)"
t 'cordon: nothing selected' 0 '' '' cordon -l "cli=$ns,none=here"
t 'cordon: one of two is missing, so none is' 1 '' 'Error from server (NotFound): nodes "nobody" not found' cordon "$one" nobody
t 'cordon: none was' 0 "node/$one already uncordoned" '' uncordon "$one"
t 'cordon: no Node' 1 '' 'error: expected resource of type node, got "pods"' cordon pod/x
t 'cordon: nothing named' 1 '' 'error: USAGE: cordon NODE \[flags]*' cordon
t 'cordon: a name and a selector' 1 '' 'error: cannot specify both a node name and a --selector option*' cordon "$one" -l a=b
t 'cordon: no option of it' 1 '' 'error: unknown flag: --force*' cordon "$one" --force

echo '# drain'
make_pod bare "$one"
make_pod bare-too "$one"
make_pod stored "$one" ', volumes: [{name: v, emptyDir: {}}]'
warned="deleting Pods that declare no controller" no_controller="cannot delete Pods that declare no controller (use --force to override)"
no_storage="cannot delete Pods with local storage (use --delete-emptydir-data to override)"
t 'drain: dry run' 0 "node/$one cordoned (server dry run)"$'\n'"evicting pod $ns/stored (server dry run)"$'\n'"node/$one drained (server dry run)" \
	"Warning: $warned: $ns/stored" drain "$one" --dry-run=server --force --delete-emptydir-data --pod-selector=app=stored
t 'drain: it was one' 0 "node/$one already uncordoned" '' uncordon "$one"
t 'drain: a bad selector' 1 '' 'error: --pod-selector=<pod_selector> must be a valid label selector' drain "$one" --pod-selector='==!'
t 'drain: nothing was cordoned for it' 0 "node/$one already uncordoned" '' uncordon "$one"
t 'drain: no such Node' 1 '' 'Error from server (NotFound): nodes "nobody" not found' drain nobody
t 'drain: refused, every reason' 1 "node/$one cordoned" "error: unable to drain node \"$one\" due to error: \[$no_storage: $ns/stored, \
$no_controller: $ns/bare, $ns/bare-too], continuing command...
There are pending nodes to be drained:
 $one
$no_storage: $ns/stored
$no_controller: $ns/bare, $ns/bare-too" drain "$one"
t 'drain: refused, one reason' 1 "node/$one already cordoned" "error: unable to drain node \"$one\" due to error: $no_storage: $ns/stored, \
continuing command...
There are pending nodes to be drained:
 $one
$no_storage: $ns/stored" drain "$one" --force
same 'drain: nobody went' 3 "$("$kubeshim" -n "$ns" get pods -o name | wc -l)"
t 'drain: the one goes, the other not' 1 "node/$two cordoned"$'\n'"node/$one already cordoned"$'\n'"node/$two drained" \
	"error: unable to drain node \"$one\" due to error: *pending nodes to be drained:"$'\n'" $one"$'\n'"cannot *" drain "$two" "$one"
t 'drain: a Pod that has no end' 1 "node/$one already cordoned"$'\n'"evicting pod $ns/bare" "Warning: $warned: $ns/bare
There are pending pods in node \"$one\" when an error occurred: error when waiting for pod \"bare\" in namespace \"$ns\" to terminate: \
global timeout reached: 2s
pod/bare
error: unable to drain node \"$one\" due to error: error when waiting *, continuing command...
There are pending nodes to be drained:
 $one
error when waiting for pod *" drain "$one" --force --timeout=2s --pod-selector app=bare --grace-period=-1
t 'drain' 0 "node/$one already cordoned
evicting pod $ns/*
evicting pod $ns/*
evicting pod $ns/*
pod/*evicted
pod/*evicted
pod/*evicted
node/$one drained" "Warning: $warned: $ns/bare, $ns/bare-too, $ns/stored" \
	drain "$one" --force --delete-emptydir-data --grace-period 0 --pod-selector "cli=$ns"
t 'drain: they are gone' 0 '' "No resources found in $ns namespace." -n "$ns" get pods
make_pod stuck "$one"
"$kubeshim" -n "$ns" patch pod stuck --type merge -p '{"metadata":{"finalizers":["example.com/stuck"]}}' >out
"$kubeshim" -n "$ns" delete pod stuck --grace-period 0 --force --wait=false >out 2>&1
sleep 3
t 'drain: what is being deleted for long is left' 0 "node/$one already cordoned"$'\n'"node/$one drained" '' \
	drain "$one" --skip-wait-for-delete-timeout 1 --chunk-size 1 --pod-selector "cli=$ns" --timeout 20s
"$kubeshim" -n "$ns" patch pod stuck --type merge -p '{"metadata":{"finalizers":null}}' >out
t 'drain: nothing to do, of a selector' 0 "node/$one already cordoned
node/$two already cordoned
node/$one drained
node/$two drained" '' drain -l "cli=$ns" --pod-selector "cli=$ns"
cat >budget.yaml <<Y
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: budget, namespace: $ns}
spec: {minAvailable: 1, selector: {matchLabels: {app: kept}}}
Y
make_pod kept "$one"
"$kubeshim" create -f budget.yaml >/dev/null
until_true eval '"$kubeshim" -n "$ns" get pdb budget -o json | grep -q observedGeneration'
delayed="error when evicting pods/\"kept\" -n \"$ns\" (will retry after 5s): Cannot evict pod as it would violate the pod's disruption budget."
t 'drain: a budget holds it up' 1 "node/$one already cordoned"$'\n'"evicting pod $ns/kept" "Warning: $warned: $ns/kept
$delayed
There are pending pods in node \"$one\" when an error occurred: error when evicting pods/\"kept\" -n \"$ns\": global timeout reached: 1.5s
pod/kept
error: unable to drain node \"$one\" due to error: *" drain "$one" --force --grace-period 0 --timeout 1.5s --pod-selector "cli=$ns"
: >err
timeout 60 "$kubeshim" drain "$one" --force --grace-period 0 --pod-selector "cli=$ns" >out 2>err &
until_true grep -q 'will retry' err
"$kubeshim" -n "$ns" delete pdb budget >/dev/null
wait $!
same 'drain: until the budget is gone' "0 node/$one already cordoned
evicting pod $ns/kept
pod/kept evicted
node/$one drained
Warning: $warned: $ns/kept
$delayed" "$? $(cat out err)"
make_pod kept "$one"
"$kubeshim" create -f budget.yaml >/dev/null
t 'drain: a delete asks no budget' 0 "node/$one already cordoned (server dry run)"$'\n'"pod/kept deleted (server dry run)"$'\n'"node/$one drained (server dry run)" \
	"Warning: $warned: $ns/kept" drain "$one" --force --disable-eviction --dry-run=server --pod-selector "cli=$ns"
t 'drain: it really asks none' 0 "node/$one already cordoned"$'\n'"pod/kept deleted"$'\n'"node/$one drained" "Warning: $warned: $ns/kept" \
	drain "$one" --force --disable-eviction --grace-period=0 --pod-selector "cli=$ns"
printf '%s\n' 'apiVersion: apps/v1' 'kind: DaemonSet' 'metadata: {name: set}' 'spec: {selector: {matchLabels: {app: set}},' \
	"template: {metadata: {labels: {app: set, cli: $ns}}, spec: {schedulerName: nobody, containers: [{name: c, image: none.invalid/none}]}}}" |
	"$kubeshim" -n "$ns" create -f - >/dev/null
of_set() {
	"$kubeshim" -n "$ns" get pods -l app=set -o name --field-selector spec.nodeName= | head -n 1 | sed 's/pod.//'
}
until_true eval '[ -n "$(of_set)" ]'
daemon=$(of_set)
# what a scheduler does
printf '{"apiVersion":"v1","kind":"Binding","metadata":{"name":"%s","namespace":"%s"},"target":{"kind":"Node","name":"%s"}}' "$daemon" "$ns" "$one" |
	"$kubeshim" create -f - >/dev/null
t 'drain: of a DaemonSet' 1 '*' "error: unable to drain node \"$one\" due to error: cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): $ns/$daemon, *" \
	drain "$one" --pod-selector "cli=$ns"
make_pod bare "$one"
t 'drain: but for the DaemonSet' 0 "node/$one already cordoned"$'\n'"evicting pod $ns/bare"$'\n'"pod/bare evicted"$'\n'"node/$one drained" \
	"Warning: $warned: $ns/bare; ignoring DaemonSet-managed Pods: $ns/$daemon" \
	drain "$one" --pod-selector "cli=$ns" --ignore-daemonsets --force --grace-period 0
t 'drain: nothing but the DaemonSet' 0 "node/$one already cordoned"$'\n'"node/$one drained" \
	"Warning: ignoring DaemonSet-managed Pods: $ns/$daemon" drain "$one" --pod-selector "cli=$ns" --ignore-daemonsets
t 'drain: a bad timeout' 1 '' 'error: --timeout must not be less than 0' drain "$one" --timeout=-1s
t 'uncordon: both' 0 "node/$one uncordoned"$'\n'"node/$two uncordoned" '' uncordon "$one" "$two"

if [ -n "$node" ]; then
	cat >live.yaml <<Y
apiVersion: apps/v1
kind: Deployment
metadata: {name: live}
spec:
  replicas: 2
  selector: {matchLabels: {app: live}}
  template:
    metadata: {labels: {app: live, cli: $ns}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: main, image: "$image", imagePullPolicy: Never, command: [sleep, "10000"]}]
Y
	"$kubeshim" -n "$ns" create -f live.yaml >/dev/null
	t 'drain: a Deployment runs' 0 '*' '' -n "$ns" rollout status deploy/live --timeout=50s
	t 'drain: its Pods leave the node' 0 "node/$node cordoned
evicting pod $ns/live-*
evicting pod $ns/live-*
pod/live-* evicted
pod/live-* evicted
node/$node drained" '' drain "$node" --pod-selector "cli=$ns"
	same 'drain: those that were made anew wait' 2 "$("$kubeshim" -n "$ns" get pods -l app=live -o name --field-selector spec.nodeName= | wc -l)"
	t 'uncordon: the node' 0 "node/$node uncordoned" '' uncordon "$node"
	t 'uncordon: they run again' 0 '*successfully rolled out' '' -n "$ns" rollout status deploy/live --timeout=50s
else
	skip 'drain of Pods that run: there is no node'
fi

echo '# proxy'
t 'proxy: nothing named' 1 '' 'error: proxy makes one request (kubectl*' proxy --port=8001
t 'proxy: another kind' 1 '' 'error: *only to a Service, a Pod or a Node' -n "$ns" proxy cm/x /
t 'proxy: what is not there' 1 '' 'Error from server (NotFound): services "none" not found' -n "$ns" proxy svc/none /
t 'proxy: an unknown kind' 1 '' "error: the server doesn't have a resource type \"nothings\"" proxy nothings/x /
t 'proxy: a path that leads out' 1 '' 'error: *a path with "." or ".." in it' proxy node/x /../y
t 'proxy: more than one slash' 1 '' 'error: arguments in resource/name form *' proxy node/x/y
t 'proxy: a bad scheme' 1 '' 'error: --scheme must be http or https, not "ftp"' proxy node/x / --scheme ftp
t 'proxy: a header that is none' 1 '' "error: a header is given as 'Name: value', not \"Name\"" proxy node/x / -H Name
t 'proxy: a header of the API server' 1 '' 'error: a header "Authorization" with that value cannot be sent' proxy node/x / -H 'Authorization: x'
t 'proxy: no such file' 1 '' 'error: cannot read nowhere: No such file or directory' proxy node/x / -d @nowhere
t 'proxy: a directory' 1 '' 'error: cannot read .: Is a directory' proxy node/x / -d @.
if [ -n "$node" ]; then
	t 'proxy: to a node' 0 'ok' '' proxy "node/$node" /healthz
	t 'proxy: a status of its own' 1 '404 page not found' 'error: the status of the answer is 404' proxy nodes "$node" nothing
	sed "s|set-by-the-test|$image|" "$root/test/data/live/proxied.yaml" |
		awk -v RS='\n---\n' 'NR == 1 || NR == 3 || NR == 5 { print; print "---" }' >proxied.yaml
	"$kubeshim" -n "$ns" create -f proxied.yaml >/dev/null
	t 'proxy: its Pod is ready' 0 'pod/web condition met' '' -n "$ns" wait pod/web --for=condition=Ready --timeout=50s
	until_true "$kubeshim" -n "$ns" proxy svc/web /
	t 'proxy: to a Pod, the path encoded' 0 'hello' '' -n "$ns" proxy pod/web '/a b/c'
	t 'proxy: to a Service' 0 'hello' '' -n "$ns" proxy svc/web a%20b/c
	t 'proxy: a port by name, headers' 0 $'GET /x?y=1 HTTP/1.1*X-One: 1*X-Two: a b*' '' \
		-n "$ns" proxy service/web '/x?y=1' --port echo -H 'X-One: 1' -H 'X-Two:a b'
	t 'proxy: a body is posted' 0 $'POST text/plain 7 q\nx=1&y=2' '' \
		-n "$ns" proxy pod web '/cgi-bin/post?q' -d 'x=1&y=2' -H 'content-type: text/plain'
	t 'proxy: another method' 0 $'PUT /x HTTP/1.1*\nbody' '' -n "$ns" proxy pod/web /x --port 8081 -X PUT -d body
	head -c 3000000 /dev/zero >zeros
	t 'proxy: a file' 0 '3000000' '' -n "$ns" proxy pod/web /cgi-bin/size -d @zeros
	input=zeros t 'proxy: standard input' 0 '3000000' '' -n "$ns" proxy pod/web /cgi-bin/size --data=@-
	"$kubeshim" -n "$ns" proxy pod/web /cgi-bin/large | cmp - zeros >out 2>&1
	same 'proxy: bytes come as they are' '0 ' "$? $(cat out)"
	t 'proxy: an error page' 1 '*404 Not Found*' 'error: the status of the answer is 404' -n "$ns" proxy pod/web /none
	t 'proxy: nobody behind the Service' 1 '' 'Error from server (ServiceUnavailable): no endpoints available for service "nobody"' \
		-n "$ns" proxy svc/nobody /
	t 'proxy: a port that nobody listens on' 1 '' 'Error from server*' -n "$ns" proxy pod/web / --port 9
	: >out
	timeout 60 "$kubeshim" -n "$ns" proxy pod/web '/cgi-bin/halves?x' >out 2>err &
	until_true grep -q first out
	same 'proxy: the first half is there' 'first' "$(cat out)"
	"$kubeshim" -n "$ns" proxy pod/web '/cgi-bin/go?x'
	wait $!
	same 'proxy: then the second' $'0 first\nsecond' "$? $(cat out err)"
	timeout 60 "$kubeshim" -n "$ns" proxy pod/web /cgi-bin/large >/dev/full 2>err
	same 'proxy: onto a full disk' '1 error: cannot write: No space left on device' "$? $(cat err)"
else
	skip 'proxied requests that are answered: there is no node'
fi

echo '# label, annotate'
cat >maps.yaml <<'Y'
apiVersion: v1
kind: ConfigMap
metadata: {name: a, labels: {old: "1"}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
Y
"$kubeshim" -n "$ns" create -f maps.yaml >/dev/null
l() {
	local name=$1

	shift
	t "label: $name" "$1" "$2" "$3" -n "$ns" label "${@:4}"
}
l 'dry run' 0 'configmap/a labeled (server dry run)' '' cm a new=1 --dry-run=server
l 'set' 0 'configmap/a labeled' '' cm a new=1
l 'is so already' 0 'configmap/a not labeled' '' cm/a new=1
l 'another value' 1 '' "error: 'new' already has a value (1), and --overwrite is false" cm a new=2 third=3
l 'another value, of two' 1 '' "error: 'old' already has a value (1), and --overwrite is false, 'new' already has a value (1), and --overwrite is false" \
	cm a old=2 new=2
l 'so nothing was set' 0 $'new=1\nold=1' '' cm a --list
l 'overwritten' 0 'configmap/a labeled' '' cm a new=2 --overwrite
l 'set and removed' 0 'configmap/a modified' '' cm a third= old-
l 'what is not there' 0 $'label "old" not found.\nconfigmap/a not labeled' '' cm a old-
l 'removed' 0 $'label "old" not found.\nconfigmap/a unlabeled' '' cm a third- old-
l 'the list of two' 0 $'Listing labels for ConfigMap./a:\n new=2\nListing labels for ConfigMap./b:' '' cm a b --list
l 'a list as it would be' 0 $'new=2\nx=y' '' cm a x=y --list
l 'a selector' 0 'configmap/a labeled' '' cm -l new=2 picked=yes
l 'a field selector' 0 'configmap/b' '' cm --field-selector metadata.name=b picked=yes -o name
l 'names' 0 $'configmap/a\nconfigmap/b' '' cm/a cm/b x=1 -o name
l 'JSON' 0 '{*"labels":{*"x":"2"*}*}' '' cm b x=2 --overwrite -o json
l 'all of a kind' 0 $'*configmap/a labeled\nconfigmap/b labeled*' '' cm --all every=1
l 'cluster-scoped' 0 "node/$one labeled" '' node "$one" x=1
l 'nothing selected' 0 '' '' cm -l none=here x=1
l 'one of two is missing' 1 'configmap/a labeled' 'Error from server (NotFound): configmaps "nobody" not found' cm nobody a y=1
l 'another version' 1 '' 'Error from server (Conflict): Operation cannot be fulfilled on configmaps "a": the object has been modified; *' \
	cm a z=1 --resource-version 1
version=$("$kubeshim" -n "$ns" get cm a -o json | sed 's/.*"resourceVersion":"\([0-9]*\)".*/\1/')
l 'this version' 0 'configmap/a labeled' '' cm a z=1 --resource-version "$version"
l 'a version of two' 1 '' 'error: --resource-version may only be used with a single resource' cm a b z=1 --resource-version 1
l 'a bad value' 1 '' 'error: invalid label value: "z=a!": a valid label must be an empty string or *' cm a 'z=a!'
l 'a long value' 1 '' 'error: invalid label value: "z=*": must be no more than 63 bytes' cm a "z=$(printf '%064d' 1)"
l 'two signs' 1 '' 'error: invalid label spec: z=1=2' cm a z=1=2
l 'a bad key' 1 '' 'The ConfigMap "a" is invalid: metadata.labels: Invalid value: "b!": *' cm a 'b!=1'
l 'set and removed the same' 1 '' 'error: can not both modify and remove a label in the same command' cm a z=1 z-
l 'a name behind' 1 '' 'error: all resources must be specified before label changes: b' cm a z=1 b
l 'no label' 1 '' 'error: at least one label update is required' cm a
l 'no object' 1 '' 'error: one or more resources must be specified as *' z=1
l 'no name' 1 '' 'error: resource(s) were provided, but no name was specified' cm z=1
l 'all and a selector' 1 '' 'error: cannot set --all and --selector at the same time' cm --all -l a=b z=1
l 'a list in a format' 1 '' 'error: --list and --output may not be specified together' cm a --list -o name
t 'annotate: set' 0 'configmap/a annotated' '' -n "$ns" annotate cm a 'note=a = b, "c"' kubernetes.io/change-cause=1
t 'annotate: it is so' 0 $'kubernetes.io/change-cause=1\nnote=a = b, "c"' '' -n "$ns" annotate cm a --list
t 'annotate: is so already' 0 'configmap/a annotated' '' -n "$ns" annotate cm a kubernetes.io/change-cause=1
t 'annotate: one that may be written again' 0 'configmap/a annotated' '' -n "$ns" annotate cm a kubernetes.io/change-cause=2
t 'annotate: another value' 1 '' "error: --overwrite is false but found the following declared annotation(s): 'note' already has a value (a = b, \"c\")" \
	-n "$ns" annotate cm a note=2
t 'annotate: overwritten, of two' 0 $'configmap/a annotated\nconfigmap/b annotated' '' -n "$ns" annotate cm a b note=2 --overwrite
t 'annotate: removed' 0 'configmap/a annotated' '' -n "$ns" annotate cm a note- nothing- kubernetes.io/change-cause-
t 'annotate: it is gone' 0 '' '' -n "$ns" annotate cm/a --list
t 'annotate: set and removed the same' 1 '' 'error: can not both modify and remove the following annotation(s) in the same command: x, y' \
	-n "$ns" annotate cm a x=1 y=2 x- y-
t 'annotate: no annotation' 1 '' 'error: at least one annotation update is required' -n "$ns" annotate cm a
t 'annotate: another version' 1 '' 'Error from server (Conflict): *' -n "$ns" annotate cm a x=1 --resource-version=1
t 'annotate: a dry run' 0 'configmap/b annotated (server dry run)' '' -n "$ns" annotate cm b note- --dry-run=server
t 'annotate: it was one' 0 'note=2' '' -n "$ns" annotate cm b --list
cat >files.yaml <<'Y'
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b, labels: {file: x}}
Y
t 'annotate: what files name' 0 $'configmap/a annotated\nconfigmap/b annotated' '' -n "$ns" annotate -f files.yaml from=file
t 'annotate: it is done' 0 'from=file' '' -n "$ns" annotate cm a --list
t 'label: what files name' 0 $'configmap/a labeled\nconfigmap/b labeled' '' -n "$ns" label -f files.yaml file=y
t 'label: the file is not what is changed' 0 '*"note":"2"*' '' -n "$ns" label cm b file- -o json
t 'label: files and a name' 1 '' 'error: when paths or stdin is provided as input, you may not *' -n "$ns" label -f files.yaml cm/a file-
t 'label: files and a selector' 1 '' 'error: when -f is given *' -n "$ns" label -f files.yaml -l a=b file-
t 'label: another namespace' 1 '' 'error: the namespace from the provided object "elsewhere" does not match *' \
	-n "$ns" label -f <(echo '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"elsewhere"}}') x=y
KUBECONFIG=/nothing t 'label: --local' 0 $'configmap/a labeled\nconfigmap/b not labeled' '' label --local -f files.yaml file=x
KUBECONFIG=/nothing t 'label: --local, the object' 0 '{*"name":"b","labels":{"more":"1"}}}' '' label --local -f <(sed '1,/^---/d' files.yaml) file- more=1 -o json
KUBECONFIG=/nothing t 'annotate: --local, without' 0 '{*"name":"b","labels":{"file":"x"},"annotations":{"note":"z"}}}' '' \
	annotate --local -f <(sed '1,/^---/d' files.yaml) note=z -o json
t 'label: --local, another value' 1 'configmap/a labeled' "error: 'file' already has a value (x), and --overwrite is false" \
	label --local -f files.yaml file=z
t 'label: --local without files' 1 '' 'error: one or more files must be specified as -f *' label --local a=b
t 'label: --local with a name' 1 '' 'error: can only use local files by -f *' label --local cm/a a=b

echo '# auth'
if [ "$minor" -ge 28 ]; then
	t 'auth whoami' 0 $'ATTRIBUTE *VALUE\nUsername *admin\nGroups *\[system:masters system:authenticated]*' '' auth whoami
	t 'auth whoami: JSON' 0 '{*"kind":"SelfSubjectReview"*"username":"admin"*}' '' auth whoami -o json
	t 'auth whoami: a name' 0 'selfsubjectreview.authentication.k8s.io/<unknown>' '' auth whoami -o name
else
	t 'auth whoami: the server knows no such' 1 '' 'error: the selfsubjectreviews API is not enabled in the cluster' auth whoami
fi
t 'auth whoami: too much' 1 '' 'error: unexpected arguments: \[x]*' auth whoami x
t 'auth: nothing named' 1 '' 'error: auth needs one of: whoami*' auth
t 'auth: an unknown verb' 1 '' 'error: unknown command "can-i"*' auth can-i

finish
