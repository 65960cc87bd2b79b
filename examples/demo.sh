#!/bin/sh
# Shows the examples at work against the cluster of KUBECONFIG. `make demo` runs it against a control plane of its own.
set -u
build=${1:-build}
here=$(dirname "$0")
kubeshim=$build/kubeshim
failed=0

# Says a command and runs it.
show() {
	echo
	echo "\$ $*"
	"$@" || {
		echo "demo: that failed with status $?" >&2
		failed=1
	}
}

# What a DaskCluster is has to be known to the server first; it takes a moment until it serves it.
show "$kubeshim" apply -f "$here/../test/cluster/dask-crds.yaml"
tries=0
until "$kubeshim" get daskclusters >/dev/null 2>&1 || [ $((tries = tries + 1)) -gt 100 ]; do
	sleep 0.1
done
show "$kubeshim" apply -f "$here/demo.yaml"

echo
echo "-- the four examples: see $here/*.c"
show "$build/examples/create_pod" demo-pod
show "$build/examples/scale_deployment" mydeployment 5
show "$build/examples/list_pods" default
show "$build/examples/delete_daskcluster" mycluster

echo
echo "-- the same server through the command line"
show "$kubeshim" get deployments,pods
show "$kubeshim" version

"$kubeshim" delete deployment/mydeployment pod/demo-pod >/dev/null 2>&1
echo
[ $failed = 0 ] && echo "demo: everything worked" || echo "demo: something failed, see above" >&2
exit $failed
