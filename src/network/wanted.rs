//! What a node's documents say about its network, old form and documents alike. Pure; passes over what it does not know,
//! since `config::parse` is what refuses.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::text::{Spot, Text};
use crate::config::node::Node;

/// The network of one node.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub is_worker: bool,
    pub pods: Vec<Text>,
    pub services: Vec<Text>,
    /// Whether the networks stand in a KubeNetworkConfig, whose rules are strict.
    pub is_strict: bool,
    /// Whether any network was named.
    pub has_networks: bool,
    pub node_mask_v4: Option<Text>,
    pub node_mask_v6: Option<Text>,
    /// Lists of networks to pick addresses from: the kubelet's, etcd's.
    pub valid: Vec<(&'static str, Vec<Text>)>,
    pub links: Vec<Link>,
    pub vips: Vec<Vip>,
    /// Names of links that the configuration makes.
    pub made: BTreeSet<String>,
    /// The first document that switches default DHCP off.
    pub no_default_dhcp: Option<Text>,
    pub aliases: Vec<Alias>,
    pub lldpd: Lldpd,
}

/// How a link is named.
#[derive(Clone, Debug)]
pub(super) enum Target {
    Name(Text),
    /// Fields of a device selector, and where it stands.
    Selector(Vec<Text>, Text),
}

/// A link that is configured.
#[derive(Debug)]
pub(super) struct Link {
    pub target: Target,
    pub addresses: Vec<Text>,
    /// Gateways of default routes.
    pub default_routes: Vec<Text>,
    pub dhcp4: bool,
    pub dhcp6: bool,
}

/// A shared address, and the name of its link if it is known.
#[derive(Debug)]
pub(super) struct Vip {
    pub address: Text,
    pub link: Option<String>,
}

/// A name for a link that an expression selects.
#[derive(Debug)]
pub(super) struct Alias {
    pub name: Text,
    pub matches: Text,
}

/// What is said about lldpd.
#[derive(Debug, Default)]
pub(super) struct Lldpd {
    /// ExtensionServiceConfig with the right name.
    pub document: Option<Text>,
    /// The same with the name of the service.
    pub misnamed: Option<Text>,
    /// `machine.install.extensions` or an image that names it.
    pub installed: Option<Text>,
    /// Where it is configured in a way without effect.
    pub ineffective: Vec<Text>,
}

/// Kinds of documents that are a link, as Talos' default DHCP counts them.
const LINKS: [&str; 8] = [
    "LinkConfig",
    "BondConfig",
    "BridgeConfig",
    "VLANConfig",
    "DummyLinkConfig",
    "VethConfig",
    "VRFConfig",
    "WireguardConfig",
];

impl Wanted {
    /// What all `documents` of one node say together.
    pub(super) fn read(documents: &[(&str, Rc<Node>)]) -> Self {
        let mut wanted = Self::default();
        for (file, node) in documents {
            let root = Spot::root(node, "", file);
            match root.text("kind") {
                Some(kind) => wanted.document(&kind.text, &Spot::root(node, &kind.text, file)),
                None => wanted.old_form(&root),
            }
        }
        wanted
    }

    fn document(&mut self, kind: &str, root: &Spot<'_>) {
        match kind {
            "KubeNetworkConfig" => {
                self.is_strict = true;
                self.networks(root);
                self.node_mask_v4 = root.text("nodeCIDRMaskSizeIPv4");
                self.node_mask_v6 = root.text("nodeCIDRMaskSizeIPv6");
            }
            "KubeNodeConfig" => self.valid("kubelet", root.texts("nodeIP.validSubnets")),
            "Layer2VIPConfig" | "HCloudVIPConfig" => {
                if let Some(address) = root.text("name") {
                    let link = root.text("link").map(|link| link.text);
                    self.vips.push(Vip { address, link });
                }
            }
            "LinkAliasConfig" => {
                if let (Some(name), Some(matches)) =
                    (root.text("name"), root.text("selector.match"))
                {
                    self.aliases.push(Alias { name, matches });
                }
            }
            "DHCPv4Config" | "DHCPv6Config" => {
                let is_v4 = kind == "DHCPv4Config";
                if let Some(link) = self.link_of_document(root) {
                    link.dhcp4 |= is_v4;
                    link.dhcp6 |= !is_v4;
                }
            }
            "ExtensionServiceConfig" => self.service(root),
            _ if LINKS.contains(&kind) => self.link_document(kind, root),
            _ => {}
        }
    }

    /// The link that a document names, a new one if it is the first to do so.
    fn link_of_document(&mut self, root: &Spot<'_>) -> Option<&mut Link> {
        let name = root.text("name")?;
        self.no_default_dhcp.get_or_insert_with(|| name.clone());
        let same =
            |link: &Link| matches!(&link.target, Target::Name(known) if known.text == name.text);
        let at = self.links.iter().position(same).unwrap_or_else(|| {
            self.links.push(Link::new(Target::Name(name)));
            self.links.len() - 1
        });
        self.links.get_mut(at)
    }

    fn link_document(&mut self, kind: &str, root: &Spot<'_>) {
        if kind != "LinkConfig"
            && let Some(name) = root.text("name")
        {
            self.made.insert(name.text);
        }
        let Some(link) = self.link_of_document(root) else {
            return;
        };
        let addresses = root.list("addresses");
        link.addresses
            .extend(addresses.iter().filter_map(|item| item.text("address")));
        for route in root.list("routes") {
            if route.text("destination").is_none() {
                link.default_routes.extend(route.text("gateway"));
            }
        }
    }

    fn old_form(&mut self, root: &Spot<'_>) {
        if let Some(kind) = root.text("machine.type") {
            self.is_worker = matches!(kind.text.as_str(), "worker" | "join");
        }
        if let Some(network) = root.get("cluster.network") {
            self.networks(&network);
        }
        let arguments = "cluster.controllerManager.extraArgs.node-cidr-mask-size";
        let argument = |end: &str| root.text(&format!("{arguments}{end}"));
        self.node_mask_v4 = self
            .node_mask_v4
            .take()
            .or_else(|| argument("-ipv4").or_else(|| argument("")));
        self.node_mask_v6 = self.node_mask_v6.take().or_else(|| argument("-ipv6"));
        self.valid("kubelet", root.texts("machine.kubelet.nodeIP.validSubnets"));
        self.valid("etcd", root.texts("cluster.etcd.advertisedSubnets"));
        self.valid(
            "etcd",
            root.text("cluster.etcd.subnet").into_iter().collect(),
        );
        for device in root.list("machine.network.interfaces") {
            self.device(&device);
        }
        self.lldpd_in_old_form(root);
    }

    fn networks(&mut self, network: &Spot<'_>) {
        self.pods.extend(network.texts("podSubnets"));
        self.services.extend(network.texts("serviceSubnets"));
        self.has_networks |= !(self.pods.is_empty() && self.services.is_empty());
    }

    fn valid(&mut self, of: &'static str, texts: Vec<Text>) {
        if !texts.is_empty() {
            self.valid.push((of, texts));
        }
    }

    fn device(&mut self, device: &Spot<'_>) {
        if device.flag("ignore") == Some(true) {
            return;
        }
        let target = match (device.text("interface"), device.get("deviceSelector")) {
            (Some(name), _) => Target::Name(name),
            (None, Some(selector)) => {
                let fields = selector.entries();
                let fields = fields.iter().filter_map(|(key, _)| selector.text(key));
                Target::Selector(fields.collect(), selector.here(""))
            }
            (None, None) => return,
        };
        let name = match &target {
            Target::Name(name) => Some(name.text.clone()),
            Target::Selector(..) => None,
        };
        let made = ["bond", "bridge", "wireguard"];
        if let Some(name) = &name
            && (made.iter().any(|key| device.get(key).is_some())
                || device.flag("dummy") == Some(true))
        {
            self.made.insert(name.clone());
        }
        self.vip(device, name.clone());
        for vlan in device.list("vlans") {
            let id = vlan.text("vlanId").map_or_else(String::new, |id| id.text);
            let vlan_name = name.as_ref().map(|name| format!("{name}.{id}"));
            self.vip(&vlan, vlan_name.clone());
            if let Some(vlan_name) = vlan_name {
                self.made.insert(vlan_name.clone());
                let target = Target::Name(vlan.here(&vlan_name));
                self.links.push(Link::of_device(target, &vlan));
            }
        }
        self.links.push(Link::of_device(target, device));
    }

    fn vip(&mut self, device: &Spot<'_>, link: Option<String>) {
        if let Some(address) = device.text("vip.ip") {
            self.vips.push(Vip { address, link });
        }
    }

    fn service(&mut self, root: &Spot<'_>) {
        let Some(name) = root.text("name") else {
            return;
        };
        match name.text.as_str() {
            "lldpd" => self.lldpd.document = Some(name),
            "ext-lldpd" => self.lldpd.misnamed = Some(name),
            _ => {}
        }
    }

    fn lldpd_in_old_form(&mut self, root: &Spot<'_>) {
        let is_lldpd = |text: &Text| text.text.contains("lldpd");
        for extension in root.list("machine.install.extensions") {
            let image = extension.text("image").filter(is_lldpd);
            self.lldpd.installed = self.lldpd.installed.take().or(image);
        }
        let mut found = Vec::new();
        for file in root.list("machine.files") {
            found.extend(file.text("path").filter(is_lldpd));
        }
        for section in ["machine.env", "machine.services"] {
            let entries = root.get(section).map(|section| section.entries());
            let named = entries.unwrap_or_default().into_iter();
            let named = named.filter(|(key, _)| key.to_ascii_lowercase().contains("lldp"));
            found.extend(named.map(|(key, entry)| entry.here(key)));
        }
        self.lldpd.ineffective.extend(found);
    }
}

impl Link {
    const fn new(target: Target) -> Self {
        Self {
            target,
            addresses: Vec::new(),
            default_routes: Vec::new(),
            dhcp4: false,
            dhcp6: false,
        }
    }

    fn of_device(target: Target, device: &Spot<'_>) -> Self {
        let dhcp = device.flag("dhcp") == Some(true);
        let is_default = |route: &Spot<'_>| {
            let network = route.text("network");
            network.is_none_or(|network| matches!(network.text.as_str(), "" | "::/0" | "0.0.0.0/0"))
        };
        let routes = device.list("routes");
        let defaults = routes.iter().filter(|route| is_default(route));
        let mut addresses = device.texts("addresses");
        addresses.extend(device.text("cidr"));
        Self {
            addresses,
            default_routes: defaults.filter_map(|route| route.text("gateway")).collect(),
            dhcp4: dhcp && device.flag("dhcpOptions.ipv4") != Some(false),
            dhcp6: dhcp && device.flag("dhcpOptions.ipv6") == Some(true),
            ..Self::new(target)
        }
    }

    /// Its name, if it is not selected.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.target {
            Target::Name(name) => Some(&name.text),
            Target::Selector(..) => None,
        }
    }
}
