// The bench's programs on client-go: `peer typed|protobuf|dynamic SCENARIO`, where protobuf is typed, too. Options as
// of the Python ones. `peer protobuf encode` writes what replay needs to serve protobuf.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
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
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

var (
	pods       = corev1.SchemeGroupVersion.WithResource("pods")
	configmaps = corev1.SchemeGroupVersion.WithResource("configmaps")
)

type options struct {
	count            int
	namespace, since string
}

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

func (l *line) created(name, value string) {
	l.saw(name, value, name[strings.LastIndex(name, "-")+1:])
}

// The clients, alike.
type client interface {
	list(o options, l *line)
	get(o options, name string) k8sruntime.Object
	churn(o options, name, value string, l *line)
	watch(o options) watch.Interface
	informer(o options, stop chan struct{}) cache.SharedIndexInformer
}

type typed struct{ c kubernetes.Interface }

func (t typed) list(o options, l *line) {
	list, err := t.c.CoreV1().Pods(o.namespace).List(context.Background(), metav1.ListOptions{})
	fail(err)
	for i := range list.Items {
		l.sawObject(&list.Items[i])
	}
}

func (t typed) get(o options, name string) k8sruntime.Object {
	pod, err := t.c.CoreV1().Pods(o.namespace).Get(context.Background(), name, metav1.GetOptions{})
	fail(err)
	return pod
}

func (t typed) churn(o options, name, value string, l *line) {
	api := t.c.CoreV1().ConfigMaps(o.namespace)
	configmap, err := api.Create(context.Background(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: o.namespace, Labels: map[string]string{"app": "bench"}},
		Data:       map[string]string{"key": value},
	}, metav1.CreateOptions{})
	fail(err)
	l.created(configmap.Name, configmap.Data["key"])
	fail(api.Delete(context.Background(), name, metav1.DeleteOptions{}))
}

func (t typed) watch(o options) watch.Interface {
	w, err := t.c.CoreV1().Pods(o.namespace).Watch(context.Background(), metav1.ListOptions{ResourceVersion: o.since})
	fail(err)
	return w
}

func (t typed) informer(o options, stop chan struct{}) cache.SharedIndexInformer {
	factory := informers.NewSharedInformerFactoryWithOptions(t.c, 0, informers.WithNamespace(o.namespace))
	informer := factory.Core().V1().Pods().Informer()
	factory.Start(stop)
	return informer
}

type untyped struct{ c dynamic.Interface }

func (u untyped) list(o options, l *line) {
	list, err := u.c.Resource(pods).Namespace(o.namespace).List(context.Background(), metav1.ListOptions{})
	fail(err)
	for i := range list.Items {
		l.sawObject(&list.Items[i])
	}
}

func (u untyped) get(o options, name string) k8sruntime.Object {
	pod, err := u.c.Resource(pods).Namespace(o.namespace).Get(context.Background(), name, metav1.GetOptions{})
	fail(err)
	return pod
}

func (u untyped) churn(o options, name, value string, l *line) {
	api := u.c.Resource(configmaps).Namespace(o.namespace)
	configmap, err := api.Create(context.Background(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"key": value},
		"metadata": map[string]any{"name": name, "namespace": o.namespace, "labels": map[string]any{"app": "bench"}},
	}}, metav1.CreateOptions{})
	fail(err)
	created, _, err := unstructured.NestedString(configmap.Object, "data", "key")
	fail(err)
	l.created(configmap.GetName(), created)
	fail(api.Delete(context.Background(), name, metav1.DeleteOptions{}))
}

func (u untyped) watch(o options) watch.Interface {
	w, err := u.c.Resource(pods).Namespace(o.namespace).Watch(context.Background(), metav1.ListOptions{ResourceVersion: o.since})
	fail(err)
	return w
}

func (u untyped) informer(o options, stop chan struct{}) cache.SharedIndexInformer {
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(u.c, 0, o.namespace, nil)
	informer := factory.ForResource(pods).Informer()
	factory.Start(stop)
	return informer
}

func newClient(kind string, config *rest.Config) client {
	// Left unset, a typed client asks for protobuf first.
	config.ContentType = k8sruntime.ContentTypeJSON
	if kind == "protobuf" {
		config.ContentType = k8sruntime.ContentTypeProtobuf
	}
	config.AcceptContentTypes = config.ContentType
	if kind != "dynamic" {
		c, err := kubernetes.NewForConfig(config)
		fail(err)
		return typed{c}
	}
	c, err := dynamic.NewForConfig(config)
	fail(err)
	return untyped{c}
}

func run(c client, l *line, o options) {
	switch l.Scenario {
	case "list":
		c.list(o, l)
	case "get":
		for i := range o.count {
			l.sawObject(c.get(o, fmt.Sprintf("web-7d4b9c6f5-%07d", i%5000)))
		}
	case "churn":
		for i := range o.count {
			c.churn(o, fmt.Sprintf("bench-%d", i), fmt.Sprintf("value %d", i), l)
		}
	case "watch":
		w := c.watch(o)
		for range o.count {
			l.sawObject((<-w.ResultChan()).Object)
		}
	case "cache":
		stop := make(chan struct{})
		informer := c.informer(o, stop)
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

// What replay sends those who want protobuf; see bench/protobuf.h.
func encode(c kubernetes.Interface) {
	out := bufio.NewWriter(os.Stdout)
	record := func(bytes []byte, err error) {
		fail(err)
		out.Write(binary.BigEndian.AppendUint32(nil, uint32(len(bytes))))
		out.Write(bytes)
	}
	encoded := func(o k8sruntime.Object, kind string) ([]byte, error) {
		o.GetObjectKind().SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(kind))
		return k8sruntime.Encode(protobuf.NewSerializer(scheme.Scheme, scheme.Scheme), o)
	}
	list, err := c.CoreV1().Pods("").List(context.Background(), metav1.ListOptions{})
	fail(err)
	for i := range list.Items {
		record(encoded(list.Items[i].DeepCopy(), "Pod"))
	}
	for i := range list.Items {
		pod, err := encoded(list.Items[i].DeepCopy(), "Pod")
		fail(err)
		event, err := (&metav1.WatchEvent{Type: "MODIFIED", Object: k8sruntime.RawExtension{Raw: pod}}).Marshal()
		record(append(binary.BigEndian.AppendUint32(nil, uint32(len(event))), event...), err)
	}
	record(encoded(list, "PodList"))
	fail(out.Flush())
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
		fmt.Fprintln(os.Stderr, "usage: peer typed|protobuf|dynamic list|get|churn|watch|cache --kubeconfig FILE",
			"[--count N] [--namespace NAME] [--since VERSION]")
		os.Exit(2)
	}
	flags := flag.NewFlagSet("peer", flag.ExitOnError)
	kubeconfig := flags.String("kubeconfig", "", "")
	var o options
	flags.IntVar(&o.count, "count", 1, "")
	flags.StringVar(&o.namespace, "namespace", "", "or all")
	flags.StringVar(&o.since, "since", "1", "")
	flags.Parse(os.Args[3:])
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	fail(err)
	config.QPS = -1 // its own limit of 5 requests a second would be what is measured
	if os.Args[2] == "encode" {
		config.ContentType, config.AcceptContentTypes = k8sruntime.ContentTypeJSON, k8sruntime.ContentTypeJSON
		c, err := kubernetes.NewForConfig(config)
		fail(err)
		encode(c)
		return
	}
	c := newClient(os.Args[1], config)
	l := line{Program: "client-go " + os.Args[1], Scenario: os.Args[2], Version: version(), RSSStart: statusKB("VmRSS")}
	cpu0, begin := cpu(), now()
	run(c, &l, o)
	l.Answered = now()
	l.Wall, l.CPU = l.Answered-begin, cpu()-cpu0
	if l.RSS == 0 {
		l.RSS, l.HWM = statusKB("VmRSS"), statusKB("VmHWM")
	}
	fail(json.NewEncoder(os.Stdout).Encode(l))
}
