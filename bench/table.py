#!/usr/bin/env python3
"""Prints what `bench/run --json FILE` wrote as tables of Markdown: table.py FILE

Medians, with the least and the most in brackets where runs differ.
"""
import json
import statistics
import sys

sys.dont_write_bytecode = True
import compare  # noqa: E402

UNIT = {"list": ("ms", lambda r: 1e3), "get": ("µs a request", lambda r: r["count"]),
        "churn": ("µs a request", lambda r: 2 * r["count"]), "watch": ("µs an event", lambda r: r["count"])}
NAMES = {"list": "list of %(pods)d Pods, h%(version)d", "get": "get %(count)d, %(inflight)d in flight, h%(version)d",
         "churn": "create and delete %(count)d, %(inflight)d in flight, h%(version)d",
         "watch": "watch, %(count)d events, h%(version)d"}


def number(value):
    return "%.0f" % value if abs(value) >= 100 else "%.1f" % value if abs(value) >= 10 else "%.2f" % value


def cell(runs, key, divisor=1.0):
    v = [r[key] / divisor for r in runs]
    median, least, most = number(statistics.median(v)), number(min(v)), number(max(v))
    return median if least == most else "%s (%s to %s)" % (median, least, most)


def median(runs, key):
    return statistics.median(r[key] for r in runs)


def table(heading, rows):
    if rows:
        print("| %s |\n|%s" % (" | ".join(heading), "---|" * len(heading)))
        print("\n".join("| %s |" % " | ".join(row) for row in rows) + "\n")


def grouped(runs, name_of):
    """What is of one name, by program, in the order in which it was run."""
    found = {}
    for r in runs:
        found.setdefault(name_of(r), {}).setdefault(r["program"], []).append(r)
    return found


def beside_bare(runs):
    def name_of(r):
        return NAMES[r["scenario"]] % dict(r, version=r["http"] // 10)

    rows = []
    for name, of in grouped([r for r in runs if r["scenario"] in NAMES], name_of).items():
        bare, ours = of.get("bare", []), of.get("kubeshim", [])
        if not bare or not ours:
            continue
        unit, divisor = UNIT[ours[0]["scenario"]]
        long = ours[0]["scenario"] in ("list", "watch")
        rows.append([name, *("%s %s" % (cell(r, "cpu_us", divisor(r[0])), unit) for r in (bare, ours)),
                     "%.3f" % (median(ours, "cpu_us") / median(bare, "cpu_us")),
                     "%+.0f KB" % (median(ours, "hwm_kb") - median(bare, "hwm_kb")) if long else "",
                     cell(ours, "longest_pass_us") + " µs" if "longest_pass_us" in ours[0] else ""])
    table(("scenario", "bare", "kubeshim", "ratio", "peak memory above bare", "longest pass of the loop"), rows)


def plugin(runs):
    def name_of(r):
        return "%s, %d requests, h%d" % (r["scenario"], r["requests"], r["http"] // 10)

    table(("a plugin that takes 2 s", "longest pass", "runs of the plugin", "CPU in all", "first to last answer"), [
        [name, cell(r, "longest_us") + " µs", "%d" % max(x["runs"] for x in r), cell(r, "cpu_us", 1e3) + " ms",
         cell(r, "answers_ns", 1e6) + " ms"]
        for name, of in grouped([r for r in runs if r["scenario"] in ("plugin", "refused")], name_of).items()
        for r in of.values()])


def cache(runs):
    table(("a cache", "RSS, KB a Pod", "a second one beside it", "that at its peak"), [
        [name, cell(r, "first_each_kb"), cell(r, "each_kb"), cell(r, "peak_each_kb")]
        for name, of in grouped([r for r in runs if r["scenario"] == "cache"], lambda r: "%d Pods" % r["items"]).items()
        for r in of.values()])


def idle(runs):
    def name_of(r):
        return "%d, %d a connection, h%d, %s" % (r["watches"], r["per"], r["http"] // 10, r.get("server", ""))

    table(("idle watches", "program", "RSS, KB each", "connections", "CPU to open, ms", "an event on one, µs"), [
        [name, program, cell(r, "each_kb"), cell(r, "connections"), cell(r, "open_us", 1e3), cell(r, "event_us")]
        for name, of in grouped([r for r in runs if r["scenario"] == "idle"], name_of).items()
        for program, r in of.items()])


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as f:
        runs = [json.loads(line) for line in f]
    for print_one in (beside_bare, plugin, cache, idle):
        print_one([r for r in runs if r.get("bench") != "peers"])
    of_peers = grouped([r for r in runs if r.get("bench") == "peers"], lambda r: r["scenario"])
    for scenario, of in of_peers.items():
        compare.table(scenario, of)
    versions = {program: some[0]["version"] for of in of_peers.values() for program, some in of.items()}
    about = {(r["kubeshim"], r["machine"]) for r in runs}
    print("\n" + "\n".join(["- kubeshim %s; %s" % a for a in sorted(about)] +
                           ["- %s: %s" % (program, version) for program, version in versions.items()]))


if __name__ == "__main__":
    main()
