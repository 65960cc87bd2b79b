// One binary for a whole control plane: the first argument names the program.
// A link under a program's own name works too, as busybox does it.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

func main() {
	args := os.Args
	name := filepath.Base(args[0])
	if !run(name, args) && (len(args) < 2 || !run(args[1], args[1:])) {
		fmt.Fprintln(os.Stderr, "usage: controlplane etcd|kube-apiserver|kube-controller-manager|kube-scheduler [FLAG]...")
		os.Exit(2)
	}
}

func run(name string, args []string) bool {
	var command *cobra.Command
	switch name {
	case "etcd":
		etcdmain.Main(args)
		return true
	case "kube-apiserver":
		command = apiserver.NewAPIServerCommand()
	case "kube-controller-manager":
		command = controllers.NewControllerManagerCommand()
	case "kube-scheduler":
		command = scheduler.NewSchedulerCommand()
	default:
		return false
	}
	os.Args = args
	os.Exit(cli.Run(command))
	return true
}
