#!/bin/bash
# `kubeshim watch` against the server of KUBECONFIG, in a namespace of its own.
# shellcheck source=test/cli_checks.sh
. "$(dirname "$0")/../cli_checks.sh"

ns=cli-watch-$$
remove() { "$kubeshim" delete ns "$ns" --ignore-not-found --wait=false; }

# lines FILE N: until the file has N lines, for a while.
lines() {
	for _ in $(seq 200); do
		[ "$(wc -l <"$1")" -ge "$2" ] && return
		sleep 0.1
	done
}
# told FILE: "ADDED/name" of each line, in a row.
told() { sed -n 's/^{"type":"\([A-Z]*\)","object":{.*"name":"\([a-z0-9]*\)".*}}$/\1\/\2/p' "$1" | tr '\n' ' '; }
# map NAME COLOR
map() {
	printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"%s","labels":{"color":"%s"}}}' "$1" "$2" |
		"$kubeshim" -n "$ns" apply -f - >/dev/null
}

printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: %s}\n' "$ns" >ns.yaml
t 'a namespace' 0 "namespace/$ns created" '' create -f ns.yaml
map a blue
"$kubeshim" -n "$ns" watch cm -l color=blue >watched 2>watched.err &
watch=$!
lines watched 1
same 'the state' 'ADDED/a ' "$(told watched)"
map b red
map b blue
map a green
"$kubeshim" -n "$ns" delete cm b >/dev/null
lines watched 4
same 'what comes to match, and what no longer does' 'ADDED/a ADDED/b DELETED/a DELETED/b ' "$(told watched)"
kill -TERM $watch
wait $watch
same 'SIGTERM' 143 $?
same 'nothing on stderr' '' "$(cat watched.err)"

"$kubeshim" -n "$ns" watch cm one >watched 2>watched.err &
watch=$!
sleep 1
map two x
map one x
map one y
lines watched 2
same 'a name, which is not there yet' 'ADDED/one MODIFIED/one ' "$(told watched)"
same 'each line is JSON with kind and apiVersion' 2 "$(grep -c '"object":{"kind":"ConfigMap","apiVersion":"v1"' watched)"
kill -TERM $watch
wait $watch
timeout --preserve-status -s INT 2 "$kubeshim" -n "$ns" watch cm/one >watched 2>watched.err
same 'SIGINT' '130 ADDED/one ' "$? $(told watched)"

"$kubeshim" -n "$ns" watch cm 2>watched.err | head -n 1 >watched &
watch=$!
lines watched 1
map four x
map five x
wait $watch
same 'a reader that goes away: quiet' '' "$(cat watched.err)"
t 'no kind' 1 '' '*You must provide one or more resources*' watch
t 'two kinds' 1 '' '*one kind, or one object*' watch cm,secrets
t 'an unknown kind' 1 '' "error: the server doesn't have a resource type \"nothing\"" watch nothing
t 'a name in all namespaces' 1 '' 'error: a resource cannot be retrieved by name across all namespaces' watch cm one -A
t 'a bad selector' 1 '' '[Ee]rror*' -n "$ns" watch cm -l '='
sed '/client-certificate\|client-key\|token/d' "$KUBECONFIG" >anonymous.kubeconfig
t 'no credential' 1 '' '[Ee]rror*' -n "$ns" --kubeconfig anonymous.kubeconfig watch cm
finish
