"""The bench's programs on kr8s, its asyncio API."""
import asyncio

import kr8s.asyncio
from kr8s.asyncio.objects import ConfigMap, Pod

from peer import Peer, pod_name


async def main():
    peer = Peer("kr8s", "httpx")
    api = await kr8s.asyncio.api(kubeconfig=peer.kubeconfig)

    def saw(pod):
        peer.saw(pod.name, pod.status.phase, pod.metadata.resourceVersion)

    peer.begin()
    if peer.scenario == "list":
        async for pod in Pod.list(namespace=peer.namespace or kr8s.ALL, api=api):
            saw(pod)
    elif peer.scenario == "get":
        for i in range(peer.count):
            saw(await Pod.get(pod_name(i), namespace=peer.namespace, api=api))
    elif peer.scenario == "churn":
        for i in range(peer.count):
            configmap = await ConfigMap(peer.configmap(i), api=api)
            await configmap.create()
            peer.created(configmap.name, configmap.data["key"])
            await configmap.delete()
    else:
        async for _, pod in api.async_watch(Pod, namespace=peer.namespace, since=peer.since):
            saw(pod)
            if peer.items == peer.count:
                break
    peer.end()


asyncio.run(main())
