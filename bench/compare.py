"""kubeshim and its peers (bench/peers/): the same Pods from the same server, and what that costs each of them."""
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from measure import FIRST_RUNS_DROPPED, Replay, values

HERE = os.path.dirname(os.path.abspath(__file__))
RUN_SECONDS = 300               # and no run takes longer
FAST = ("bare", "kubeshim", "kube-rs")      # these watch --events, the others --slow-events
CACHES = ("kubeshim", "client-go typed", "client-go dynamic", "kube-rs")
NAME_AND_PHASE = 28             # bytes of each Pod's
FIRST_POD, FIRST_EVENT = 80000000, 90000001     # resourceVersions; the others follow
# What is compared, in a scenario: the field of a run, the heading, what the field is divided by.
CPU_MS = ("cpu_us", "CPU, ms", lambda c: 1e3)
SCENARIOS = {
    "list": (CPU_MS, ("hwm_kb", "peak memory, MB", lambda c: 1024)),
    "get": (("cpu_us", "CPU, µs a request", lambda c: c["count"]),),
    "watch": (("cpu_us", "CPU, µs an event", lambda c: c["count"]), ("hwm_kb", "peak memory, MB", lambda c: 1024)),
    "cache": (("each_kb", "RSS, KB a Pod", lambda c: 1), CPU_MS),
    "start-up": (CPU_MS, ("until_ns", "time to the answer, ms", lambda c: 1e6)),
}


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = [line.partition(":")[2].strip() for line in f if line.startswith("model name")]
    return "%s, %d cores, Linux %s" % (model[0] if model else platform.machine(), os.cpu_count(), platform.release())


def installed(a):
    """The command of each program that is there. Says which are not."""
    peers = os.path.join(os.path.dirname(a.build), "peers")

    def python(venv, name):
        return [os.path.join(peers, venv, "bin", "python"), "-B", os.path.join(HERE, "peers", "run_%s.py" % name)]

    def installed_python(venv, name):
        return os.path.exists(os.path.join(peers, venv, "." + name))

    known = {
        "bare": ([os.path.join(a.build, "bare")], None),
        "kubeshim": ([os.path.join(a.build, "b_peer")], None),
        "aiopykube": (python("venv-aiopykube", "aiopykube"), installed_python("venv-aiopykube", "aiopykube")),
        "kubernetes_asyncio": (python("venv", "kubernetes_asyncio"), installed_python("venv", "kubernetes_asyncio")),
        "kr8s": (python("venv", "kr8s"), installed_python("venv", "kr8s")),
        "lightkube": (python("venv", "lightkube"), installed_python("venv", "lightkube")),
        "client-go typed": ([os.path.join(peers, "client-go"), "typed"], None),
        "client-go dynamic": ([os.path.join(peers, "client-go"), "dynamic"], None),
        "kube-rs": ([os.path.join(peers, "kube-rs")], None),
    }
    found = {name: command for name, (command, there) in known.items()
             if (os.access(command[0], os.X_OK) if there is None else there)}
    missing = [name for name in known if name not in found]
    if missing:
        print("peers: not installed, left out: %s (`make bench-peers` installs what it can)" % ", ".join(missing))
    return found


def words(command, name, c, server, kubeconfig):
    scenario = "get" if c["scenario"] == "start-up" else c["scenario"]
    if name == "bare" and scenario == "watch":
        command = [command[0] + "_watch"]
    line = command + [scenario, "--count", str(c["count"])]
    if scenario == "watch":
        line += ["--namespace", "events-%d" % c["count"]]
    if name in ("bare", "kubeshim"):
        return line + ["--url", server.url, "--ca", server.ca]
    return line + ["--kubeconfig", kubeconfig]


def check(name, c, result):
    """That each Pod came, and once."""
    first, expected = FIRST_EVENT if c["scenario"] == "watch" else FIRST_POD, c["expected"]
    wanted = (expected, NAME_AND_PHASE * expected, expected * first + expected * (expected - 1) // 2)
    if (result["items"], result["bytes"], result["sum"]) != wanted:
        sys.exit("bench: %s %s: not what was sent: %s, not %s" % (name, c["scenario"], result, wanted))


def run_once(name, command, c, server, kubeconfig):
    """A process of its own, on a core of its own. It is not forked from here with all our memory."""
    cores, line = os.sched_getaffinity(0), words(command, name, c, server, kubeconfig)
    # The server answers no watch that starts with the list.
    environment = dict(os.environ, KUBE_FEATURE_WatchListClient="false", PYTHONWARNINGS="ignore")
    load = os.getloadavg()[0]
    os.sched_setaffinity(0, {min(cores)})
    try:
        begin = time.monotonic_ns()
        with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environment) as process:
            text = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        os.sched_setaffinity(0, cores)
    if process.returncode:
        sys.exit("bench: failed: " + " ".join(line))
    result = json.loads(text.splitlines()[0])
    if name == "bare":
        result.update(answered_ns=result["begin_ns"] + result["wall_ns"], version="libcurl " + result["curl"])
    else:
        check(name, c, result)
    if c["scenario"] == "start-up":
        result.update(cpu_us=(usage.ru_utime + usage.ru_stime) * 1e6, until_ns=result["answered_ns"] - begin)
    elif c["scenario"] == "cache":
        result["each_kb"] = (result["rss_kb"] - result["rss_start_kb"]) / c["expected"]
    result.update(program=name, scenario=c["scenario"], count=c["count"], machine=machine(), load=load)
    return result


def configuration(a, scenario, name, pods):
    slow = min(a.events, a.slow_events)
    count = {"get": a.gets, "watch": a.events if name in FAST else slow}.get(scenario, 1)
    return {"scenario": scenario, "count": count, "expected": pods if scenario in ("list", "cache") else count}


def takes_part(scenario, name):
    return name in CACHES if scenario == "cache" else True


def measure(a, scenario, programs, server, kubeconfig, pods):
    runs = {name: [] for name in programs if takes_part(scenario, name)}
    for i in range(a.runs + FIRST_RUNS_DROPPED):
        for name in runs if i % 2 == 0 else reversed(runs):
            result = run_once(name, programs[name], configuration(a, scenario, name, pods), server, kubeconfig)
            if i >= FIRST_RUNS_DROPPED:
                runs[name].append(result)
    return runs


def number(value):
    return "%.0f" % value if value >= 100 else "%.3g" % value


def table(a, scenario, runs, pods):
    """Prints a table of Markdown. Returns where kubeshim is not the first of the clients."""
    columns, behind = SCENARIOS[scenario], []
    print("\n### %s\n" % scenario)
    print("| client | count | %s |\n|---|---|%s" % (" | ".join(h for _, h, _ in columns), "---|" * len(columns)))
    medians = {}
    for name, results in runs.items():
        c = configuration(a, scenario, name, pods)
        cells = []
        for field, _, divisor in columns:
            v = [x / divisor(c) for x in values(results, field)]
            medians[name, field] = statistics.median(v)
            cells.append("%s (%s to %s)" % (number(medians[name, field]), number(min(v)), number(max(v))))
        print("| %s | %d | %s |" % (name, c["expected"], " | ".join(cells)))
    for field, heading, _ in columns if "kubeshim" in runs else []:
        ours = medians["kubeshim", field]
        behind += ["%s, %s: %s, %s has %s" % (scenario, heading, number(ours), name, number(medians[name, field]))
                   for name in runs if name != "bare" and medians[name, field] < ours]
    return behind


def write_kubeconfig(directory, server):
    path = os.path.join(directory, "kubeconfig")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "bench",
                   "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
                   "clusters": [{"name": "bench", "cluster": {"server": server.url, "certificate-authority": server.ca}}],
                   "users": [{"name": "bench", "user": {}}]}, f)
    return path


def peers(a, log):
    programs, behind, versions = installed(a), [], {}
    pods = int(a.pods.split(",")[0])
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        server = Replay(a.build, pods, directory)
        # It prints a line for each list, and would wait if nobody read them.
        threading.Thread(target=server.process.stdout.read, daemon=True).start()
        try:
            kubeconfig = write_kubeconfig(directory, server)
            for scenario in SCENARIOS:
                runs = measure(a, scenario, programs, server, kubeconfig, pods)
                for name, results in runs.items():
                    log += results
                    versions[name] = results[0]["version"]
                behind += table(a, scenario, runs, pods)
                sys.stdout.flush()
        finally:
            server.stop()
    print("\n%s; medians of %d runs (least to most)\n%s" % (
        machine(), a.runs, "\n".join("%s: %s" % v for v in versions.items())))
    for line in behind:
        print("kubeshim is not first: " + line)
    return []
