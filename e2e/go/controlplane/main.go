// Command controlplane is every Go program of the local cluster in one file, chosen by the name it is called with.
//
// One binary, because these programs share nine tenths of their packages: linking them once saves minutes on a new
// machine. Nothing of them is changed here; each case does what the program's own main does.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	_ "time/tzdata" // CEL rules name time zones, and the machine may have no zone files

	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/etcdmain"
)

var programs = map[string]func(context.Context){
	"etcd":                    func(context.Context) { etcdmain.Main(os.Args) },
	"helm":                    runHelm,
	"kube-apiserver":          runAPIServer,
	"kube-controller-manager": runControllerManager,
	"kube-scheduler":          runScheduler,
	"kubectl":                 runKubectl,
	"kwok":                    runKwok,
	"pki":                     runPKI,
}

func main() {
	name := filepath.Base(os.Args[0])
	if _, known := programs[name]; !known && len(os.Args) > 1 {
		name = os.Args[1]
		os.Args = os.Args[1:]
	}
	run, known := programs[name]
	if !known {
		fmt.Fprintf(os.Stderr, "usage: controlplane %s [flags]\n", strings.Join(names(), "|"))
		os.Exit(2)
	}
	run(context.Background())
}

func names() []string {
	all := make([]string, 0, len(programs))
	for name := range programs {
		all = append(all, name)
	}
	sort.Strings(all)
	return all
}

// forgetForeignFlags undoes what imported Kubernetes servers registered globally. Cobra gives every global flag to every
// command, and a command with a version of its own then trips over their --version.
func forgetForeignFlags() {
	pflag.CommandLine = pflag.NewFlagSet(os.Args[0], pflag.ContinueOnError)
}
