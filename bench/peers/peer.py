"""What the bench's Python peers share: options, clocks, the line they print."""
import argparse
import importlib.metadata
import json
import os
import platform
import resource
import sys
import time

PODS = 5000     # as many as replay has names for


def status_kb(field):
    with open("/proc/self/status", encoding="ascii") as f:
        for line in f:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    return 0


def cpu_us():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return int((usage.ru_utime + usage.ru_stime) * 1e6)


def pod_name(i):
    return "web-7d4b9c6f5-%07d" % (i % PODS)


class Peer:
    """One run: begin() when the client is made, saw() for each Pod, end() after the last."""

    def __init__(self, *packages):
        p = argparse.ArgumentParser()
        p.add_argument("scenario", choices=["list", "get", "churn", "watch"])
        p.add_argument("--kubeconfig", required=True)
        p.add_argument("--count", type=int, default=1, help="of gets, ConfigMaps or events")
        p.add_argument("--namespace", default="", help="or all")
        p.add_argument("--since", default="1", help="a resourceVersion, from which is watched")
        a = p.parse_args()
        self.scenario, self.kubeconfig, self.count = a.scenario, a.kubeconfig, a.count
        self.namespace, self.since = a.namespace, a.since
        self.program = os.path.basename(sys.argv[0])[len("run_"):-len(".py")]
        self.version = "%s, Python %s" % (
            ", ".join("%s %s" % (name, importlib.metadata.version(name)) for name in packages), platform.python_version())
        self.items = self.bytes = self.sum = 0

    def begin(self):
        self.rss_start = status_kb("VmRSS")
        self.cpu = cpu_us()
        self.began = time.monotonic_ns()

    def saw(self, name, phase, version):
        self.items += 1
        self.bytes += len(name) + len(phase)
        self.sum += int(version)

    def configmap(self, i):
        return {"apiVersion": "v1", "kind": "ConfigMap", "data": {"key": "value %d" % i}, "metadata": {
            "name": "bench-%d" % i, "namespace": self.namespace, "labels": {"app": "bench"}}}

    def created(self, name, value):
        self.saw(name, value, name.rpartition("-")[2])

    def end(self):
        """Prints the line, and ends the process without waiting for threads that read on."""
        now = time.monotonic_ns()
        print(json.dumps({
            "program": self.program, "scenario": self.scenario, "version": self.version, "items": self.items,
            "bytes": self.bytes, "sum": self.sum, "cpu_us": cpu_us() - self.cpu, "wall_ns": now - self.began,
            "answered_ns": now, "rss_start_kb": self.rss_start, "rss_kb": status_kb("VmRSS"),
            "hwm_kb": status_kb("VmHWM")}), flush=True)
        os._exit(0)
