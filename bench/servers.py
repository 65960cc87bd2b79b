"""The servers of the bench: replay, and a real API server where we have a namespace of our own."""
import concurrent.futures
import http.client
import json
import os
import random
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

from measure import Replay

ANSWER_SECONDS = 300            # for as long as a server may take, at most
FILLERS = 4                     # connections that make Pods
NAME = "web-7d4b9c6f5-%07d"
NAME_AND_PHASE = 28             # bytes of each of replay's Pods
FIRST_POD, FIRST_EVENT = 80000000, 90000001     # resourceVersions; the others follow


class Poker:
    """Makes something happen to what is watched, from this process."""

    def __init__(self, server):
        url = urllib.parse.urlparse(server.url)
        self.server = server
        self.http = http.client.HTTPSConnection(
            url.hostname, url.port, timeout=ANSWER_SECONDS, context=ssl.create_default_context(cafile=server.ca))

    def ask(self, method, path, body=None, kind="application/json", wanted=(200,)):
        """The status of the answer, and its text."""
        headers = {"Content-Type": kind} if body else {}
        if self.server.token_file:
            headers["Authorization"] = "Bearer " + self.server.token()
        try:
            self.http.request(method, path, json.dumps(body) if body else None, headers)
            answer = self.http.getresponse()
        except (OSError, http.client.HTTPException):    # it was closed while idle
            self.http.close()
            self.http.request(method, path, json.dumps(body) if body else None, headers)
            answer = self.http.getresponse()
        text = answer.read()
        if wanted and answer.status not in wanted:
            sys.exit("bench: %s %s: %d %s" % (method, path, answer.status, text[:200]))
        return answer.status, text

    def poke(self, count, poke_ms):
        for i in range(count):
            self.server.poke(self, i)
            time.sleep(poke_ms / 1000)


class ReplayWatched(Replay):
    """replay, and nobody asks for what it says of each list: that must not fill the pipe."""
    namespace = "poked"

    def __init__(self, build, pods, directory, *options):
        super().__init__(build, pods, directory, *options)
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    @staticmethod
    def poke(poker, _):
        poker.ask("GET", "/poke")


class Cluster:
    """A real API server, with a namespace that is ours, and gone at the end."""

    def __init__(self, url, ca, token_file):
        self.url, self.ca, self.token_file = url, ca, token_file
        self.namespace = "bench-%d-%d" % (os.getpid(), random.randrange(1000000))
        self.poker = Poker(self)
        self.poker.ask("POST", "/api/v1/namespaces", {"metadata": {"name": self.namespace}}, wanted=(201,))
        for _ in range(100):    # Pods can be made as soon as there is this
            if self.poker.ask("GET", self.path("/default", "serviceaccounts"), wanted=())[0] == 200:
                break
            time.sleep(0.1)

    def token(self):
        with open(self.token_file, encoding="utf-8") as f:
            return f.readline().strip()

    def path(self, name="", plural="pods"):
        return "/api/v1/namespaces/%s/%s%s" % (self.namespace, plural, name)

    def stop(self):
        for _ in range(20):     # a server gives up after a minute, and has deleted some by then
            if self.poker.ask("DELETE", self.path(), {"gracePeriodSeconds": 0}, wanted=())[0] == 200:
                break
        self.poker.ask("DELETE", "/api/v1/namespaces/" + self.namespace)


class ClusterWatched(Cluster):
    """One Pod, that runs nowhere, is changed again and again."""

    def __init__(self, url, ca, token_file):
        super().__init__(url, ca, token_file)
        self.poker.ask("POST", self.path(), {"metadata": {"name": "poked"}, "spec": {
            "schedulerName": "none", "automountServiceAccountToken": False,
            "containers": [{"name": "c", "image": "none.invalid/none"}]}}, wanted=(201,))

    def poke(self, poker, i):
        poker.ask("PATCH", self.path("/poked"), {"metadata": {"annotations": {
            "bench": "%d %s" % (i, "x" * 2000)}}}, "application/merge-patch+json")


def configmaps(count):
    """What is to come of so many that are created: number, bytes of names and values, sum of their numbers."""
    return count, sum(len("bench-%d" % i) + len("value %d" % i) for i in range(count)), count * (count - 1) // 2


class ReplayedPods(ReplayWatched):
    """What the peers get from replay."""
    title, since, may_fail = "replaying server", None, False
    more = {"KUBE_FEATURE_WatchListClient": "false"}    # it has no watch that begins with a list

    def __init__(self, build, pods, directory):
        self.protobuf = os.path.join(directory, "protobuf")
        super().__init__(build, pods, directory, "--protobuf", self.protobuf)
        self.pods = pods

    def prepare(self, programs, kubeconfig):
        """client-go makes the answers as protobuf: replay itself has JSON."""
        if "client-go protobuf" in programs:
            with open(self.protobuf, "wb") as f:
                subprocess.run(programs["client-go protobuf"] + ["encode", "--kubeconfig", kubeconfig],
                               stdout=f, check=True)

    @staticmethod
    def takes_part(scenario, name):
        return name != "client-go protobuf" or scenario != "churn"      # it reads no protobuf

    @staticmethod
    def namespace_of(scenario, count):
        return {"list": "", "cache": "", "watch": "events-%d" % count}.get(scenario, "default")

    @staticmethod
    def count(wanted):
        return wanted

    def expected(self, scenario, count):
        if scenario == "churn":
            return configmaps(count)
        n, first = count, FIRST_EVENT if scenario == "watch" else FIRST_POD
        n = self.pods if scenario in ("list", "cache") else n
        return n, NAME_AND_PHASE * n, n * first + n * (n - 1) // 2

    def check(self):
        pass

    def make_events(self):
        pass

    def told(self):
        return self.title


def facts(pod):
    """What the programs read of a Pod."""
    return len(pod["metadata"]["name"]) + len(pod["status"]["phase"]), int(pod["metadata"]["resourceVersion"])


def total(seen):
    return len(seen), sum(s[0] for s in seen), sum(s[1] for s in seen)


class ClusterPods(Cluster):
    """The same Pods, as far as an API server takes them, on a real one: they are created, and then get their status,
    which is what a watch is told of again and again."""
    more, may_fail = {}, True       # there are other users, who may make a client fail that takes long

    def __init__(self, a, pods):
        super().__init__(a.server, a.ca, a.token_file)
        version = json.loads(self.poker.ask("GET", "/version")[1])["gitVersion"]
        self.title, self.pods, self.changes = "kube-apiserver " + version, pods, 0
        try:
            with tempfile.TemporaryDirectory(prefix="bench-") as directory:
                self.fill(ReplayWatched(a.build, pods, directory))
        except BaseException:
            self.stop()
            raise

    def fill(self, replay):
        try:
            self.made = json.loads(Poker(replay).ask("GET", "/api/v1/pods")[1])["items"]
        finally:
            replay.stop()

        def create(poker, i):
            pod = self.made[i]
            # Nobody is to run it, or to miss who owns it.
            metadata = {k: pod["metadata"][k] for k in ("name", "labels", "annotations")}
            spec = {k: v for k, v in pod["spec"].items()
                    if k not in ("nodeName", "serviceAccount", "serviceAccountName")}
            spec.update(schedulerName="none", automountServiceAccountToken=False)
            poker.ask("POST", self.path(), {"metadata": metadata, "spec": spec}, wanted=(201,))

        self.each(create)
        self.change()

    def each(self, do):
        """Of every Pod, over several connections."""
        def part(k):
            poker = Poker(self)
            return [do(poker, i) for i in range(k, self.pods, FILLERS)]

        with concurrent.futures.ThreadPoolExecutor(FILLERS) as pool:
            return [x for some in pool.map(part, range(FILLERS)) for x in some]

    def change(self):
        """The Pods get their status, or a new generation of it."""
        def give_status(poker, i):
            status = dict(self.made[i]["status"], message="for the %6d. time" % self.changes)
            text = poker.ask("PATCH", self.path("/" + NAME % i + "/status"), {"status": status},
                             "application/merge-patch+json")[1]
            return facts(json.loads(text))

        listed = json.loads(self.poker.ask("GET", self.path("?limit=1"))[1])
        self.since = listed["metadata"]["resourceVersion"]
        self.changes += 1
        self.events = sorted(self.each(give_status), key=lambda seen: seen[1])
        text = self.poker.ask("GET", self.path())[1]
        self.seen = [facts(pod) for pod in json.loads(text)["items"]]
        self.size = len(text) / self.pods

    def make_events(self):
        """What happened is told for as long as not too much has happened since. After that it happens again."""
        path = self.path("?watch=1&timeoutSeconds=1&resourceVersion=" + self.since)
        if b'"ERROR"' in self.poker.ask("GET", path)[1][:100]:
            self.change()

    def prepare(self, *_):
        pass

    @staticmethod
    def takes_part(*_):
        return True

    def namespace_of(self, *_):
        return self.namespace

    def count(self, wanted):
        return min(wanted, self.pods)

    def expected(self, scenario, count):
        if scenario == "churn":
            return configmaps(count)
        if scenario in ("list", "cache"):
            return total(self.seen)
        return total((self.events if scenario == "watch" else self.seen)[:count])

    def check(self):
        """That all that was created was deleted, too."""
        left = json.loads(self.poker.ask("GET", self.path("?labelSelector=app%3Dbench", "configmaps"))[1])["items"]
        if left:
            sys.exit("bench: %d ConfigMaps were not deleted" % len(left))

    def clean(self):
        self.poker.ask("DELETE", self.path("?labelSelector=app%3Dbench", "configmaps"))

    def told(self):
        return "%s, whose Pods have %.0f bytes each" % (self.title, self.size)
