//! Documents of the system: kernel, services, logs, watchdog, files, discovery, registries, images. Pure.

use super::view::{Out, View};
use super::{text, urls};

const REQUIRED: &str = "it is required";

/// 10 s in nanoseconds.
const LEAST_WATCHDOG: i64 = 10_000_000_000;

/// Files below `/etc` that Talos writes.
const FILES: [&str; 7] = [
    "resolv.conf",
    "hosts",
    "machine-id",
    "extensions.yaml",
    "localtime",
    "os-release",
    "xattr.conf",
];

/// Folders below `/etc` that Talos writes.
const FOLDERS: [&str; 12] = [
    "apparmor.d",
    "apparmor",
    "ca-certificates",
    "cni",
    "cri",
    "iscsi",
    "kubernetes",
    "lvm",
    "nvme",
    "pki",
    "selinux",
    "ssl",
];

/// Checks a document; nothing if it is none of these.
pub(super) fn document(kind: &str, doc: &View<'_>, out: &mut Out<'_>) {
    let name = doc.get("name");
    match kind {
        "EnvironmentConfig" => {
            for (key, variable) in doc.get("variables").entries() {
                let fits = |(i, c): (usize, char)| {
                    c.is_ascii_alphabetic() || c == '_' || i > 0 && c.is_ascii_digit()
                };
                let name = !key.is_empty() && key.chars().enumerate().all(fits);
                out.refuse_if(!name, &variable, "not the name of a variable");
            }
        }
        "SysctlConfig" | "SysfsConfig" => {
            for (key, value) in doc.get("params").entries() {
                out.refuse_if(key.is_empty(), &value, "the name is empty");
            }
        }
        "EtcFileConfig" => file(&name, out),
        "EventSinkConfig" => {
            let endpoint = doc.get("endpoint");
            let fits = text::host_port(endpoint.text()).is_some();
            out.refuse_if(!fits, &endpoint, "not a host and a port");
        }
        "KernelModuleConfig" => out.refuse_if(name.is_zero(), &name, REQUIRED),
        "KmsgLogConfig" => {
            out.refuse_if(name.is_zero(), &name, REQUIRED);
            let url = doc.get("url");
            urls::plain(&url, &["tcp", "udp"], false, out);
            let port = urls::given(&url).is_none_or(|it| !it.port().is_empty());
            out.refuse_if(!port, &url, "a port is required");
        }
        "OOMConfig" => {
            let interval = doc.get("sampleInterval");
            out.refuse_if(interval.nanos() < 0, &interval, "it cannot be negative");
        }
        "WatchdogTimerConfig" => {
            let (device, timeout) = (doc.get("device"), doc.get("timeout"));
            out.refuse_if(device.is_zero(), &device, REQUIRED);
            let short = timeout.nanos() != 0 && timeout.nanos() < LEAST_WATCHDOG;
            out.refuse_if(short, &timeout, "at least 10s");
        }
        "SideroLinkConfig" => urls::plain(&doc.get("apiUrl"), &["https", "grpc"], false, out),
        "ExtensionServiceConfig" => service(doc, out),
        "DiscoveryIdentityConfig" => {
            let (id, secret) = (doc.get("clusterID"), doc.get("clusterSecret"));
            out.refuse_if(id.is_zero(), &id, REQUIRED);
            let fits = text::is_key(secret.text(), 32);
            out.refuse_if(!fits, &secret, "not Base64 of 32 bytes");
        }
        "DiscoveryServiceConfig" => {
            out.refuse_if(name.is_zero(), &name, REQUIRED);
            let url = doc.get("endpoint");
            urls::plain(&url, &["http", "https", "grpc"], true, out);
            let host = urls::given(&url).is_none_or(|it| !it.host_name().is_empty());
            out.refuse_if(!host, &url, "it has no host");
        }
        _ => {}
    }
}

fn file(name: &View<'_>, out: &mut Out<'_>) {
    let path = name.text();
    let mut depth = 0_i32;
    let steps = path.split('/').filter(|step| !matches!(*step, "" | "."));
    let inside = steps.into_iter().all(|step| {
        depth += if step == ".." { -1 } else { 1 };
        depth >= 0
    });
    let local = inside && !path.is_empty() && !path.starts_with(['/', '.']);
    out.refuse_if(!local, name, "a path below /etc is required");
    let below = |folder: &&str| {
        let rest = path.strip_prefix(*folder);
        rest.is_some_and(|it| it.is_empty() || it.starts_with('/'))
    };
    let own = FILES.contains(&path) || FOLDERS.iter().any(below);
    out.refuse_if(own, name, "Talos writes it itself");
}

fn service(doc: &View<'_>, out: &mut Out<'_>) {
    let (name, files) = (doc.get("name"), doc.get("configFiles"));
    out.refuse_if(name.is_zero(), &name, REQUIRED);
    let nothing = files.is_empty() && doc.get("environment").is_empty();
    out.refuse_if(nothing, doc, "configFiles or environment is required");
    for file in files.items() {
        for key in ["content", "mountPath"] {
            let value = file.get(key);
            out.refuse_if(value.is_zero(), &value, REQUIRED);
        }
    }
}
