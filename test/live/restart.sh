#!/bin/bash
# What goes on while the API server is killed and started again, its etcd compacted
# meanwhile: examples/controller, which is killed once itself, and `kubeshim watch`,
# whose lines, taken together, must give what the server has in the end. Prints
# "ok N - name" or "not ok N - name" for each check and ends with "N passed, N failed".
# shellcheck source=test/cli_checks.sh
. "$(dirname "$0")/../cli_checks.sh"

ns=restart-$$
controller=$(dirname "$kubeshim")/examples/controller
controller_pid='' watch_pid=''

if [ -z "${KSHIM_TEST_CLUSTER_DIR:-}" ]; then
	skip 'this cluster is not ours to restart (KSHIM_TEST_CLUSTER_DIR is not set)'
	finish
	exit
fi

remove() {
	[ -z "$controller_pid" ] || kill "$controller_pid"
	[ -z "$watch_pid" ] || kill "$watch_pid"
	"$kubeshim" -n "$ns" delete daskclusters --all
	"$kubeshim" delete ns "$ns" --wait=false
}

cluster_yaml() {
	printf 'apiVersion: kubernetes.dask.org/v1\nkind: DaskCluster\nmetadata: {name: %s, namespace: %s}\n' "$1" "$ns"
	printf 'spec: {worker: {replicas: 1, spec: {containers: []}}, scheduler: {spec: {containers: []}, service: {}}}\n---\n'
}

start_controller() {
	"$controller" >>controller.out 2>>controller.err &
	controller_pid=$!
}

address() { "$kubeshim" -n "$ns" get configmap "$1-info" -o json 2>/dev/null | sed -n 's/.*"scheduler": *"\([^"]*\)".*/\1/p'; }
has_info() { [ "$(address "$1")" = "tcp://$1-scheduler.$ns.svc:8786" ]; }
check_info() {
	until_true has_info "$2"
	same "$1" "tcp://$2-scheduler.$ns.svc:8786" "$(address "$2")"
}

# The API server keeps some history in memory, etcd the rest: after this neither has it.
forget_history() {
	local version

	version=$(curl -sS --noproxy '*' "$KSHIM_TEST_ETCD/v3/kv/range" -d '{"key":"AA==","limit":"1"}' |
		sed -n 's/.*"revision":"\([0-9]*\)".*/\1/p')
	curl -sS --noproxy '*' "$KSHIM_TEST_ETCD/v3/kv/compaction" -d "{\"revision\":\"$version\",\"physical\":true}" >/dev/null
}

# What the lines of the watch add up to: names and versions of ConfigMaps.
folded() {
	sed -n 's/^{"type":"\([A-Z]*\)".*"name":"\(m[0-9]*\)",.*"resourceVersion":"\([0-9]*\)".*/\1 \2 \3/p' watch.out |
		awk '{ if ($1 == "DELETED") delete held[$2]; else held[$2] = $3 } END { for (n in held) print n, held[n] }' | sort
}
served() {
	"$kubeshim" -n "$ns" get configmaps -l traffic -o json |
		sed -n 's/^.*"name":"\(m[0-9]*\)",.*"resourceVersion":"\([0-9]*\)".*/\1 \2/p' | sort
}
adds_up() { [ "$(folded)" = "$(served)" ]; }

traffic() {
	local i name

	for ((i = $1; i < $2; i++)); do
		name=m$((i % 7))
		printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: %s, labels: {traffic: yes%d}}\ndata: {i: "%d"}\n---\n' \
			$name "$ns" "$i" "$i"
	done | "$kubeshim" apply -f - >/dev/null 2>&1
	"$kubeshim" -n "$ns" delete configmap "m$(($2 % 7))" >/dev/null 2>&1
}

"$kubeshim" apply -f "$root/test/cluster/dask-crds.yaml" >/dev/null
until_true "$kubeshim" get daskclusters
printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: %s}\n' "$ns" | "$kubeshim" apply -f - >/dev/null
until_true "$kubeshim" -n "$ns" get configmap kube-root-ca.crt

start_controller
"$kubeshim" -n "$ns" watch configmaps -l traffic >watch.out 2>watch.err &
watch_pid=$!
{ cluster_yaml one && cluster_yaml two; } | "$kubeshim" apply -f - >/dev/null
check_info 'the controller makes the ConfigMap of a DaskCluster' one
check_info 'and that of another' two
traffic 0 20

kill -KILL "$controller_pid"
wait "$controller_pid" 2>/dev/null
"$kubeshim" -n "$ns" delete configmap one-info >/dev/null
"$kubeshim" -n "$ns" patch configmap two-info --type merge -p '{"data":{"scheduler":"wrong"}}' >/dev/null
cluster_yaml three | "$kubeshim" apply -f - >/dev/null
start_controller
check_info 'killed and started again, it makes what was deleted meanwhile' one
check_info 'puts right what was changed' two
check_info 'and sees what is new' three

for round in 1 2; do
	traffic $((round * 20)) $((round * 20 + 20))
	forget_history
	"$root/test/cluster/cluster" restart "$KSHIM_TEST_CLUSTER_DIR" 1 2>restart.err
	same "the API server comes up again ($round)" 0 $?
	"$kubeshim" -n "$ns" delete configmap one-info >/dev/null
	check_info "the controller goes on ($round)" one
	traffic $((round * 20 + 10)) $((round * 20 + 30))
done
cluster_yaml four | "$kubeshim" apply -f - >/dev/null
check_info 'it sees what is new' four
kill -0 "$controller_pid"
same 'it is still the same process' 0 $?

until_true adds_up
same 'the lines of the watch add up to what the server has' "$(served)" "$(folded)"
[ -n "$(served)" ]
same 'which is something' 0 $?
kill -0 "$watch_pid"
same 'and it watches on' 0 $?
finish
