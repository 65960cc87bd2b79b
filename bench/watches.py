"""The scenarios of watches: a stream of events, idle watches, watches per connection."""
import json
import os
import subprocess
import sys
import tempfile
import threading

from measure import FIRST_RUNS_DROPPED, Replay, median, pin, summary
from servers import ClusterWatched, Poker, ReplayWatched

EVENT_LIMIT = 1.3               # CPU of an event, to the bare program's
EACH_LIMIT_KB = 20              # RSS of an idle watch
MANY_LIMIT = 2.0                # CPU of an event on one of --watches, to one of 10
FEW = 10
PLANS = ((1, 1), (2, 1), (2, 10), (2, 20), (2, 25), (2, 30), (2, 40), (2, 100))   # HTTP version, watches a connection
AT_ONCE = 200                   # idle watches that an API server is asked for at a time
RUN_SECONDS = 120               # and no run takes longer,
OPEN_SECONDS = 0.05             # but for this for each idle watch


def command(a, program, scenario, server, http_version, options):
    words = [os.path.join(a.build, program), scenario, "--url", server.url, "--ca", server.ca,
             "--http", str(http_version)]
    if server.token_file:
        words += ["--token-file", server.token_file]
    for name, value in options.items():
        words += ["--" + name, str(value)]
    return words


def lines_of(words):
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, timeout=RUN_SECONDS, preexec_fn=pin(0))
    if done.returncode:
        sys.exit("bench: failed: " + " ".join(words))
    result = {}
    for line in done.stdout.splitlines():
        result.update(json.loads(line))
    return result


def programs(a):
    ours = os.access(os.path.join(a.build, "b_watch"), os.X_OK)
    return ["bare_watch", "b_watch"] if ours else ["bare_watch"]


def in_turn(a, runs, run):
    """Runs all programs so often, and returns their results but the first."""
    results = {p: [] for p in programs(a)}
    for i in range(runs + FIRST_RUNS_DROPPED):
        for p in programs(a) if i % 2 == 0 else reversed(programs(a)):
            result = run(p)
            if i >= FIRST_RUNS_DROPPED:
                results[p].append(result)
    return results


def watch(a, log):
    """One watch, --events of 4 KB, as fast as they come."""
    passed = []
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        server = Replay(a.build, 5000, directory)
        try:
            for version in [int(h) for h in a.http.split(",")]:
                name = "watch %d events h%d" % (a.events, version)
                sums = {lines_of(command(a, p, "sum", server, version, {"count": a.events}))["sum"] for p in programs(a)}
                if len(sums) > 1:
                    sys.exit("bench: %s: not what was sent" % name)
                runs = in_turn(a, a.runs, lambda p, v=version: lines_of(
                    command(a, p, "watch", server, v, {"count": a.events})))
                print(name)
                for p, results in runs.items():
                    log += results
                    print("  %-9s cpu %s us/event  wall %s ms  peak %s KB  start %.0f KB" % (
                        results[0]["program"], summary(results, "cpu_us", a.events), summary(results, "wall_ns", 1e6),
                        summary(results, "hwm_kb"), median(results, "rss_start_kb")))
                    if {(r["items"], r["bytes"], r["requests"]) for r in results} != {
                            (a.events, runs["bare_watch"][0]["bytes"], 1)}:
                        sys.exit("bench: %s: events were lost, or came twice" % name)
                if "b_watch" not in runs:
                    continue
                ratio = median(runs["b_watch"], "cpu_us") / median(runs["bare_watch"], "cpu_us")
                print("  ratio     cpu %.3f (limit %.2f)" % (ratio, EVENT_LIMIT))
                if ratio > EVENT_LIMIT:
                    passed.append("%s: cpu ratio %.3f" % (name, ratio))
        finally:
            server.stop()
    return passed


def idle_once(a, program, server, poker, version, per, watches):
    """Opens the watches, then lets one of them have --pokes events."""
    words = command(a, program, "idle", server, version, {
        "watches": watches, "per": per, "count": a.pokes, "namespace": server.namespace, "connections": 1,
        **({"at-once": AT_ONCE} if server.token_file else {})})
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, preexec_fn=pin(0)) as process:
        limit = threading.Timer(RUN_SECONDS + watches * OPEN_SECONDS, process.kill)
        limit.start()
        try:
            result = json.loads(process.stdout.readline())
            result["server"] = "API server" if server.token_file else "replaying server"
            poker.poke(a.pokes, a.poke_ms)
            result.update(json.loads(process.stdout.readline()))
            process.wait(timeout=60)
        except ValueError:
            sys.exit("bench: failed: " + " ".join(words))
        finally:
            limit.cancel()
            process.kill()
    return result


def server_of(a, directory):
    return ClusterWatched(a.server, a.ca, a.token_file) if a.server else ReplayWatched(a.build, 1, directory)


def idle(a, log):
    """--watches on one client: memory, connections, an event on one of them."""
    passed = []
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        server = server_of(a, directory)
        poker = Poker(server)
        try:
            for watches in (FEW, a.watches):
                runs = in_turn(a, a.idle_runs, lambda p, w=watches: idle_once(a, p, server, poker, 2, a.per, w))
                for results in runs.values():
                    log += results
                print("idle %d watches h2, %d a connection%s" % (watches, a.per, ", API server" if a.server else ""))
                for p, results in runs.items():
                    print("  %-9s each %s KB  connections %.0f  cpu to open %s ms  an event on one %s us" % (
                        results[0]["program"], summary(results, "each_kb"), median(results, "connections"),
                        summary(results, "open_us", 1e3), summary(results, "event_us")))
                if watches == FEW:
                    few = runs
            if "b_watch" in runs:
                each, ratio = median(runs["b_watch"], "each_kb"), (
                    median(runs["b_watch"], "event_us") / median(few["b_watch"], "event_us"))
                print("  kubeshim  each %.1f KB (limit %d)  an event on one of %d to one of %d %.2f (limit %.1f)" % (
                    each, EACH_LIMIT_KB, a.watches, FEW, ratio, MANY_LIMIT))
                if each > EACH_LIMIT_KB and a.watches >= 100:
                    passed.append("idle %d watches: %.1f KB each" % (a.watches, each))
                if ratio > MANY_LIMIT:
                    passed.append("idle %d watches: an event %.2f times one of %d" % (a.watches, ratio, FEW))
        finally:
            server.stop()
    return passed


def plan(a, log):
    """How many watches share a connection: memory of each, CPU of an event."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        server = server_of(a, directory)
        poker = Poker(server)
        runs = {plan: [] for plan in PLANS}
        try:
            for _ in range(a.idle_runs):
                for (version, per), results in runs.items():
                    results.append(idle_once(a, programs(a)[-1], server, poker, version, per, a.watches))
                    log.append(results[-1])
        finally:
            server.stop()
    print("plan %d watches%s" % (a.watches, ", API server" if a.server else ""))
    for (version, per), results in runs.items():
        print("  h%d %3d a connection  connections %4.0f  each %s KB  an event on one %s us  cpu to open %s ms" % (
            version, per, median(results, "connections"), summary(results, "each_kb"), summary(results, "event_us"),
            summary(results, "open_us", 1e3)))
    return []


SCENARIOS = {"watch": watch, "idle": idle, "plan": plan}
