"""The bench's programs on lightkube, its asynchronous client."""
import asyncio

from lightkube import AsyncClient, KubeConfig
from lightkube.resources.core_v1 import ConfigMap, Pod

from peer import Peer, pod_name


async def main():
    peer = Peer("lightkube", "lightkube-models", "httpx")
    client = AsyncClient(config=KubeConfig.from_file(peer.kubeconfig))

    def saw(pod):
        peer.saw(pod.metadata.name, pod.status.phase, pod.metadata.resourceVersion)

    peer.begin()
    if peer.scenario == "list":
        async for pod in client.list(Pod, namespace=peer.namespace or "*"):
            saw(pod)
    elif peer.scenario == "get":
        for i in range(peer.count):
            saw(await client.get(Pod, pod_name(i), namespace=peer.namespace))
    elif peer.scenario == "churn":
        for i in range(peer.count):
            configmap = await client.create(ConfigMap.from_dict(peer.configmap(i)))
            peer.created(configmap.metadata.name, configmap.data["key"])
            await client.delete(ConfigMap, configmap.metadata.name, namespace=peer.namespace)
    else:
        async for _, pod in client.watch(Pod, namespace=peer.namespace, resource_version=peer.since):
            saw(pod)
            if peer.items == peer.count:
                break
    peer.end()


asyncio.run(main())
