#!/bin/bash
# Compares what we make of YAML manifests and of kubeconfigs with what Kubernetes' own readers make of them.
set -u
cd "$(dirname "$0")/.." || exit 1

out=$(test/judge/run 2>&1)
status=$?
echo "$out"
if [[ $(tail -n 1 <<<"$out") =~ ^judge:\ ([0-9]+)\ alike,\ ([0-9]+)\ different\ as\ meant,\ ([0-9]+)\ wrong$ ]]; then
	echo "$((BASH_REMATCH[1] + BASH_REMATCH[2])) passed, ${BASH_REMATCH[3]} failed"
elif [ $status = 0 ]; then
	echo "skip: no judge, see above"
	echo "0 passed, 0 failed, 1 skipped"
else
	echo "0 passed, 1 failed"
fi
exit $status
