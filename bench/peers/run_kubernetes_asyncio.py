"""The bench's programs on kubernetes_asyncio, with its typed models."""
import asyncio
import logging

from kubernetes_asyncio import client, config, watch

from peer import Peer, pod_name


async def main():
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)     # a Watch makes a client that it forgets to close
    peer = Peer("kubernetes_asyncio", "aiohttp")
    await config.load_kube_config(config_file=peer.kubeconfig)
    api = client.CoreV1Api(client.ApiClient())

    def saw(pod):
        peer.saw(pod.metadata.name, pod.status.phase, pod.metadata.resource_version)

    peer.begin()
    if peer.scenario == "list":
        namespace = peer.namespace
        pods = api.list_namespaced_pod(namespace) if namespace else api.list_pod_for_all_namespaces()
        for pod in (await pods).items:
            saw(pod)
    elif peer.scenario == "get":
        for i in range(peer.count):
            saw(await api.read_namespaced_pod(pod_name(i), peer.namespace))
    elif peer.scenario == "churn":
        for i in range(peer.count):
            configmap = await api.create_namespaced_config_map(peer.namespace, peer.configmap(i))
            peer.created(configmap.metadata.name, configmap.data["key"])
            await api.delete_namespaced_config_map(configmap.metadata.name, peer.namespace)
    else:
        async for event in watch.Watch().stream(
                api.list_namespaced_pod, namespace=peer.namespace, resource_version=peer.since):
            saw(event["object"])
            if peer.items == peer.count:
                break
    peer.end()


asyncio.run(main())
