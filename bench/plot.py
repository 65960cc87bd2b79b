#!/usr/bin/env python3
"""Draws what `bench/run --only peers --json FILE` wrote: plot.py FILE >peers.svg

A bar for each client, as long as the logarithm of its median; less is better.
"""
import html
import json
import math
import statistics
import sys

sys.dont_write_bytecode = True
from compare import SCENARIOS, number  # noqa: E402

BAR, GAP, LEFT, WIDTH, RIGHT = 14, 4, 140, 360, 90      # in pixels
COLOURS = {"bare": "#999999", "kubeshim": "#c0392b"}
OTHER = "#5b7fa6"


def medians(runs, scenario, field, divisor):
    found = {}
    for run in runs:
        if run["scenario"] == scenario and run.get("bench") == "peers":
            found.setdefault(run["program"], []).append(run[field] / divisor(run))
    return {name: statistics.median(v) for name, v in found.items()}


def panel(title, bars, top):
    """The text of a panel, and where the next one begins."""
    decade = 10 ** math.floor(math.log10(min(bars.values())))
    span = math.log10(max(bars.values()) / decade)
    lines = ['<text x="10" y="%d" font-weight="bold">%s</text>' % (top + 14, html.escape(title))]
    top += 22
    for name, value in bars.items():
        length = max(2, WIDTH * math.log10(value / decade) / span)
        lines.append('<text x="%d" y="%d" text-anchor="end">%s</text>' % (LEFT - 6, top + 11, html.escape(name)))
        lines.append('<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>' % (
            LEFT, top, length, BAR, COLOURS.get(name, OTHER)))
        lines.append('<text x="%.1f" y="%d">%s</text>' % (LEFT + length + 5, top + 11, number(value)))
        top += BAR + GAP
    return lines, top + 12


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as f:
        runs = [json.loads(line) for line in f]
    lines, top = [], 8
    for scenario, columns in SCENARIOS.items():
        for field, heading, divisor in columns:
            bars = medians(runs, scenario, field, divisor)
            if bars:
                more, top = panel("%s: %s (logarithmic)" % (scenario, heading), bars, top)
                lines += more
    print('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">'
          '\n<rect width="100%%" height="100%%" fill="white"/>\n%s\n</svg>' % (LEFT + WIDTH + RIGHT, top, "\n".join(lines)))


if __name__ == "__main__":
    main()
