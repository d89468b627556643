//! The fields of a node, its group's among them.

use super::super::files::Files;
use super::super::model::{MachineSpec, Node, OFFICIAL_FACTORY, Talconfig};
use super::super::shape;
use super::super::value::{At, Value};
use super::{Issues, address, interfaces, names, quoted, schematic};

/// Findings of one node.
struct Sink<'i> {
    index: usize,
    issues: &'i mut Issues,
}

impl Sink<'_> {
    fn error(&mut self, at: At, field: &str, message: impl Into<String>) {
        let field = format!("nodes[{}].{field}", self.index);
        self.issues.error(at, &field, message.into());
    }

    fn warn(&mut self, at: At, field: &str, message: &str) {
        let field = format!("nodes[{}].{field}", self.index);
        self.issues.warn(at, &field, message);
    }
}

pub(super) fn check(
    config: &Talconfig,
    node: &Node,
    index: usize,
    files: &dyn Files,
    issues: &mut Issues,
) {
    let mut sink = Sink { index, issues };
    identity(node, &mut sink);
    install(node, &mut sink);
    metadata(node, &mut sink);
    machine_disks(node, &mut sink);
    machine_files(node, &mut sink);
    let configs = &node.configs;
    if config.registry() == OFFICIAL_FACTORY
        && !configs.no_schematic_validate
        && let Some(schematic) = &configs.schematic
    {
        for why in schematic::wrong(schematic, &config.talos_tag()) {
            sink.error(schematic.at, "schematic", why);
        }
    }
    let mut nameservers = configs.nameservers.iter().flatten();
    if let Some(wrong) = nameservers.find(|it| !address::is_ip(it)) {
        let message = format!("{} is no IP address", quoted(wrong));
        sink.error(wrong.at, "nameservers", message);
    }
    if let Some(list) = &configs.network_interfaces {
        for why in interfaces::wrong(list) {
            sink.error(list.at, "networkInterfaces", why);
        }
    }
    for why in machine_spec(&configs.machine_spec) {
        sink.error(configs.machine_spec.at, "machineSpec", why);
    }
    if let Some(firewall) = &configs.ingress_firewall {
        for why in firewall_rules(firewall) {
            sink.error(firewall.at, "ingressFirewall", why);
        }
    }
    extra_manifests(node, files, &mut sink);
}

fn identity(node: &Node, sink: &mut Sink<'_>) {
    let hostname = &node.hostname;
    if hostname.is_empty() {
        sink.error(node.at, "hostname", "a node needs a hostname");
    } else if !address::is_hostname(hostname) {
        let message = format!("{} is no hostname", quoted(hostname));
        sink.error(hostname.at, "hostname", message);
    }
    let addresses = &node.ip_address;
    if addresses.is_empty() {
        sink.error(node.at, "ipAddress", "a node needs an address");
        return;
    }
    for address in addresses.split(',').map(str::trim) {
        if !address::is_domain(address) && !address::is_ip(address) {
            let message = format!(
                "{} has a part that is no address and no domain",
                quoted(addresses)
            );
            sink.error(addresses.at, "ipAddress", message);
        }
    }
}

fn install(node: &Node, sink: &mut Sink<'_>) {
    let Some(selector) = &node.install_disk_selector else {
        if node.install_disk.is_empty() {
            let message = "a node needs installDisk or installDiskSelector";
            sink.error(node.at, "installDisk", message);
        }
        return image(node, sink);
    };
    if !selector.text_at("name").is_empty() {
        let message = "Talos does not select disks by name";
        sink.error(selector.at, "installDiskSelector", message);
    }
    if !matches!(selector.text_at("type"), "" | "ssd" | "hdd" | "nvme" | "sd") {
        let message = "its type must be ssd, hdd, nvme or sd";
        sink.error(selector.at, "installDiskSelector", message);
    }
    image(node, sink);
}

fn image(node: &Node, sink: &mut Sink<'_>) {
    let image = &node.configs.talos_image_url;
    if !image.is_empty() && !names::is_image_name(image) {
        let message = format!(
            "{} must be a whole name of an image, registry included, without tag and digest",
            quoted(image)
        );
        sink.error(image.at, "talosImageURL", message);
    }
}

fn metadata(node: &Node, sink: &mut Sink<'_>) {
    let configs = &node.configs;
    let fields = [
        (
            "nodeLabels",
            &configs.node_labels,
            names::labels as fn(&_) -> Vec<String>,
        ),
        (
            "nodeAnnotations",
            &configs.node_annotations,
            names::annotations,
        ),
        ("nodeTaints", &configs.node_taints, names::taints),
    ];
    for (field, pairs, wrong) in fields {
        let Some(pairs) = pairs else { continue };
        let at = pairs.first().map_or(node.at, |(key, _)| key.at);
        for why in wrong(pairs) {
            sink.error(at, field, why);
        }
    }
}

fn machine_disks(node: &Node, sink: &mut Sink<'_>) {
    let Some(disks) = &node.configs.machine_disks else {
        return;
    };
    sink.warn(
        disks.at,
        "machineDisks",
        "machineDisks is deprecated: userVolumes replaces it",
    );
    for disk in disks.items() {
        let partitions = disk.get("partitions").map(Value::items).unwrap_or_default();
        let Some((_, before)) = partitions.split_last() else {
            continue;
        };
        for partition in before {
            let size = partition.text_at("size");
            let is_zero = crate::config::size::parse_bytes(size).is_ok_and(|size| size.get() == 0);
            if size.is_empty() || is_zero {
                let message = "a partition without a size takes the rest of the disk, so it must be the last one";
                sink.error(partition.at, "machineDisks", message);
            }
        }
    }
}

fn machine_files(node: &Node, sink: &mut Sink<'_>) {
    for file in node.configs.machine_files.iter().flatten() {
        if !matches!(&*file.op, "create" | "append" | "overwrite") {
            let message = "the op of a file must be create, append or overwrite";
            sink.error(file.op.at, "machineFiles", message);
        }
        if !address::is_unix_path(&file.path) {
            let message = "the path of a file must start with a slash";
            sink.error(file.path.at, "machineFiles", message);
        }
    }
}

fn machine_spec(spec: &MachineSpec) -> Vec<String> {
    let mut wrong = Vec::new();
    let suffix = &*spec.image_suffix;
    let suffixes: &[&str] = match &*spec.boot_method {
        "" | "iso" => &["iso"],
        "disk-image" => &[
            "raw.zst",
            "raw.xz",
            "raw.tar.gz",
            "vhd.xz",
            "raw.gz",
            "ova",
            "qcow2",
        ],
        "pxe" => &[],
        _ => {
            wrong.push(String::from("bootMethod must be iso, disk-image or pxe"));
            &[]
        }
    };
    if !suffix.is_empty() && !suffixes.contains(&suffix) {
        wrong.push(match suffixes {
            [] => String::from("imageSuffix has no meaning with this bootMethod"),
            _ => format!("imageSuffix must be one of {}", suffixes.join(", ")),
        });
    }
    wrong
}

/// What is wrong with the rules of `ingressFirewall`.
fn firewall_rules(firewall: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let rules = firewall.get("rules").map(Value::items).unwrap_or_default();
    for (index, rule) in rules.iter().filter(|rule| !rule.is_null()).enumerate() {
        let mut add = |why: &str| wrong.push(format!("rules[{index}]: {why}"));
        if rule.text_at("name").is_empty() {
            add("it needs a name");
        }
        let selector = rule.get("portSelector");
        if selector.is_none_or(|it| it.get("protocol").is_none()) {
            add("it needs a protocol: icmp, icmpv6, tcp or udp");
        }
        let ports = selector
            .and_then(|it| it.get("ports"))
            .map(Value::items)
            .unwrap_or_default();
        let mut ports: Vec<(u16, u16)> = ports.iter().filter_map(shape::ports).collect();
        if ports.is_empty() {
            add("it needs ports");
        }
        ports.sort_by_key(|(low, _)| *low);
        let overlap = ports.windows(2).any(|pair| pair[1].0 <= pair[0].1);
        if overlap || ports.iter().any(|(low, high)| low > high) {
            add("a range of ports ends before it starts, or two overlap");
        }
        let sources = rule.get("ingress").map(Value::items).unwrap_or_default();
        let sources = sources.iter().filter(|source| !source.is_null());
        for source in sources {
            if shape::prefix(source.text_at("subnet")).is_none() {
                add("a source needs a subnet");
            }
        }
    }
    wrong
}

fn extra_manifests(node: &Node, files: &dyn Files, sink: &mut Sink<'_>) {
    let manifests = node.configs.extra_manifests.as_deref().unwrap_or_default();
    let Some(first) = manifests.first() else {
        return;
    };
    sink.warn(
        first.at,
        "extraManifests",
        "extraManifests is deprecated: patches replaces it",
    );
    for manifest in manifests {
        let path = manifest.strip_prefix('@').unwrap_or(manifest);
        match files.exists(path) {
            Ok(true) => {}
            Ok(false) => sink.error(
                manifest.at,
                "extraManifests",
                format!("{path}: there is no such file"),
            ),
            Err(error) => sink.error(manifest.at, "extraManifests", format!("{path}: {error}")),
        }
    }
}
