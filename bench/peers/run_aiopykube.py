"""The bench's programs on aiopykube of dask-kubernetes, over pykube-ng."""
import asyncio

import pykube
from dask_kubernetes.aiopykube import HTTPClient, KubeConfig
from dask_kubernetes.aiopykube.objects import ConfigMap, Pod

from peer import Peer, pod_name


async def main():
    peer = Peer("dask-kubernetes", "pykube-ng", "requests")
    api = HTTPClient(KubeConfig.from_file(peer.kubeconfig))

    def saw(pod):
        peer.saw(pod.name, pod.obj["status"]["phase"], pod.metadata["resourceVersion"])

    peer.begin()
    if peer.scenario == "list":
        async for pod in Pod.objects(api, namespace=peer.namespace or pykube.all):
            saw(pod)
    elif peer.scenario == "get":
        pods = Pod.objects(api, namespace=peer.namespace)
        for i in range(peer.count):
            saw(await pods.get_by_name(pod_name(i)))
    elif peer.scenario == "churn":
        for i in range(peer.count):
            configmap = ConfigMap(api, peer.configmap(i))
            await configmap.create()
            peer.created(configmap.name, configmap.obj["data"]["key"])
            await configmap.delete()
    else:
        async for event in Pod.objects(api, namespace=peer.namespace).watch(since=peer.since):
            saw(event.object)
            if peer.items == peer.count:
                break
    peer.end()


asyncio.run(main())
