"""The bench's programs on kr8s, its asyncio API."""
import asyncio

import kr8s.asyncio
from kr8s.asyncio.objects import Pod

from peer import Peer, pod_name


async def main():
    peer = Peer("kr8s", "httpx")
    api = await kr8s.asyncio.api(kubeconfig=peer.kubeconfig)

    def saw(pod):
        peer.saw(pod.name, pod.status.phase, pod.metadata.resourceVersion)

    peer.begin()
    if peer.scenario == "list":
        async for pod in Pod.list(namespace=kr8s.ALL, api=api):
            saw(pod)
    elif peer.scenario == "get":
        for i in range(peer.count):
            saw(await Pod.get(pod_name(i), namespace="default", api=api))
    else:
        async for _, pod in api.async_watch(Pod, namespace=peer.namespace, since="1"):
            saw(pod)
            if peer.items == peer.count:
                break
    peer.end()


asyncio.run(main())
