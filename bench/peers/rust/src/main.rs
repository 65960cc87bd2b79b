//! The bench's programs on kube-rs. Options as of the Python ones.
use futures::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{Api, DeleteParams, ListParams, PostParams, WatchEvent, WatchParams};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use kube::runtime::{reflector, watcher};
use kube::{Client, ResourceExt};
use std::{env, fs, process};

type Failure = Box<dyn std::error::Error>;

#[derive(Default)]
struct Line {
    items: u64,
    bytes: u64,
    sum: u64,
    rss: u64,
}

impl Line {
    fn saw(&mut self, pod: &Pod) -> Result<(), Failure> {
        let phase = pod.status.as_ref().and_then(|s| s.phase.as_ref()).ok_or("no phase")?;
        self.items += 1;
        self.bytes += (pod.metadata.name.as_ref().ok_or("no name")?.len() + phase.len()) as u64;
        self.sum += pod.resource_version().ok_or("no version")?.parse::<u64>()?;
        Ok(())
    }

    fn created(&mut self, map: &ConfigMap) -> Result<(), Failure> {
        let name = map.metadata.name.as_ref().ok_or("no name")?;
        let value = map.data.as_ref().and_then(|d| d.get("key")).ok_or("no value")?;
        self.items += 1;
        self.bytes += (name.len() + value.len()) as u64;
        self.sum += name.rsplit('-').next().unwrap_or_default().parse::<u64>()?;
        Ok(())
    }
}

// All namespaces, or one.
fn pods(client: Client) -> Api<Pod> {
    match option("--namespace", "").as_str() {
        "" => Api::all(client),
        namespace => Api::namespaced(client, namespace),
    }
}

fn status_kb(field: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|l| l.starts_with(field)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn cpu_us() -> i64 {
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1_000_000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
}

fn now() -> i64 {
    let mut ts: libc::timespec = unsafe { std::mem::zeroed() };
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut ts) };
    ts.tv_sec * 1_000_000_000 + ts.tv_nsec
}

fn option(name: &str, default: &str) -> String {
    let mut arguments = env::args().skip_while(|a| a != name);
    arguments.nth(1).unwrap_or_else(|| default.to_string())
}

async fn cache(client: Client, line: &mut Line) -> Result<(), Failure> {
    let (reader, writer) = reflector::store();
    let mut stream = Box::pin(reflector(writer, watcher(pods(client), watcher::Config::default())));
    while let Some(event) = stream.next().await {
        if matches!(event?, watcher::Event::InitDone) {
            break;
        }
    }
    line.rss = status_kb("VmRSS:");
    for pod in reader.state() {
        line.saw(&pod)?;
    }
    Ok(())
}

async fn run(client: Client, scenario: &str, line: &mut Line) -> Result<(), Failure> {
    let count: u64 = option("--count", "1").parse()?;
    match scenario {
        "list" => {
            for pod in pods(client).list(&ListParams::default()).await?.items {
                line.saw(&pod)?;
            }
        }
        "get" => {
            let pods = pods(client);
            for i in 0..count {
                line.saw(&pods.get(&format!("web-7d4b9c6f5-{:07}", i % 5000)).await?)?;
            }
        }
        "churn" => {
            let namespace = option("--namespace", "default");
            let maps = Api::<ConfigMap>::namespaced(client, &namespace);
            for i in 0..count {
                let mut map = ConfigMap::default();
                map.metadata.name = Some(format!("bench-{i}"));
                map.metadata.namespace = Some(namespace.clone());
                map.metadata.labels = Some([("app".to_string(), "bench".to_string())].into());
                map.data = Some([("key".to_string(), format!("value {i}"))].into());
                line.created(&maps.create(&PostParams::default(), &map).await?)?;
                maps.delete(&format!("bench-{i}"), &DeleteParams::default()).await?;
            }
        }
        "watch" => {
            let mut stream = Box::pin(pods(client).watch(&WatchParams::default(), &option("--since", "1")).await?);
            while line.items < count {
                match stream.next().await.ok_or("it ended")?? {
                    WatchEvent::Modified(pod) => line.saw(&pod)?,
                    _ => return Err("not an event that was sent".into()),
                }
            }
        }
        "cache" => cache(client, line).await?,
        _ => return Err("no such scenario".into()),
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let Some(scenario) = env::args().nth(1) else {
        eprintln!("usage: kube-rs list|get|churn|watch|cache --kubeconfig FILE [--count N] [--namespace NAME] [--since VERSION]");
        process::exit(2);
    };
    let kubeconfig = Kubeconfig::read_from(option("--kubeconfig", ""))?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    let client = Client::try_from(config)?;
    let mut line = Line::default();
    let (rss, cpu, begin) = (status_kb("VmRSS:"), cpu_us(), now());
    run(client, &scenario, &mut line).await?;
    let end = now();
    println!(
        "{}",
        serde_json::json!({
            "program": "kube-rs", "scenario": scenario, "version": env!("PEER_VERSION"),
            "items": line.items, "bytes": line.bytes, "sum": line.sum, "cpu_us": cpu_us() - cpu,
            "wall_ns": end - begin, "answered_ns": end, "rss_start_kb": rss,
            "rss_kb": if line.rss > 0 { line.rss } else { status_kb("VmRSS:") }, "hwm_kb": status_kb("VmHWM:"),
        })
    );
    Ok(())
}
