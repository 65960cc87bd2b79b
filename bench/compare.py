"""kubeshim and its peers (bench/peers/): the same Pods from the same server, and what that costs each of them."""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from measure import FIRST_RUNS_DROPPED, machine, values
from servers import ClusterPods, ReplayedPods

HERE = os.path.dirname(os.path.abspath(__file__))
ATTEMPTS = 3                    # that a run of another client has,
RUN_SECONDS = 180               # none of which takes longer
FAST = ("bare", "kubeshim", "kube-rs")      # these watch --events, the others --slow-events
CACHES = ("kubeshim", "client-go typed", "client-go protobuf", "client-go dynamic", "kube-rs")
# What is compared, in a scenario: the field of a run, the heading, what the field is divided by.
CPU_MS = ("cpu_us", "CPU, ms", lambda c: 1e3)
SCENARIOS = {
    "list": (CPU_MS, ("hwm_kb", "peak memory, MB", lambda c: 1024)),
    "get": (("cpu_us", "CPU, µs a request", lambda c: c["count"]),),
    "watch": (("cpu_us", "CPU, µs an event", lambda c: c["count"]), ("hwm_kb", "peak memory, MB", lambda c: 1024)),
    "churn": (("cpu_us", "CPU, µs an object", lambda c: c["count"]),),
    "cache": (("each_kb", "RSS, KB a Pod", lambda c: 1), CPU_MS),
    "start-up": (CPU_MS, ("until_ns", "time to the answer, ms", lambda c: 1e6)),
}


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
        "client-go protobuf": ([os.path.join(peers, "client-go"), "protobuf"], None),
        "client-go dynamic": ([os.path.join(peers, "client-go"), "dynamic"], None),
        "kube-rs": ([os.path.join(peers, "kube-rs")], None),
    }
    found = {name: command for name, (command, there) in known.items()
             if (os.access(command[0], os.X_OK) if there is None else there)}
    missing = [name for name in known if name not in found]
    if missing:
        print("peers: not installed, left out: %s (`make bench-peers` installs what it can)" % ", ".join(missing))
    return found


class Failed(Exception):
    """A client did not do what it was to."""


def words(command, name, c, server, kubeconfig):
    scenario = "get" if c["scenario"] == "start-up" else c["scenario"]
    namespace = server.namespace_of(scenario, c["count"])
    if name == "bare" and scenario == "watch":
        command = [command[0] + "_watch"]
    line = command + [scenario, "--count", str(c["count"]), "--namespace", namespace]
    if scenario == "watch" and server.since:
        line += ["--since", server.since]
    if name == "bare" and scenario == "list" and namespace:
        line += ["--path", "/api/v1/namespaces/%s/pods" % namespace]
    if name not in ("bare", "kubeshim"):
        return line + ["--kubeconfig", kubeconfig]
    return line + ["--url", server.url, "--ca", server.ca] + (
        ["--token-file", server.token_file] if server.token_file else [])


def check(name, c, server, result):
    """That each object came, and once. The bare program looks into none."""
    if name == "bare":
        if c["scenario"] == "churn" and result["requests"] != 2 * c["count"]:
            raise Failed("%d requests" % result["requests"])
        return
    came, wanted = tuple(result[k] for k in ("items", "bytes", "sum")), server.expected(c["scenario"], c["count"])
    if came != wanted:
        raise Failed("not what was sent: %s, not %s" % (came, wanted))


def run_once(name, command, c, server, kubeconfig):
    """A process of its own, on a core of its own. It is not forked from here with all our memory."""
    cores, line = os.sched_getaffinity(0), words(command, name, c, server, kubeconfig)
    environment = dict(os.environ, PYTHONWARNINGS="ignore", **server.more)
    load = os.getloadavg()[0]
    os.sched_setaffinity(0, {min(cores)})
    try:
        begin = time.monotonic_ns()
        with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environment) as process:
            limit = threading.Timer(RUN_SECONDS, process.kill)
            limit.start()
            text = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            limit.cancel()
    finally:
        os.sched_setaffinity(0, cores)
    if process.returncode:
        raise Failed(" ".join(line))
    result = json.loads(text.splitlines()[0])
    check(name, c, server, result)
    if name == "bare":
        result.update(answered_ns=result["begin_ns"] + result["wall_ns"], version="libcurl " + result["curl"])
    if c["scenario"] == "start-up":
        result.update(cpu_us=(usage.ru_utime + usage.ru_stime) * 1e6, until_ns=result["answered_ns"] - begin)
    elif c["scenario"] == "cache":
        result["each_kb"] = (result["rss_kb"] - result["rss_start_kb"]) / result["items"]
    result.update(program=name, scenario=c["scenario"], count=c["count"], shown=c["shown"], bench="peers",
                  server=server.title, load=load)
    return result


def configuration(a, scenario, name, server):
    watched = a.events if name in FAST else min(a.events, a.slow_events)
    count = {"get": a.gets, "churn": a.configmaps, "watch": watched}.get(scenario, 1)
    count = count if scenario == "churn" else server.count(count)
    return {"scenario": scenario, "count": count, "shown": server.pods if scenario in ("list", "cache") else count}


def takes_part(scenario, name, server):
    return (name in CACHES if scenario == "cache" else True) and server.takes_part(scenario, name)


def attempt(name, command, c, server, kubeconfig):
    """A run; where another client fails, one more. None: it failed again and again."""
    for _ in range(ATTEMPTS):
        if c["scenario"] == "watch":
            server.make_events()
        try:
            return run_once(name, command, c, server, kubeconfig)
        except Failed as e:
            print("bench: %s, %s: failed: %s" % (name, c["scenario"], e), file=sys.stderr)
            if name in ("bare", "kubeshim") or not server.may_fail:
                sys.exit(1)
        server.clean()
    return None


def measure(a, scenario, programs, server, kubeconfig):
    runs = {name: [] for name in programs if takes_part(scenario, name, server)}
    for i in range(a.runs + FIRST_RUNS_DROPPED):
        for name in runs if i % 2 == 0 else reversed(runs):
            result = attempt(name, programs[name], configuration(a, scenario, name, server), server, kubeconfig)
            if result and i >= FIRST_RUNS_DROPPED:
                runs[name].append(result)
    server.check()
    failed = ["%s in %d of %d" % (name, a.runs - len(of), a.runs) for name, of in runs.items() if len(of) < a.runs]
    if failed:
        print("\nbench: %s: failed %d times in a row: %s" % (scenario, ATTEMPTS, ", ".join(failed)))
    return {name: results for name, results in runs.items() if results}


def number(value):
    return "%.0f" % value if value >= 100 else "%.3g" % value


def table(scenario, runs):
    """Prints a table of Markdown. Returns where kubeshim is not the first of the clients."""
    columns, behind = SCENARIOS[scenario], []
    print("\n### %s\n" % scenario)
    print("| client | count | %s |\n|---|---|%s" % (" | ".join(h for _, h, _ in columns), "---|" * len(columns)))
    medians = {}
    for name, results in runs.items():
        c = results[0]
        cells = []
        for field, _, divisor in columns:
            v = [x / divisor(c) for x in values(results, field)]
            medians[name, field] = statistics.median(v)
            cells.append("%s (%s to %s)" % (number(medians[name, field]), number(min(v)), number(max(v))))
        print("| %s | %d | %s |" % (name, c["shown"], " | ".join(cells)))
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
                   "clusters": [{"name": "bench", "cluster": {
                       "server": server.url, "certificate-authority": os.path.abspath(server.ca)}}],
                   "users": [{"name": "bench", "user": {"token": server.token()} if server.token_file else {}}]}, f)
    return path


def peers(a, log):
    programs, behind, versions = installed(a), [], {}
    pods = int(a.pods.split(",")[0])
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        server = ClusterPods(a, pods) if a.server else ReplayedPods(a.build, pods, directory)
        try:
            kubeconfig = write_kubeconfig(directory, server)
            server.prepare(programs, kubeconfig)
            for scenario in SCENARIOS:
                runs = measure(a, scenario, programs, server, kubeconfig)
                for name, results in runs.items():
                    log += results
                    versions[name] = results[0]["version"]
                behind += table(scenario, runs)
                sys.stdout.flush()
            told = server.told()
        finally:
            server.stop()
    print("\n%s; %s; medians of %d runs (least to most)\n%s" % (
        told, machine(), a.runs, "\n".join("%s: %s" % v for v in versions.items())))
    for line in behind:
        print("kubeshim is not first: " + line)
    return []
