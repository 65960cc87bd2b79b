// The bench's programs on client-go: `peer typed|dynamic SCENARIO`. Options as of the Python ones.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	k8sruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

var pods = corev1.SchemeGroupVersion.WithResource("pods")

// What came: the line that is printed at the end.
type line struct {
	Program   string `json:"program"`
	Scenario  string `json:"scenario"`
	Version   string `json:"version"`
	Items     uint64 `json:"items"`
	Bytes     uint64 `json:"bytes"`
	Sum       uint64 `json:"sum"`
	CPU       int64  `json:"cpu_us"`
	Wall      int64  `json:"wall_ns"`
	Answered  int64  `json:"answered_ns"`
	RSSStart  int64  `json:"rss_start_kb"`
	RSS       int64  `json:"rss_kb"`
	Collected int64  `json:"collected_kb,omitempty"` // RSS after the collector was forced
	HWM       int64  `json:"hwm_kb"`
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

func statusKB(field string) int64 {
	text, err := os.ReadFile("/proc/self/status")
	fail(err)
	for _, l := range strings.Split(string(text), "\n") {
		if f := strings.Fields(l); len(f) > 1 && f[0] == field+":" {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n
		}
	}
	return 0
}

func cpu() int64 {
	var ru syscall.Rusage
	fail(syscall.Getrusage(syscall.RUSAGE_SELF, &ru))
	return (ru.Utime.Nano() + ru.Stime.Nano()) / 1000
}

// CLOCK_MONOTONIC, which Go's own clock does not show.
func now() int64 {
	var ts syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&ts)), 0)
	return ts.Nano()
}

func (l *line) saw(name, phase, version string) {
	n, err := strconv.ParseUint(version, 10, 64)
	fail(err)
	l.Items++
	l.Bytes += uint64(len(name) + len(phase))
	l.Sum += n
}

func (l *line) sawObject(object k8sruntime.Object) {
	switch o := object.(type) {
	case *corev1.Pod:
		l.saw(o.Name, string(o.Status.Phase), o.ResourceVersion)
	case *unstructured.Unstructured:
		phase, _, err := unstructured.NestedString(o.Object, "status", "phase")
		fail(err)
		l.saw(o.GetName(), phase, o.GetResourceVersion())
	default:
		fail(fmt.Errorf("not a Pod: %T", object))
	}
}

// The two clients, alike.
type client interface {
	list(l *line)
	get(name string) k8sruntime.Object
	watch(namespace string) watch.Interface
	informer(stop chan struct{}) cache.SharedIndexInformer
}

type typed struct{ c kubernetes.Interface }

func (t typed) list(l *line) {
	list, err := t.c.CoreV1().Pods("").List(context.Background(), metav1.ListOptions{})
	fail(err)
	for i := range list.Items {
		l.sawObject(&list.Items[i])
	}
}

func (t typed) get(name string) k8sruntime.Object {
	pod, err := t.c.CoreV1().Pods("default").Get(context.Background(), name, metav1.GetOptions{})
	fail(err)
	return pod
}

func (t typed) watch(namespace string) watch.Interface {
	w, err := t.c.CoreV1().Pods(namespace).Watch(context.Background(), metav1.ListOptions{ResourceVersion: "1"})
	fail(err)
	return w
}

func (t typed) informer(stop chan struct{}) cache.SharedIndexInformer {
	factory := informers.NewSharedInformerFactory(t.c, 0)
	informer := factory.Core().V1().Pods().Informer()
	factory.Start(stop)
	return informer
}

type untyped struct{ c dynamic.Interface }

func (u untyped) list(l *line) {
	list, err := u.c.Resource(pods).List(context.Background(), metav1.ListOptions{})
	fail(err)
	for i := range list.Items {
		l.sawObject(&list.Items[i])
	}
}

func (u untyped) get(name string) k8sruntime.Object {
	pod, err := u.c.Resource(pods).Namespace("default").Get(context.Background(), name, metav1.GetOptions{})
	fail(err)
	return pod
}

func (u untyped) watch(namespace string) watch.Interface {
	w, err := u.c.Resource(pods).Namespace(namespace).Watch(context.Background(), metav1.ListOptions{ResourceVersion: "1"})
	fail(err)
	return w
}

func (u untyped) informer(stop chan struct{}) cache.SharedIndexInformer {
	factory := dynamicinformer.NewDynamicSharedInformerFactory(u.c, 0)
	informer := factory.ForResource(pods).Informer()
	factory.Start(stop)
	return informer
}

func newClient(kind string, config *rest.Config) client {
	if kind == "typed" {
		c, err := kubernetes.NewForConfig(config)
		fail(err)
		return typed{c}
	}
	c, err := dynamic.NewForConfig(config)
	fail(err)
	return untyped{c}
}

func run(c client, l *line, count int, namespace string) {
	switch l.Scenario {
	case "list":
		c.list(l)
	case "get":
		for i := range count {
			l.sawObject(c.get(fmt.Sprintf("web-7d4b9c6f5-%07d", i%5000)))
		}
	case "watch":
		w := c.watch(namespace)
		for range count {
			l.sawObject((<-w.ResultChan()).Object)
		}
	case "cache":
		stop := make(chan struct{})
		informer := c.informer(stop)
		if !cache.WaitForCacheSync(stop, informer.HasSynced) {
			fail(fmt.Errorf("not synced"))
		}
		l.RSS, l.HWM = statusKB("VmRSS"), statusKB("VmHWM")
		for _, o := range informer.GetStore().List() {
			l.sawObject(o.(k8sruntime.Object))
		}
		runtime.GC()
		debug.FreeOSMemory()
		time.Sleep(100 * time.Millisecond)
		l.Collected = statusKB("VmRSS")
		runtime.KeepAlive(informer)
	default:
		fail(fmt.Errorf("no scenario %s", l.Scenario))
	}
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, m := range info.Deps {
		if m.Path == "k8s.io/client-go" {
			return "client-go " + m.Version + ", " + runtime.Version()
		}
	}
	return runtime.Version()
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: peer typed|dynamic list|get|watch|cache --kubeconfig FILE [--count N] [--namespace NAME]")
		os.Exit(2)
	}
	flags := flag.NewFlagSet("peer", flag.ExitOnError)
	kubeconfig := flags.String("kubeconfig", "", "")
	count := flags.Int("count", 1, "")
	namespace := flags.String("namespace", "", "")
	flags.Parse(os.Args[3:])
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	fail(err)
	config.QPS = -1 // its own limit of 5 requests a second would be what is measured
	c := newClient(os.Args[1], config)
	l := line{Program: "client-go " + os.Args[1], Scenario: os.Args[2], Version: version(), RSSStart: statusKB("VmRSS")}
	cpu0, begin := cpu(), now()
	run(c, &l, *count, *namespace)
	l.Answered = now()
	l.Wall, l.CPU = l.Answered-begin, cpu()-cpu0
	if l.RSS == 0 {
		l.RSS, l.HWM = statusKB("VmRSS"), statusKB("VmHWM")
	}
	fail(json.NewEncoder(os.Stdout).Encode(l))
}
