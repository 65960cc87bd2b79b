#!/bin/bash
# A tiny run of each of the bench's scenarios: that they run and say what they should. What they measured is no matter.
set -u
cd "$(dirname "$0")/.." || exit 1
. test/checks.sh

if ! have python3; then
	skip "the bench" "there is no python3"
	summary
fi

# tiny SCENARIO FIRST [PATTERN] [OPTION...]: the first line is as told, and kubeshim's is among the rest.
tiny() {
	bench/run --build "$build/bench" --only "$1" --http "${http:-1,2}" --runs 1 --idle-runs 1 --pods 200 --gets 20 --configmaps 10 --waiting 20 \
		--events 2000 --slow-events 200 --json "$root/runs" --watches 12 --per 5 --pokes 20 "${@:4}" >"$root/out" 2>&1 ||
		{ cat "$root/out"; return 1; }
	cat "$root/out"
	head -n 1 "$root/out" | grep -q "$2" && grep -q "${3:-^  kubeshim .*cpu}" "$root/out" && bench/table.py "$root/runs" >"$root/table" &&
		{ [ "$1" = peers ] || [ "$(grep -c '^| ' "$root/table")" -gt 1 ]; }
}

# peers EVENTS [OPTION...]: each client that is installed has to get what was sent, or the run fails.
peers() {
	tiny peers '' "^| kubeshim | $1 |" "${@:2}" || return 1
	[ "$(grep -c '^### ' "$root/out")" = 6 ] && bench/plot.py "$root/runs" | grep -q '>start-up: ' &&
		bench/table.py "$root/runs" | grep -q "^| kubeshim | $1 |"
}

# Which of the bench's are not on their way out.
namespaces() {
	"$build/kubeshim" get namespaces | grep '^bench-.*Active' | cut -d ' ' -f 1
}

# On the cluster of test/cluster. What is made there goes away.
on_cluster() {
	namespaces >"$root/before"
	cut -d , -f 1 "$KSHIM_TEST_CLUSTER_DIR/tokens" | head -n 1 >"$root/token"
	"$@" --server "$KSHIM_TEST_SERVER" --ca "$KSHIM_TEST_CLUSTER_DIR/tls/ca.crt" --token-file "$root/token" || return 1
	namespaces | cmp "$root/before" -
}

check "list" tiny list '^list 200 pods h1$'
check "get" tiny get '^get 20, 1 in flight h1$'
check "churn" tiny churn '^churn 10, 64 in flight h1$'
http=1 check "plugin" tiny plugin '^plugin 20 waiting h1$'
check "cache" tiny cache '^cache 200 pods$' '^  kubeshim .*peak'
check "watch" tiny watch '^watch 2000 events h1$'
check "idle" tiny idle '^idle 10 watches h2, 5 a connection$'
check "plan" tiny plan '^plan 12 watches$' '^  h2  10 a connection  connections    3 '

service() {
	bench/http_service --build "$build" --runs 1 --seconds 1 --pods 200 --gone 100 >"$root/out" 2>&1 || { cat "$root/out"; return 1; }
	cat "$root/out"
	grep -q '^| listed once | 800 .*| 0 ' "$root/out" && grep -q '^| listed again | 800 ' "$root/out"
}
if have h2load && [ -x "$build/examples/http_service" ]; then
	check "http_service" service
else
	skip "http_service" "there is no h2load, or no libevent to build it with"
fi
check "peers" peers 2000
if [ -n "${KSHIM_TEST_CLUSTER_DIR:-}" ]; then
	check "peers, API server" on_cluster peers 200
	check "idle, API server" on_cluster tiny idle '^idle 10 watches h2, 5 a connection, API server$' '^  kubeshim .*cpu'
else
	skip "peers and idle, API server" "there is none whose files are known"
fi
for peer in kubernetes_asyncio kr8s lightkube aiopykube client-go kube-rs; do
	[ -n "$(ls -d "$build/peers/$peer" "$build"/peers/*/."$peer" 2>/dev/null)" ] || skip "$peer in the bench" "it is not installed: make bench-peers"
done
summary
