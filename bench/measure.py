"""What the bench's scenarios have in common: cores, the replaying server, medians."""
import os
import platform
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


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = [line.partition(":")[2].strip() for line in f if line.startswith("model name")]
    return "%s, %d cores, Linux %s" % (model[0] if model else platform.machine(), os.cpu_count(), platform.release())


def version():
    """kubeshim's, with the commit if this is a clone."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    with open(os.path.join(root, "Makefile"), encoding="utf-8") as f:
        number = [line.split()[2] for line in f if line.startswith("VERSION :=")][0]
    try:
        done = subprocess.run(["git", "-C", root, "describe", "--always", "--dirty"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, check=False)
    except OSError:
        return number
    return number + (" " + done.stdout.strip() if done.returncode == 0 else "")


class Replay:
    token_file = None

    def __init__(self, build, pods, directory, *options):
        self.ca = os.path.join(directory, "ca.pem")
        self.process = subprocess.Popen(
            [os.path.join(build, "replay"), "--ca", self.ca, "--pods", str(pods), *options],
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
