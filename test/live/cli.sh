#!/bin/bash
# The command line against the server of KUBECONFIG: every verb by its output and
# exit status, in a namespace of its own. Prints "ok N - name" or "not ok N - name"
# for each check and ends with "N passed, N failed".
# shellcheck source=test/cli_checks.sh
. "$(dirname "$0")/../cli_checks.sh"

crds=$root/test/cluster/dask-crds.yaml
ns=cli-$$ other=cli-$$-other
minor=$("$kubeshim" version -o json | sed -n 's/.*"minor": *"\([0-9]*\).*/\1/p' | tail -n 1)
had_crds=$("$kubeshim" get crd -o name 2>/dev/null | grep -c dask)

remove() {
	"$kubeshim" delete ns "$ns" "$other" --ignore-not-found --wait=false
	[ "$had_crds" != 0 ] || "$kubeshim" delete -f "$crds" --ignore-not-found --wait=false
}

cat >two.yaml <<'Y'
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {app: cli}}
data: {color: blue}
---
apiVersion: v1
kind: Pod
metadata: {name: pause, labels: {app: cli}}
spec:
  schedulerName: nobody # it stays Pending where there is a node, too
  containers: [{name: pause, image: registry.k8s.io/pause}]
Y
sed 's/blue/red/' two.yaml >red.yaml
cat >deployment.yaml <<'Y'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: registry.k8s.io/pause}]}
Y
cat >elsewhere.yaml <<'Y'
apiVersion: v1
kind: ConfigMap
metadata: {name: elsewhere, namespace: default}
Y
printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: %s}\n' "$ns" >ns.yaml
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad}\ndato: {}\n' >unknown-field.yaml
printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: bad}\nspec: {}\n' >invalid.yaml
printf 'apiVersion: example.com/v1\nkind: Nothing\nmetadata: {name: x}\n' >unknown-kind.yaml
{ cat two.yaml; printf -- '---\nkind: ConfigMap\nmetadata: {name: [\n'; } >broken.yaml
printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"piped"}}' >piped.json
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: made-}\n' >generated.yaml
: >empty.yaml

echo '# create'
t 'create: a cluster-scoped object, whatever -n says' 0 "namespace/$ns created" '' create -f ns.yaml -n "$ns"
t 'create: what is there' 1 '' "Error from server (AlreadyExists): error when creating \"ns.yaml\": namespaces \"$ns\" already exists" \
	create -f ns.yaml
sed "s/$ns/$other/" ns.yaml >other.yaml
t 'create: another' 0 "namespace/$other created" '' create -f other.yaml
# the account that pods need is made by a controller, where there is one
printf 'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: default}\n' | "$kubeshim" apply -f - -n "$ns" >/dev/null 2>&1
t 'create: dry run' 0 $'configmap/settings created (server dry run)\npod/pause created (server dry run)' '' \
	create -f two.yaml -n "$ns" --dry-run=server
t 'get: the dry run made nothing' 0 '' "No resources found in $ns namespace." get pods -n "$ns"
t 'create: objects in order' 0 $'configmap/settings created\npod/pause created' '' create -f two.yaml -n "$ns"
input=piped.json t 'create: standard input' 0 'configmap/piped created' '' -n "$ns" create -f -
input=piped.json t 'create: standard input again' 1 '' \
	'Error from server (AlreadyExists): error when creating "STDIN": configmaps "piped" already exists' -n "$ns" create -f -
t 'create: a generated name' 0 'configmap/made-?????' '' -n "$ns" create -f generated.yaml -o name
t 'create: the object as JSON' 0 '{*"name":"web"*"uid":"*}' '' -n "$ns" create -f deployment.yaml -o json
t 'create: nothing is sent of a broken file' 1 '' 'error: broken.yaml:*' -n "$other" create -f broken.yaml
t 'create: nothing is sent if one of two files is broken' 1 '' 'error: broken.yaml:*' -n "$other" create -f two.yaml -f broken.yaml
t 'get: so nothing is there' 0 '' "No resources found in $other namespace." -n "$other" get pods
if [ "$minor" -ge 25 ]; then
	t 'create: an unknown field' 1 '' 'Error from server (BadRequest): error when creating "unknown-field.yaml":*strict decoding error: unknown field "dato"' \
		-n "$other" create -f unknown-field.yaml
	t 'create: an unknown field, with a warning' 0 'configmap/bad created' 'Warning: unknown field "dato"' \
		-n "$other" create -f unknown-field.yaml --validate warn
else
	t 'create: an unknown field, where the server does not look' 0 'configmap/bad created' '' \
		-n "$other" create -f unknown-field.yaml
fi
t 'create: an invalid object' 1 '' 'The Pod "bad" is invalid: spec.containers: Required value' -n "$other" create -f invalid.yaml
t 'create: an unknown kind' 1 '' $'error: resource mapping not found for name: "x" namespace: "" from "unknown-kind.yaml": no matches for kind "Nothing" in version "example.com/v1"\nensure CRDs are installed first' \
	create -f unknown-kind.yaml
t 'create: another namespace than -n' 1 '' 'error: the namespace from the provided object "default" does not match the namespace "'"$ns"'". You must pass *' \
	-n "$ns" create -f elsewhere.yaml
t 'create: no file' 1 '' 'error: the path "nowhere.yaml" does not exist' create -f nowhere.yaml
t 'create: an empty file' 1 '' 'error: no objects passed to create' create -f empty.yaml
t 'create: without -f' 1 '' 'error: must specify -f' create

echo '# get'
t 'get: one by name' 0 $'NAME    READY   STATUS    RESTARTS   AGE\npause   0/1     Pending   0          *' '' -n "$ns" get pod pause
t 'get: kind/name' 0 $'NAME       DATA   AGE\nsettings   1      *' '' get cm/settings -n"$ns"
t 'get: two names, one table' 0 $'NAME       DATA   AGE\nsettings   1      *\npiped      0      *' '' -n "$ns" get cm settings piped
t 'get: two kinds' 0 $'NAME            *\nconfigmap/*\n\nNAME *\npod/pause   *' '' -n "$ns" get cm,pods -l app=cli
t 'get: names' 0 $'configmap/settings\npod/pause' '' -n "$ns" get cm,pods -l app=cli -o name
t 'get: names with a group' 0 'deployment.apps/web' '' -n "$ns" get deploy -o name
t 'get: a field selector' 0 'configmap/piped' '' -n "$ns" get cm -o name --field-selector metadata.name=piped
t 'get: JSON' 0 '{*"kind":"ConfigMap"*"color":"blue"*}' '' -n "$ns" get cm settings -ojson
"$kubeshim" get clusterroles -o json >all.json && "$kubeshim" get clusterroles -o json --limit 7 >pages.json
same 'get: JSON, an object a line, also in pages' "$(wc -l <all.json) $(cut -c1-20 all.json | sort -u | wc -l) $(cat all.json)" \
	"$(wc -l <pages.json) 1 $(cat pages.json)"
same 'get: a table in pages is one table' "$("$kubeshim" get clusterroles --limit 0)" "$("$kubeshim" get clusterroles --limit=7)"
same 'get: columns, three spaces apart' 'NAMESPACE NAME DATA AGE' \
	"$("$kubeshim" get cm -A | head -n 1 | sed 's/   */ /g')"
t 'get: -A has everything' 0 "*$ns   *settings *" '' get cm -A
t 'get: no heading' 0 'settings   1     *' '' -n "$ns" get cm settings --no-headers
t 'get: wide' 0 '*NODE*READINESS GATES*' '' -n "$ns" get pods -o wide
t 'get: nothing there' 0 '' "No resources found in $other namespace." -n "$other" get svc
t 'get: nothing anywhere' 0 '' 'No resources found' get nodes,priorityclasses -l none=here
t 'get: a missing object' 1 '' 'Error from server (NotFound): pods "nobody" not found' -n "$ns" get pods nobody
t 'get: a missing object is fine' 0 '' '' -n "$ns" get pods nobody --ignore-not-found
t 'get: one of two' 1 $'NAME *\nsettings *' 'Error from server (NotFound): configmaps "nobody" not found' -n "$ns" get cm settings nobody
t 'get: an unknown kind' 1 '' "error: the server doesn't have a resource type \"nothing\"" get nothing
t 'get: an unknown kind beside a known one' 1 '' "error: the server doesn't have a resource type \"nothing\"" get ns,nothing
[ "$minor" -le 24 ] || t 'get: a kind that older servers had' 1 '' "error: the server doesn't have a resource type \"psp\"" get psp
t 'get: a bad selector' 1 '' '*parse*' get pods -l 'a b c'
t 'get: a name and a selector' 1 '' 'error: name cannot be provided when a selector is specified' get pods x -l a=b
t 'get: a name and -A' 1 '' 'error: a resource cannot be retrieved by name across all namespaces' get pods x -A
t 'get: no kind' 1 '' '*error: Required resource not specified.*' get

echo '# who may not, and servers that are not there'
t 'get: forbidden' 1 '' 'Error from server (Forbidden): pods is forbidden: User "nobody" cannot list resource "pods" *' --context nobody get pods
t 'get: with a token' 0 "namespace/$ns" '' --context token get ns "$ns" -o name
sed 's#server: .*#server: https://127.0.0.1:1#' "$KUBECONFIG" >dead.kubeconfig
printf 'kind: Config\n clusters: [\n' >broken.kubeconfig
sed 's/token: [0-9a-f][0-9a-f]*/token: wrong/' "$KUBECONFIG" >wrong.kubeconfig
t 'no server' 1 '' 'Unable to connect to the server: *' --kubeconfig dead.kubeconfig get pods,svc
same 'no server: said once' 1 "$(wc -l <err)"
t 'no kubeconfig' 1 '' 'error: *nowhere*' --kubeconfig nowhere get pods
t 'a broken kubeconfig' 1 '' 'error: broken.kubeconfig:2: *' --kubeconfig broken.kubeconfig get pods
t 'an unknown context' 1 '' 'error: *nowhere*' --context nowhere get pods
t 'unauthorized' 1 '' 'error: You must be logged in to the server (Unauthorized)' --kubeconfig wrong.kubeconfig --context token get pods
t 'a deadline' 1 '' 'Unable to connect to the server: *' --request-timeout=1ms get ns
t 'a deadline that is met' 0 "namespace/$ns" '' --request-timeout 1m get ns "$ns" -o name

echo '# options'
t 'an unknown flag' 1 '' $'error: unknown flag: --nothing\nSee \'kubeshim get --help\' for usage.' get --nothing
t 'a flag of another verb' 1 '' 'error: unknown flag: --force-conflicts*' get pods --force-conflicts
t 'an unknown letter' 1 '' "error: unknown shorthand flag: 'z' in -z*" get pods -z
t 'a flag without its value' 1 '' 'error: flag needs an argument: --context*' get pods --context
t 'an unknown verb' 1 '' 'error: unknown command "nothing" for "kubeshim"' nothing
t 'a bad timeout' 1 '' 'error: Invalid timeout value.*' --request-timeout=soon get pods
t 'help' 0 'Usage: kubeshim *--kubeconfig*' '' --help
t 'help of a verb' 0 'Usage: kubeshim delete *--cascade*' '' delete -h
timeout 60 "$kubeshim" -v --context token get ns "$ns" -o name >out 2>err
token=$(sed -n "s/.*user: {token: \([0-9a-f]*\)}.*/\1/p; s/^ *token: *//p" "$KUBECONFIG" | head -n 1)
same '-v: the heads are on stderr' '> GET,< HTTP' "$(grep -oE '^(> GET|< HTTP)' err | sort -ru | paste -sd,)"
same '-v: without the token' 'Authorization: ***' "$(grep -o 'Authorization: .*' err)$(grep -F -- "${token:-none}" err)"
same '-v: stdout is as ever' "namespace/$ns" "$(cat out)"

echo '# patch'
t 'patch: strategic' 0 'configmap/settings patched' '' -n "$ns" patch cm settings -p '{"data":{"size":"9"}}'
t 'patch: nothing to do' 0 'configmap/settings patched (no change)' '' -n "$ns" patch cm settings -p '{"data":{"size":"9"}}'
t 'patch: merge' 0 'configmap/settings patched' '' -n "$ns" patch cm/settings --type merge -p '{"data":{"size":null}}'
t 'patch: JSON' 0 'configmap/settings patched' '' -n "$ns" patch cm settings --type=json \
	-p '[{"op":"test","path":"/data/color","value":"blue"},{"op":"add","path":"/data/shape","value":"round"}]'
t 'patch: a JSON test that fails' 1 '' '*the server rejected our request*' -n "$ns" patch cm settings --type=json \
	-p '[{"op":"test","path":"/data/color","value":"red"}]'
t 'get: what the patches left' 0 '{*"data":{"color":"blue","shape":"round"}*}' '' -n "$ns" get cm settings -o json
t 'patch: a subresource' 0 'pod/pause patched' '' -n "$ns" patch pod pause --subresource status -p '{"status":{"message":"patched"}}'
t 'patch: what is missing' 1 '' 'Error from server (NotFound): configmaps "nobody" not found' -n "$ns" patch cm nobody -p '{}'
t 'patch: an unknown type' 1 '' 'error: --type must be one of*' -n "$ns" patch cm settings --type x -p '{}'
t 'patch: no JSON' 1 '' 'error: *' -n "$ns" patch cm settings -p '{'
t 'patch: no patch' 1 '' 'error: must specify --patch*' -n "$ns" patch cm settings
t 'patch: dry run' 0 'configmap/settings patched (server dry run)' '' -n "$ns" patch cm settings --dry-run server -p '{"data":{"color":"dry"}}'

echo '# apply, replace'
sed '/^---$/,$d' red.yaml >one.yaml
t 'replace' 0 'configmap/settings replaced' '' -n "$ns" replace -f one.yaml
t 'get: it was replaced' 0 '*"data":{"color":"red"}*' '' -n "$ns" get cm settings -o json
t 'replace: what may not be changed' 1 'configmap/settings replaced' 'The Pod "pause" is invalid: spec: Forbidden: *' -n "$ns" replace -f two.yaml
t 'replace: what is missing' 1 '' 'Error from server (NotFound): error when replacing "two.yaml": configmaps "settings" not found*' -n "$other" replace -f two.yaml
t 'apply: new' 0 $'configmap/settings serverside-applied\npod/pause serverside-applied' '' -n "$other" apply -f two.yaml --field-manager one
t 'apply: again' 0 $'configmap/settings serverside-applied\npod/pause serverside-applied' '' -n "$other" apply -f two.yaml --field-manager one
t 'apply: a conflict' 1 'pod/pause serverside-applied' \
	$'error: Apply failed with 1 conflict: conflict with "one": .data.color\nPlease review the fields above*' \
	-n "$other" apply -f red.yaml --field-manager two
t 'apply: taking the field over' 0 $'configmap/settings serverside-applied\npod/pause serverside-applied' '' \
	-n "$other" apply -f red.yaml --field-manager two --force-conflicts
t 'get: it was taken over' 0 '*"color":"red"*' '' -n "$other" get cm settings -o json
t 'apply: a generated name' 1 '' 'error: from made-: cannot use generate name with apply' apply -f generated.yaml
t 'apply: forbidden' 1 '' 'Error from server (Forbidden): configmaps "settings" is forbidden:*' --context nobody -n "$ns" apply -f two.yaml
t 'apply: custom resource definitions' 0 'customresourcedefinition.apiextensions.k8s.io/dask*serverside-applied' '' apply -f "$crds"
same 'apply: as many as the file has' "$(grep -c '^kind: CustomResourceDefinition' "$crds")" "$(grep -c serverside-applied out)"

{ printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: large}\ndata:\n'
	for ((i = 0; i < 700; i++)); do printf '  key%d: %01000d\n' "$i" "$i"; done; } >large.yaml
t 'apply: an object of 700 KB' 0 'configmap/large serverside-applied' '' -n "$ns" apply -f large.yaml
t 'get: all of it' 0 'large *700 *' '' -n "$ns" get cm large --no-headers
for ((i = 0; i < 100; i++)); do printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: many-%d}\n' "$i"; done >many.yaml
"$kubeshim" -n "$ns" create -f many.yaml >out
same 'create: a hundred, in order' "$(seq -f 'configmap/many-%g created' 0 99)" "$(cat out)"

echo '# kinds'
t 'kinds' 0 $'NAME *SHORTNAMES *APIVERSION *NAMESPACED *KIND\n*\npods *po *v1 *true *Pod\n*deployments *deploy *apps/v1 *true *Deployment*' '' kinds
t 'kinds: by its other name' 0 $'*\ndeployments.apps\n*' '' api-resources -o name
tries=0
until [ $tries = 100 ] || { "$kubeshim" kinds | grep -q '^daskworkergroups .* kubernetes.dask.org/v1 *true *DaskWorkerGroup$' &&
	"$kubeshim" get daskworkergroups >/dev/null 2>&1; }; do
	sleep 0.1
	tries=$((tries + 1))
done
same 'kinds: custom resources' 0 $((tries == 100))

echo '# scale'
t 'scale' 0 'deployment.apps/web scaled' '' -n "$ns" scale deployment web 3
t 'scale: with --replicas' 0 'deployment.apps/web scaled' '' -n "$ns" scale deploy/web --replicas=2
t 'get: scaled' 0 '*"replicas":2,*' '' -n "$ns" get deploy web -o json
cat >dask.yaml <<'Y'
apiVersion: kubernetes.dask.org/v1
kind: DaskWorkerGroup
metadata: {name: workers}
spec:
  cluster: none
  worker: {replicas: 1, spec: {containers: [{name: worker, image: x}]}}
Y
t 'create: a custom resource' 0 'daskworkergroup.kubernetes.dask.org/workers created' '' -n "$ns" create -f dask.yaml
t 'scale: a custom resource' 0 'daskworkergroup.kubernetes.dask.org/workers scaled' '' -n "$ns" scale daskworkergroup workers 4
t 'get: scaled' 0 '*"replicas":4*' '' -n "$ns" get daskworkergroup workers -o json
t 'patch: strategic is not for these' 1 '' 'Error from server (UnsupportedMediaType): *' -n "$ns" patch daskworkergroup workers -p '{}'
t 'scale: what is missing' 1 '' 'Error from server (NotFound): deployments.apps "nobody" not found' -n "$ns" scale deploy nobody 1
t 'scale: what cannot be' 1 '' 'error: a ConfigMap cannot be scaled' -n "$ns" scale cm settings 1
t 'scale: no number' 1 '' 'error: the number of replicas is missing*' -n "$ns" scale deploy web

echo '# delete'
t 'delete: dry run' 0 "configmap \"piped\" deleted from $ns namespace (server dry run)" '' -n "$ns" delete cm piped --dry-run=server
t 'delete' 0 "configmap \"piped\" deleted from $ns namespace" '' -n "$ns" delete cm piped
t 'delete: what is gone' 1 '' 'Error from server (NotFound): configmaps "piped" not found' -n "$ns" delete cm piped
t 'delete: what is gone is fine' 0 '' '' -n "$ns" delete cm piped --ignore-not-found
t 'delete: a file' 0 "configmap \"settings\" deleted from $other namespace
pod \"pause\" deleted from $other namespace" '' -n "$other" delete -f two.yaml
t 'delete: a file again' 1 '' 'Error from server (NotFound): error when deleting "two.yaml": *' -n "$other" delete -f two.yaml
t 'delete: a selector' 0 "configmap \"settings\" deleted from $ns namespace
pod \"pause\" deleted from $ns namespace" '' -n "$ns" delete cm,pods -l app=cli
t 'delete: a selector, nothing left' 0 'No resources found' '' -n "$ns" delete cm,pods -l app=cli
t 'delete: orphans' 0 "deployment.apps \"web\" deleted from $ns namespace" '' -n "$ns" delete deploy/web --cascade orphan
t 'delete: --all' 0 "daskworkergroup.kubernetes.dask.org \"workers\" deleted from $ns namespace" '' -n "$ns" delete daskworkergroups --all
t 'create: once more' 0 '*' '' -n "$ns" create -f two.yaml
t 'delete: --force' 0 "pod \"pause\" force deleted from $ns namespace" 'Warning: Immediate deletion does not wait*' -n "$ns" delete pod pause --force
t 'delete: no name' 1 '' 'error: resource(s) were provided, but no name was specified' -n "$ns" delete pods
t 'delete: nothing' 1 '' 'error: You must provide one or more resources*' delete
t 'delete: a bad cascade' 1 '' 'error: invalid cascade value (x)*' delete pod x --cascade x
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: stuck, finalizers: [example.com/stuck]}\n' >stuck.yaml
t 'create: with a finalizer' 0 'configmap/stuck created' '' -n "$ns" create -f stuck.yaml
t 'delete: waits' 1 "configmap \"stuck\" deleted from $ns namespace" 'error: timed out waiting for the condition on configmaps/stuck' \
	-n "$ns" delete cm stuck --timeout=300ms
t 'delete: does not wait' 0 "configmap \"stuck\" deleted from $ns namespace" '' -n "$ns" delete cm stuck --wait=false
(sleep 0.3 && "$kubeshim" -n "$ns" patch cm stuck --type merge -p '{"metadata":{"finalizers":null}}' >/dev/null) &
t 'delete: until it is gone' 0 "configmap \"stuck\" deleted from $ns namespace" '' -n "$ns" delete cm stuck
wait
t 'get: it is gone' 1 '' '*"stuck" not found' -n "$ns" get cm stuck

echo '# config, version'
t 'config current-context' 0 'admin' '' config current-context
t 'config get-contexts' 0 $'CURRENT   NAME *\n\*         admin *' '' config get-contexts
t 'config view' 0 '*current-context: admin*' '' config view
same 'config view: without secrets' '' "$(grep -F -- "${token:-none}" out)"
t 'config: needs no server' 0 'admin' '' --kubeconfig dead.kubeconfig config current-context
t 'config: unknown' 1 '' 'error: unknown command "nothing"*' config nothing
t 'version' 0 $'Client Version: v*\nServer Version: v1.*' '' version
t 'version: JSON' 0 '{"clientVersion":{"gitVersion":"v*"},"serverVersion":{*"gitVersion":"v1.*}}' '' version -o json
t 'version: the server is not there' 1 'Client Version: v*' 'Unable to connect*' --kubeconfig dead.kubeconfig version
t 'version: only the client' 0 'Client Version: v*' '' --kubeconfig dead.kubeconfig version --client

echo '# output that cannot be written'
"$kubeshim" get clusterroles -o json 2>err | head -n 1 >/dev/null
same 'a reader that goes away: quiet, as other tools' '141 ' "${PIPESTATUS[0]} $(cat err)"
(trap '' PIPE; "$kubeshim" get clusterroles -o json 2>err | head -n 1 >/dev/null; echo "${PIPESTATUS[0]}" >status)
same 'the same without the signal' '1 error: cannot write: Broken pipe' "$(cat status) $(cat err)"
for verb in 'get ns' 'get clusterroles -o json' 'kinds' 'version' 'config view' '--help'; do
	# shellcheck disable=SC2086
	"$kubeshim" $verb >/dev/full 2>err
	same "a full disk: $verb" '1 error: cannot write: No space left on device' "$? $(cat err)"
done
"$kubeshim" get ns >&- 2>err
same 'no standard output' '1 error: cannot write: Bad file descriptor' "$? $(cat err)"

finish
