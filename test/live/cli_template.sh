#!/bin/bash
# What `kubeshim rollout history --revision` makes of a Pod template that has something of everything:
# test/data/live/template.txt is the layout that kubectl gives it (k8s.io/kubectl 0.37, pkg/describe).
# shellcheck source=test/cli_checks.sh
. "$(dirname "$0")/../cli_checks.sh"

ns=cli-template-$$

remove() {
	"$kubeshim" delete ns "$ns" --ignore-not-found --wait=false
}

printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: %s}\n' "$ns" >ns.yaml
t 'a namespace' 0 "namespace/$ns created" '' create -f ns.yaml
t 'a Deployment' 0 'deployment.apps/web created' '*' -n "$ns" create -f "$root/test/data/live/template.yaml"
until_true eval "'$kubeshim' -n '$ns' rollout history deploy/web --revision=1"
"$kubeshim" -n "$ns" rollout history deploy/web --revision=1 >out 2>err
same 'the hash stands among its labels' 1 "$(grep -c $'^\tpod-template-hash=[0-9a-z]*$' out)"
result 'the rest is as kubectl has it' "$(sed $'/^\tpod-template-hash=/d' out | diff "$root/test/data/live/template.txt" - 2>&1)"
same 'nothing else is said' '' "$(cat err)"

finish
