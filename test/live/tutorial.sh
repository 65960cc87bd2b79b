#!/bin/bash
# The tutorial of README.md as a newcomer goes through it: its two programs are taken from there, compiled, run, and do
# what is said of them. On a Namespace of its own in place of "default".
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/checks.sh
kubeshim=${KUBESHIM:-$build/kubeshim}
if [ -z "${KUBECONFIG:-}" ]; then
	skip "the tutorial" "KUBECONFIG is not set, so there is no API server to try it on"
	summary
	exit
fi
ns=tutorial-$$
pid=
finish() {
	[ -z "$pid" ] || kill "$pid"
	"$kubeshim" delete ns "$ns" --ignore-not-found --wait=false >/dev/null 2>&1
	rm -rf "$root"
}
trap finish EXIT

awk -v out="$root/step" '
	/^## /{ on = /^## Ten minutes/ }
	file && /^```/ { close(file); file = "" ; next }
	on && /^```c$/ { file = out "-" ++count ".c"; next }
	file { print >file }' README.md
programs() {
	local step
	[ "$(ls "$root"/step-*.c | wc -l)" = 2 ] || return
	for step in 1 2; do
		# shellcheck disable=SC2046
		${CC:-cc} -Wall -Wextra -Werror -Iinclude $(pkg-config --cflags libcurl jansson yaml-0.1 openssl) "$root/step-$step.c" \
			"$build/libkubeshim.a" $(pkg-config --libs libcurl jansson yaml-0.1 openssl) -o "$root/step-$step" || return
	done
}
check "the programs are found and compile" programs || { summary; exit; }

# until_true COMMAND...: waits for it, with patience.
until_true() {
	local tries=0
	until "$@"; do
		[ $((tries = tries + 1)) -lt 600 ] || return
		sleep 0.1
	done
}
start() {
	"$root/$1" >"$root/said" 2>&1 &
	pid=$!
}
stop() {
	kill "$pid" && wait "$pid"
	pid=
}
said() { until_true grep -qx "$1" "$root/said" || { cat "$root/said"; false; }; }
team_is() { "$kubeshim" get configmap team -n "$ns" -o json 2>/dev/null | grep -q "\"data\":{\"team\":\"$1\"}"; }
label() { "$kubeshim" label namespace "$ns" "team=$1" --overwrite; }

printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: %s}\n' "$ns" >"$root/ns.yaml"
check "a Namespace is made" "$kubeshim" create -f "$root/ns.yaml"
start step-1
check "step 1 tells of what is there" said "$ns: no team"
check "and that it is all" said 'these are all [0-9]*'
check "it is labelled" label blue
check "step 1 tells of the label" said "$ns: blue"
stop

start step-2
check "step 2 writes the ConfigMap" until_true team_is blue
check "which is deleted" "$kubeshim" delete configmap team -n "$ns"
check "step 2 writes it again" until_true team_is blue
check "it is labelled otherwise" label red
check "step 2 follows" until_true team_is red
printf '[{"op":"replace","path":"/data/team","value":"green"}]' >"$root/patch"
check "somebody changes the ConfigMap" "$kubeshim" patch configmap team -n "$ns" --type=json -p "$(cat "$root/patch")"
check "step 2 puts it right" until_true team_is red
stop
summary
