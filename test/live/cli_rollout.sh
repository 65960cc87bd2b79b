#!/bin/bash
# The command line's logs, rollout and wait against the server of KUBECONFIG, by their
# output and exit status, in a namespace of its own. What needs containers to run is skipped where
# there is no node. Prints "ok N - name" or "not ok N - name" for each check and ends
# with "N passed, N failed", ", N skipped" where some were.
# shellcheck source=test/cli_checks.sh
. "$(dirname "$0")/../cli_checks.sh"

ns=cli-rollout-$$ image=${KSHIM_TEST_IMAGE:-none}
node=
[ -z "${KSHIM_TEST_NODE:-}" ] || [ -z "${KSHIM_TEST_IMAGE:-}" ] || node=1

remove() {
	"$kubeshim" delete ns "$ns" --ignore-not-found --wait=false
}

# pod NAME SCRIPT: of one container, on the node.
pod() {
	printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: %s, labels: {app: logs}}\nspec:\n' "$1"
	printf '  terminationGracePeriodSeconds: 0\n  restartPolicy: Never\n  containers:\n'
	printf '  - {name: main, image: "%s", imagePullPolicy: Never, command: [sh, -c, "%s"]}\n---\n' "$image" "$2"
}

printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: %s}\n' "$ns" >ns.yaml
printf 'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: default, namespace: %s}\n' "$ns" >account.yaml
cat >never.yaml <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: never, labels: {app: never}}
spec:
  schedulerName: nobody
  terminationGracePeriodSeconds: 0
  initContainers: [{name: first, image: none}]
  containers: [{name: main, image: none}, {name: side, image: none}]
Y
t 'a namespace' 0 "namespace/$ns created" '' create -f ns.yaml
# the account that pods need is made by a controller, where there is one
"$kubeshim" apply -f account.yaml >/dev/null 2>&1
t 'a Pod that never runs' 0 'pod/never created' '' -n "$ns" create -f never.yaml

echo '# logs, of what does not run'
t 'logs: nothing yet' 0 '' 'Defaulted container "main" out of: main, side, first (init)' -n "$ns" logs never
t 'logs: a container' 0 '' '' -n "$ns" logs pod/never -c side
t 'logs: a container behind the Pod' 0 '' '' -n "$ns" logs never first
t 'logs: no such container' 1 '' 'error: container nothing is not valid for pod never out of: main, side, first (init)' \
	-n "$ns" logs never nothing
"$kubeshim" -n "$ns" patch pod never --type merge \
	-p '{"metadata":{"annotations":{"kubectl.kubernetes.io/default-container":"side"}}}' >out
t 'logs: the default container' 0 '' '' -n "$ns" logs never
"$kubeshim" -n "$ns" patch pod never --type merge \
	-p '{"metadata":{"annotations":{"kubectl.kubernetes.io/default-container":"gone"}}}' >out
t 'logs: a default container that is not there' 0 '' $'Default container name "gone" not found in pod never\nDefaulted container "main" out of: *' \
	-n "$ns" logs never
t 'logs: of a selector' 0 '' 'Default*' -n "$ns" logs -l app=never
t 'logs: nothing selected' 0 '' "No resources found in $ns namespace." -n "$ns" logs -l app=nothing
t 'logs: no such Pod' 1 '' "error: error from server (NotFound): pods \"nobody\" not found in namespace \"$ns\"" -n "$ns" logs nobody
t 'logs: no such kind' 1 '' "error: the server doesn't have a resource type \"nothings\"" -n "$ns" logs nothings/x
t 'logs: not of a Pod' 1 '' 'error: logs are those of a Pod, not of a ConfigMap: *' -n "$ns" logs cm/x
t 'logs: no Pod' 1 '' $'error: expected \'logs \[-f] \[-p] (POD | TYPE/NAME) \[-c CONTAINER]\'.\nPOD or TYPE/NAME is a required *' -n "$ns" logs
t 'logs: too much' 1 '' "error: expected 'logs *" -n "$ns" logs never main side
t 'logs: a Pod and a selector' 1 '' 'error: only a selector (-l) or a POD name is allowed*' -n "$ns" logs never -l app=never
t 'logs: two containers' 1 '' 'error: only one of -c or an inline \[CONTAINER] arg is allowed' -n "$ns" logs never main -c side
t 'logs: one container and all' 1 '' 'error: --all-containers=true should not be specified with container name main' \
	-n "$ns" logs never main --all-containers
t 'logs: two beginnings' 1 '' 'error: at most one of `sinceTime` or `sinceSeconds` may be specified' \
	-n "$ns" logs never --since 1h --since-time 2026-11-24T08:00:00Z
t 'logs: a bad --since' 1 '' 'error: invalid argument "soon" for "--since" flag: time: invalid duration "soon"*' -n "$ns" logs never --since soon
t 'logs: --since of the future' 1 '' 'error: --since must be greater than 0' -n "$ns" logs never --since -1s
t 'logs: a bad --since-time' 1 '' 'error: parsing time "noon": *' -n "$ns" logs never -c main --since-time noon
t 'logs: a bad --tail' 1 '' 'error: --tail must be greater than or equal to -1' -n "$ns" logs never --tail -2
t 'logs: a bad --limit-bytes' 1 '' 'error: --limit-bytes must be greater than 0' -n "$ns" logs never --limit-bytes -1
t 'logs: too many to follow' 1 '' 'error: you are attempting to follow 3 log streams, but maximum allowed concurrency is 2, *' \
	-n "$ns" logs -f never --all-containers --max-log-requests 2
timeout 60 "$kubeshim" -v -n "$ns" logs -f never --all-containers >out 2>err &
follower=$!
until_true eval '[ "$(grep -c "^> GET .*/pods/never " err)" -ge 2 ]'
"$kubeshim" -n "$ns" delete pod never >/dev/null
wait $follower
same 'logs: -f of what never ran ends with its Pod' '0 ' "$? $(cat out)"

echo '# wait'
cat >waits.yaml <<'Y'
apiVersion: v1
kind: ConfigMap
metadata: {name: one, labels: {app: wait, example.com/x.y: "1"}}
data: {color: blue, a.b: point}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: two, labels: {app: wait}}
data: {color: blue}
Y
status() {
	"$kubeshim" -n "$ns" patch pod never --subresource status --type merge -p "{\"status\":$1}" >/dev/null
}
t 'wait: objects' 0 '*' '' -n "$ns" create -f waits.yaml
t 'wait: a Pod' 0 '*' '' -n "$ns" create -f never.yaml
t 'wait: any value' 0 'configmap/one condition met' '' -n "$ns" wait cm/one --for=jsonpath='{.data.color}'
t 'wait: a value' 0 $'configmap/one condition met\nconfigmap/two condition met' '' -n "$ns" wait cm one two --for=jsonpath='{.data.color}'=blue
t 'wait: a value of quotes' 0 'configmap/one condition met' '' -n "$ns" wait cm one --for 'jsonpath=.data.color="blue"'
t 'wait: paths with brackets' 0 'pod/never condition met' '' -n "$ns" wait pod/never --for=jsonpath="{.spec['containers'][1].name}"=side
t 'wait: paths with points' 0 $'configmap/one condition met\nconfigmap/one condition met' '' \
	-n "$ns" wait cm/one --for=jsonpath='{.metadata.labels.example\.com/x\.y}'=1 --for=jsonpath='{$.data.a\.b}'=point
t 'wait: what takes too long' 1 '' 'error: timed out waiting for the condition on configmaps/one' \
	-n "$ns" wait cm/one --for=jsonpath='{.data.color}'=red --timeout=200ms
t 'wait: all of them take too long' 1 '' $'error: timed out waiting for the condition on configmaps/one\nerror: timed out waiting for the condition on configmaps/two' \
	-n "$ns" wait cm one two --for=delete --timeout=200ms
t 'wait: a condition that is not there' 1 '' 'error: timed out waiting for the condition on pods/never' \
	-n "$ns" wait pod/never --for=condition=Fine --timeout=200ms
for once in 0 0s; do
	t "wait: look once ($once)" 1 '' 'error: condition not met for configmaps/one' \
		-n "$ns" wait cm/one --for=jsonpath='{.data.color}'=red --timeout=$once
done
t 'wait: look once, at what is so' 0 'configmap/one condition met' '' -n "$ns" wait cm/one --for=jsonpath='{.data.color}'=blue --timeout=0
t 'wait: look once, at a number' 0 'pod/never condition met' '' -n "$ns" wait pod/never --for=jsonpath='{.spec.terminationGracePeriodSeconds}'=0 --timeout=0
t 'wait: look once, at a list' 1 '' 'error: jsonpath leads to a nested object or list *' -n "$ns" wait pod/never --for=jsonpath='{.spec.containers}'=x --timeout=0
t 'wait: look once, is it gone' 1 '' 'error: condition not met for configmaps/one' -n "$ns" wait cm/one --for=delete --timeout=0
t 'wait: a list is no value' 1 '' 'error: jsonpath leads to a nested object or list *' -n "$ns" wait pod/never --for=jsonpath='{.spec.containers}'=x
t 'wait: no such object' 1 'configmap/one condition met' 'Error from server (NotFound): configmaps "nobody" not found' \
	-n "$ns" wait cm one nobody --for=jsonpath='{.data.color}'
t 'wait: no such kind' 1 '' "error: the server doesn't have a resource type \"nothings\"" -n "$ns" wait nothings/x --for=delete
t 'wait: no goal' 1 '' 'error: unrecognized condition: ""' -n "$ns" wait cm/one
t 'wait: a strange goal' 1 '' 'error: unrecognized condition: "x"' -n "$ns" wait cm/one --for=x
t 'wait: an empty path' 1 '' 'error: jsonpath expression cannot be empty' -n "$ns" wait cm/one --for=jsonpath=
t 'wait: an open path' 1 '' 'error: unexpected path string, *' -n "$ns" wait cm/one --for=jsonpath='{.data'
t 'wait: an empty value' 1 '' 'error: jsonpath wait has to have a value *' -n "$ns" wait cm/one --for=jsonpath='{.data}'=
for path in '{.data[*]}' '{.data[?(@.a=="b")]}' '{.data..color}' '{.data.}' '{}' "{.data['color}" '{.data[-1]}'; do
	t "wait: no plain path: $path" 1 '' 'error: a plain path is needed, *' -n "$ns" wait cm/one --for=jsonpath="$path"
done
t 'wait: no name' 1 '' 'error: resource(s) were provided, but no name was specified' -n "$ns" wait cm --for=delete
t 'wait: nothing selected' 1 '' 'error: no matching resources found' -n "$ns" wait cm -l app=nothing --for=jsonpath='{.data}'
t 'wait: nothing selected is gone' 0 '' '' -n "$ns" wait cm -l app=nothing --for=delete
t 'wait: gone already' 0 '' '' -n "$ns" wait cm/nobody --for=delete
t 'wait: of a selector' 0 $'configmap/one\nconfigmap/two' '' -n "$ns" wait cm -l app=wait --for=jsonpath='{.data.color}'=blue -o name
t 'wait: of all' 0 'pod/never condition met' '' -n "$ns" wait pods --all --for=jsonpath='{.spec}'
t 'wait: the object' 0 '{*"color":"blue"*}' '' -n "$ns" wait cm/one --for=create -o json
t 'wait: what is never made' 1 '' 'error: timed out waiting for the condition' -n "$ns" wait cm/nobody --for=create --timeout=200ms
t 'wait: what is never made, selected' 1 '' 'error: timed out waiting for the condition' -n "$ns" wait cm -l app=nothing --for=create --timeout=200ms

# later COMMAND...: once the program waits. With -v each request that is over is in its stderr: that for the
# object, and the list that a watch begins with.
later() {
	until_true eval '[ "$(grep -c "^> GET " err)" -ge 2 ]'
	"$@" >/dev/null 2>&1
}
sed 's/one/made/' waits.yaml | sed '/^---$/,$d' >made.yaml
: >err
later "$kubeshim" -n "$ns" create -f made.yaml &
t 'wait: what is made meanwhile' 0 $'configmap/made condition met\nconfigmap/made condition met' '*> GET *' \
	-v -n "$ns" wait cm/made --for=create --for=jsonpath='{.data.color}'=blue
wait
: >err
later "$kubeshim" -n "$ns" delete cm made &
t 'wait: what goes meanwhile' 0 'configmap/made condition met' '*> GET *' -v -n "$ns" wait cm/made --for=delete
wait
: >err
later status '{"conditions":[{"type":"Fine","status":"True"}],"phase":"Running"}' &
t 'wait: a condition that comes' 0 'pod/never condition met' '*> GET *' -v -n "$ns" wait pod/never --for=condition=fine
wait
t 'wait: a condition that is so' 0 'pod/never condition met' '' -n "$ns" wait pod/never --for=condition=Fine=True --timeout=0
: >err
later status '{"conditions":[{"type":"Fine","status":"False"}]}' &
t 'wait: a condition of another status' 0 'pod/never condition met' '*> GET *' -v -n "$ns" wait pod/never --for=condition=Fine=false
wait
t 'wait: a condition is not so' 1 '' 'error: condition not met for pods/never' -n "$ns" wait pod/never --for=condition=Fine --timeout=0
: >err
later "$kubeshim" -n "$ns" delete pod never &
t 'wait: an object that goes before its condition comes' 1 '' '*error: *"never"*was deleted*' -v -n "$ns" wait pod/never --for=condition=Fine
wait

if [ -n "$node" ]; then
	echo '# logs'
	{ pod one 'echo first; echo second; echo third'
		pod steps 'for i in 1 2 3 4 5; do echo step $i; sleep 0.2; done; printf end'
		cat <<Y; } >pods.yaml
apiVersion: v1
kind: Pod
metadata: {name: two, labels: {app: logs}}
spec:
  restartPolicy: OnFailure
  terminationGracePeriodSeconds: 0
  volumes: [{name: kept, emptyDir: {}}]
  initContainers:
  - {name: init, image: "$image", imagePullPolicy: Never, command: [sh, -c, "echo from init"]}
  containers:
  - {name: a, image: "$image", imagePullPolicy: Never, command: [sh, -c, "echo from a; printf torn"]}
  - name: b
    image: "$image"
    imagePullPolicy: Never
    command: [sh, -c, "[ -e /kept/x ] || { echo b dies; touch /kept/x; exit 1; }; echo b lives; exec sleep 10000"]
    volumeMounts: [{name: kept, mountPath: /kept}]
Y
	t 'Pods' 0 '*' '' -n "$ns" create -f pods.yaml
	t 'logs: -f from before its beginning to its end' 0 $'step 1\nstep 2\nstep 3\nstep 4\nstep 5\nend' '' -n "$ns" logs -f steps
	t 'logs: -f of what has ended' 0 $'first\nsecond\nthird' '' -n "$ns" logs one -f
	t 'logs' 0 $'first\nsecond\nthird' '' -n "$ns" logs pod/one
	t 'logs: the tail' 0 'third' '' -n "$ns" logs one --tail=1
	t 'logs: all of the tail' 0 $'first\nsecond\nthird' '' -n "$ns" logs one --tail=-1
	t 'logs: so many bytes' 0 $'first\nsec' '' -n "$ns" logs one --limit-bytes 9
	t 'logs: so many bytes, followed' 0 $'first\nsec' '' -n "$ns" logs one --limit-bytes 9 -f
	t 'logs: since now' 0 '' '' -n "$ns" logs one --since-time 2999-01-01T00:00:00Z
	t 'logs: of the last hours' 0 $'first\nsecond\nthird' '' -n "$ns" logs one --since 10h
	t 'logs: times' 0 $'20[0-9][0-9]-*T*Z first\n20*Z second\n20*Z third' '' -n "$ns" logs one --timestamps
	t 'logs: a prefix' 0 $'\[pod/one/main] first\n\[pod/one/main] second\n\[pod/one/main] third' '' -n "$ns" logs one --prefix
	t 'logs: none from before' 1 '' 'Error from server (BadRequest): previous terminated container "main" in pod "one" not found' \
		-n "$ns" logs one -p
	until_true eval '[ "$("$kubeshim" -n "$ns" logs two b)" = "b lives" ]'
	t 'logs: from before the restart' 0 'b dies' '' -n "$ns" logs two b --previous
	t 'logs: all containers, in order' 0 $'from init\nfrom a\ntorn\nb lives' '' -n "$ns" logs two --all-containers
	t 'logs: all containers with their names' 0 $'\[pod/two/init] from init\n\[pod/two/a] from a\n\[pod/two/a] torn\n\[pod/two/b] b lives' '' \
		-n "$ns" logs two --all-containers --prefix
	t 'logs: of a selector, in order' 0 $'first\nsecond\nthird\nstep 1\n*\nend\nfrom a\ntorn' 'Defaulted container "a" out of: a, b, init (init)' \
		-n "$ns" logs -l app=logs
	t 'logs: of a selector, the tails' 0 $'third\nend\ntorn' 'Defaulted container "a" out of: *' -n "$ns" logs -l app=logs --tail=1
	timeout 60 "$kubeshim" -n "$ns" logs -f two --all-containers >/dev/full 2>err
	same 'logs: -f onto a full disk' '1 error: cannot write: No space left on device' "$? $(cat err)"
	timeout 60 "$kubeshim" -n "$ns" logs -f --all-containers --prefix -l app=logs >out 2>err &
	follower=$!
	until_true grep -q 'b lives' out
	"$kubeshim" -n "$ns" delete pod two >/dev/null
	wait $follower
	same 'logs: -f of several until the last is gone' '0 ' "$? $(cat err)"
	same 'logs: -f of several, every line of each' "$(printf '[pod/%s\n' 'one/main] first' 'one/main] second' 'one/main] third' \
		'steps/main] end' 'steps/main] step '{1..5} 'two/a] from a' 'two/a] torn' 'two/b] b lives' 'two/init] from init')" "$(sort out)"
else
	skip 'logs of containers: there is no node'
fi

echo '# rollout'
# workload KIND NAME SPEC: of Pods that never run
workload() {
	printf -- '---\napiVersion: apps/v1\nkind: %s\nmetadata: {name: %s, labels: {app: %s}}\nspec:\n  %s\n' "$1" "$2" "$2" "$3"
	printf '  selector: {matchLabels: {app: %s}}\n  template:\n    metadata: {labels: {app: %s}}\n' "$2" "$2"
	printf '    spec: {schedulerName: nobody, containers: [{name: main, image: first}]}\n'
}
{ workload Deployment web 'replicas: 2'; workload Deployment late 'progressDeadlineSeconds: 1'
	workload DaemonSet all 'updateStrategy: {type: OnDelete}'; workload StatefulSet set 'serviceName: set'; } >workloads.yaml
image() {
	"$kubeshim" -n "$ns" patch "$1" "$2" -p "{\"metadata\":{\"annotations\":{\"kubernetes.io/change-cause\":\"$3\"}},\"spec\":{
		\"template\":{\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":\"$3\"}]}}}}" >/dev/null
}
# revisions KIND NAME LIST: until they are these
revisions() {
	until_true eval "[ \"\$('$kubeshim' -n '$ns' rollout history '$1' '$2' | sed -n 's/^\([0-9][0-9]*\) .*/\1/p' | paste -sd,)\" = '$3' ]"
}
t 'rollout: workloads' 0 '*' '' -n "$ns" create -f workloads.yaml
revisions deployment web 1
image deployment web second
revisions deployment web 1,2
t 'rollout history' 0 $'deployment.apps/web \nREVISION  CHANGE-CAUSE\n1         <none>\n2         second' '' -n "$ns" rollout history deploy/web
t 'rollout history: a revision' 0 $'deployment.apps/web with revision #1\nPod Template:\n  Labels:\tapp=web\n\tpod-template-hash=*\n    Image:\tfirst\n*' '' \
	-n "$ns" rollout history deployment web --revision=1
t 'rollout history: names' 0 $'replicaset.apps/web-*\nreplicaset.apps/web-*' '' -n "$ns" rollout history deployment web -o name
t 'rollout history: a revision as an object' 0 '{*"kind":"ReplicaSet"*"image":"second"*}' '' \
	-n "$ns" rollout history deployment web -o json --revision 2
t 'rollout history: no such revision' 1 '' 'error: unable to find the specified revision' -n "$ns" rollout history deploy/web --revision=7
t 'rollout history: a bad revision' 1 '' 'error: revision must be a positive integer: -1' -n "$ns" rollout history deploy/web --revision=-1
t 'rollout status: once' 0 'Waiting for deployment "web" rollout to finish: *' '' -n "$ns" rollout status deploy/web --watch=false
t 'rollout status: the time is up' 1 '*' 'error: timed out waiting for the condition' \
	-n "$ns" rollout status deploy/web --timeout=200ms
t 'rollout status: another revision' 1 '' 'error: desired revision (1) is different from the running revision (2)' \
	-n "$ns" rollout status deploy/web --revision=1
t 'rollout status: this revision' 0 'Waiting *' '' -n "$ns" rollout status deploy/web --revision=2 -w=false
t 'rollout undo: dry run' 0 'deployment.apps/web rolled back (server dry run)' '' -n "$ns" rollout undo deploy/web --dry-run=server
t 'rollout undo: it was one' 0 '*"image":"second"*' '' -n "$ns" get deploy web -o json
t 'rollout undo' 0 'deployment.apps/web rolled back' '' -n "$ns" rollout undo deploy/web
t 'rollout undo: it is done' 0 '*"image":"first"*' '' -n "$ns" get deploy web -o json
revisions deployment web 2,3
t 'rollout undo: is so already' 0 'deployment.apps/web skipped rollback (current template already matches revision 3)' '' \
	-n "$ns" rollout undo deploy/web --to-revision 3
t 'rollout undo: redone' 0 '{*"image":"second"*}' '' -n "$ns" rollout undo deployment web --to-revision=2 -o json
revisions deployment web 3,4
t 'rollout undo: no such revision' 1 '' 'error: unable to find specified revision 9 in history' -n "$ns" rollout undo deploy/web --to-revision=9
t 'rollout undo: a bad revision' 1 '' 'error: unable to find specified revision -1 in history' -n "$ns" rollout undo deploy/web --to-revision=-1
t 'rollout undo: nothing before' 1 '' 'error: no rollout history found for deployment "late"' -n "$ns" rollout undo deploy/late
"$kubeshim" -n "$ns" patch deploy late --type merge \
	-p '{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}"}}}' >/dev/null
t 'rollout undo: of what kubectl applied' 1 '' $'Warning: resource deployments/late was previously managed with \'kubectl apply\'. *\nerror: *' \
	-n "$ns" rollout undo deploy/late
t 'rollout pause' 0 'deployment.apps/web paused' '' -n "$ns" rollout pause deploy/web
t 'rollout pause: again' 1 '' 'error: deployments.apps "web" is already paused' -n "$ns" rollout pause deploy/web
t 'rollout restart: while paused' 1 '' "error: deployments.apps \"web\" can't restart paused deployment (run rollout resume first)" \
	-n "$ns" rollout restart deploy/web
t 'rollout undo: while paused' 1 '' 'error: you cannot rollback a paused deployment; resume it first *' -n "$ns" rollout undo deploy/web
t 'rollout resume' 0 'deployment.apps/web resumed' '' -n "$ns" rollout resume deploy/web
t 'rollout resume: again' 1 '' 'error: deployments.apps "web" is not paused' -n "$ns" rollout resume deploy/web
t 'rollout restart' 0 $'deployment.apps/web restarted\nstatefulset.apps/set restarted' '' -n "$ns" rollout restart deploy/web sts/set
t 'rollout restart: it is' 0 '*"kubectl.kubernetes.io/restartedAt":"20*Z"*' '' -n "$ns" get sts set -o json
t 'rollout restart: of a selector' 0 'daemonset.apps/all' '' -n "$ns" rollout restart ds -l app=all -o name
revisions statefulset set 1,2
revisions daemonset all 1,2
t 'rollout undo: of several kinds' 0 $'statefulset.apps/set rolled back\ndaemonset.apps/all rolled back' '' \
	-n "$ns" rollout undo statefulset/set daemonset/all
revisions daemonset all 2,3
t 'rollout history: of all of a kind' 0 $'daemonset.apps/all \nREVISION  CHANGE-CAUSE\n2         <none>\n3         <none>' '' -n "$ns" rollout history ds
t 'rollout status: a strategy without' 1 '' 'error: rollout status is only available for RollingUpdate strategy type' \
	-n "$ns" rollout status ds/all
t 'rollout status: of a set' 0 'Waiting for 1 pods to be ready...' '' -n "$ns" rollout status sts/set --watch=false
t 'rollout status: its own deadline' 1 '*' 'error: deployment "late" exceeded its progress deadline' -n "$ns" rollout status deploy/late
: >err
later "$kubeshim" -n "$ns" delete deploy web &
t 'rollout status: it goes meanwhile' 1 'Waiting *' '*error: object has been deleted*' -v -n "$ns" rollout status deploy/web
wait
t 'rollout: what is not there' 1 '' 'Error from server (NotFound): deployments.apps "web" not found' -n "$ns" rollout status deploy/web
t 'rollout: nothing selected' 0 '' "No resources found in $ns namespace." -n "$ns" rollout restart deploy -l app=nothing
t 'rollout: nothing named' 1 '' 'error: required resource not specified' -n "$ns" rollout undo
t 'rollout: no verb' 1 '' 'error: rollout needs one of: *' rollout
t 'rollout: an unknown verb' 1 '' 'error: unknown command "redo"*' rollout redo deploy/web
for wrong in 'undo --revision=1' 'status --to-revision=1' 'status -o name' 'status --dry-run=server' 'history --dry-run=server' \
	'restart --watch=false' 'restart --timeout=1s' 'history --field-manager=x'; do
	# shellcheck disable=SC2086
	t "rollout: no option of this one: $wrong" 1 '' 'error: unknown flag: --*' -n "$ns" rollout $wrong deploy/late
done
"$kubeshim" -n "$ns" create -f account.yaml >/dev/null 2>&1
t 'rollout undo: another kind' 1 '' 'error: no rollbacker has been implemented for ServiceAccount' -n "$ns" rollout undo sa/default
t 'rollout status: another kind' 1 '' 'error: no status viewer has been implemented for ServiceAccount' -n "$ns" rollout status sa/default
t 'rollout history: another kind' 1 '' 'error: no history viewer has been implemented for ServiceAccount' -n "$ns" rollout history sa/default
t 'rollout restart: another kind' 1 '' 'error: serviceaccounts "default" restarting is not supported' -n "$ns" rollout restart sa/default
t 'rollout pause: a kind that does not' 1 '' 'error: statefulsets.apps "set" pausing is not supported' -n "$ns" rollout pause sts/set
t 'rollout resume: a kind that does not' 1 '' 'error: daemonsets.apps "all" resuming is not supported' -n "$ns" rollout resume ds/all

if [ -n "$node" ]; then
	cat >live.yaml <<Y
apiVersion: apps/v1
kind: Deployment
metadata: {name: live}
spec:
  replicas: 2
  selector: {matchLabels: {app: live}}
  template:
    metadata: {labels: {app: live}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: main, image: "$image", imagePullPolicy: Never, command: [sh, -c, "echo first; exec sleep 10000"]}]
Y
	t 'rollout: a Deployment that runs' 0 '*' '' -n "$ns" create -f live.yaml
	t 'rollout status: until it is over' 0 $'*deployment "live" successfully rolled out' '' \
		-n "$ns" rollout status deploy/live --timeout=50s
	t 'wait: a Deployment is available' 0 'deployment.apps/live condition met' '' -n "$ns" wait deploy/live --for=condition=Available
	t 'wait: its Pods are ready' 0 $'pod/live-* condition met\npod/live-* condition met' '' -n "$ns" wait pods -l app=live --for=condition=Ready
	t 'rollout: another template' 0 '*' '' -n "$ns" patch deploy live -p '{"spec":{"template":{"spec":{"containers":[
		{"name":"main","command":["sh","-c","echo second; exec sleep 10000"]}]}}}}'
	t 'rollout status: of the second' 0 $'*deployment "live" successfully rolled out' '' -n "$ns" rollout status deploy/live --timeout=50s
	t 'rollout undo: of what runs' 0 'deployment.apps/live rolled back' '' -n "$ns" rollout undo deploy/live
	t 'rollout status: of what was rolled back' 0 $'*deployment "live" successfully rolled out' '' \
		-n "$ns" rollout status deploy/live --timeout=50s
	until_true eval '[ "$("$kubeshim" -n "$ns" get pods -l app=live -o name | wc -l)" = 2 ]'
	t 'logs: of what was rolled back' 0 $'first\nfirst' '' -n "$ns" logs -l app=live
	t 'rollout undo: and back' 0 'deployment.apps/live rolled back' '' -n "$ns" rollout undo deploy/live
	t 'rollout status: of what is back' 0 $'*deployment "live" successfully rolled out' '' -n "$ns" rollout status deploy/live --timeout=50s
	t 'rollout history: of all that' 0 $'*\n3 *<none>\n4 *<none>' '' -n "$ns" rollout history deploy/live
	t 'rollout status: over already' 0 'deployment "live" successfully rolled out' '' -n "$ns" rollout status deploy/live
else
	skip 'rollouts of Pods that run: there is no node'
fi

finish
