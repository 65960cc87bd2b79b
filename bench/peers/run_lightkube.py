"""The bench's programs on lightkube, its asynchronous client."""
import asyncio

from lightkube import AsyncClient, KubeConfig
from lightkube.resources.core_v1 import Pod

from peer import Peer, pod_name


async def main():
    peer = Peer("lightkube", "lightkube-models", "httpx")
    client = AsyncClient(config=KubeConfig.from_file(peer.kubeconfig))

    def saw(pod):
        peer.saw(pod.metadata.name, pod.status.phase, pod.metadata.resourceVersion)

    peer.begin()
    if peer.scenario == "list":
        async for pod in client.list(Pod, namespace="*"):
            saw(pod)
    elif peer.scenario == "get":
        for i in range(peer.count):
            saw(await client.get(Pod, pod_name(i), namespace="default"))
    else:
        async for _, pod in client.watch(Pod, namespace=peer.namespace, resource_version="1"):
            saw(pod)
            if peer.items == peer.count:
                break
    peer.end()


asyncio.run(main())
