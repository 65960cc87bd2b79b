"""What the bench's scenarios have in common: cores, the replaying server, medians."""
import os
import statistics
import subprocess
import sys

FIRST_RUNS_DROPPED = 1          # of each program: page cache, CPU frequency


def pin(cpu):
    """The server on one core, the client on another, if there are two."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        return None
    return lambda: os.sched_setaffinity(0, {cpus[cpu]})


class Replay:
    token_file = None

    def __init__(self, build, pods, directory):
        self.ca = os.path.join(directory, "ca.pem")
        self.process = subprocess.Popen(
            [os.path.join(build, "replay"), "--ca", self.ca, "--pods", str(pods)],
            stdout=subprocess.PIPE, text=True, preexec_fn=pin(1))
        word, _, self.url = self.process.stdout.readline().strip().partition(" ")
        if word != "url":
            self.stop()
            sys.exit("bench: replay did not start")

    def last_byte(self):
        return int(self.process.stdout.readline().split()[1])

    def stop(self):
        self.process.terminate()
        self.process.wait()


def values(runs, key):
    return [r[key] for r in runs]


def median(runs, key):
    return statistics.median(values(runs, key))


def summary(runs, key, divisor=1.0):
    v = values(runs, key)
    return "%.1f (%.1f..%.1f)" % (statistics.median(v) / divisor, min(v) / divisor,
                                  max(v) / divisor)
