// One binary for a whole control plane: the first argument names the program.
// A link under a program's own name works too, as busybox does it.
// The older control planes beside this one have a link to this file.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

var programs = map[string]func(args []string){
	"kube-apiserver":          kubernetes(apiserver.NewAPIServerCommand),
	"kube-controller-manager": kubernetes(controllers.NewControllerManagerCommand),
	"kube-scheduler":          kubernetes(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
}

func main() {
	args := os.Args
	program := programs[filepath.Base(args[0])]
	if program == nil && len(args) > 1 {
		args = args[1:]
		program = programs[args[0]]
	}
	if program == nil {
		fmt.Fprintln(os.Stderr, "usage: controlplane PROGRAM [FLAG]..., where PROGRAM is one of")
		for name := range programs {
			fmt.Fprintln(os.Stderr, "  "+name)
		}
		os.Exit(2)
	}
	program(args)
}

func kubernetes(command func() *cobra.Command) func(args []string) {
	return func(args []string) {
		os.Args = args
		os.Exit(cli.Run(command()))
	}
}
