//! One configuration for every finding, and configurations that have none.

use super::*;
use crate::fleet::finding::Level;
use crate::probe::nic::NicKind;

pub(super) fn nic(name: &str, mac: &str, addresses: &[&str]) -> Nic {
    Nic {
        name: name.to_owned(),
        kind: NicKind::Physical,
        driver: "tg3".to_owned(),
        bus_path: "0000:03:00.0".to_owned(),
        pci_id: "14E4:1686".to_owned(),
        mac: mac.to_owned(),
        permanent_mac: mac.to_owned(),
        carrier: Some(true),
        addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
        ..Nic::default()
    }
}

pub(super) fn findings(text: &str, machine: &Machine<'_>) -> Vec<Finding> {
    check(
        &[Source {
            name: "node.yaml",
            text,
        }],
        machine,
    )
}

/// Code, level and line of each finding.
fn told(text: &str, machine: &Machine<'_>) -> Vec<(&'static str, &'static str, u32)> {
    let line = |finding: &Finding| finding.at.as_ref().map_or(0, |at| at.line);
    let told = |finding: &Finding| (finding.code.word(), finding.level.word(), line(finding));
    findings(text, machine).iter().map(told).collect()
}

fn alone(text: &str) -> Vec<(&'static str, &'static str, u32)> {
    told(text, &Machine::default())
}

fn networks(pods: &str, services: &str) -> String {
    format!("kind: KubeNetworkConfig\npodSubnets: [{pods}]\nserviceSubnets: [{services}]\n")
}

#[test]
fn networks_of_pods_and_services() {
    for (pods, services, codes) in [
        ("10.244.0.0/16", "10.96.0.0/12", &[][..]),
        (
            "10.244.0.0/16, fd00:1::/56",
            "10.96.0.0/12, fd00:2::/108",
            &[],
        ),
        ("10.244.0.1/16", "10.96.0.0/12", &["subnet-host-bits"]),
        ("10.244.0.0", "10.96.0.0/12", &["address-syntax"]),
        (
            "10.244.0.0/16, 10.245.0.0/16",
            "10.96.0.0/12",
            &["subnet-count"],
        ),
        (
            "10.244.0.0/16",
            "10.96.0.0/12, fd00:2::/108",
            &["subnet-families"],
        ),
        (
            "10.244.0.0/16, fd00:1::/56",
            "fd00:2::/108, 10.96.0.0/12",
            &["subnet-order"],
        ),
        ("10.244.0.0/16", "10.0.0.0/11", &["subnet-size"]),
        ("10.244.0.0/16", "10.96.0.0/29", &["subnet-size"]),
        ("fd00:1::/56", "fd00:2::/64", &["subnet-size"]),
        ("10.244.0.0/25", "10.96.0.0/12", &["subnet-size"]),
        ("10.0.0.0/7", "172.16.0.0/12", &["subnet-size"]),
        ("fd00:1::/40", "fd00:2::/108", &["subnet-size"]),
        ("10.96.0.0/16", "10.96.0.0/12", &["subnet-overlap"]),
    ] {
        let found = alone(&networks(pods, services));
        let found: Vec<&str> = found.iter().map(|found| found.0).collect();
        assert_eq!(found, codes, "{pods} {services}");
    }
}

#[test]
fn the_old_form_lets_host_bits_pass_and_has_its_mask_among_the_arguments() {
    let old = "cluster:\n  network:\n    podSubnets:\n      - 10.244.3.0/16\n    serviceSubnets:\n      - 10.96.0.0/12\n";
    assert_eq!(alone(old), [("subnet-host-bits", "warning", 4)]);
    let mask = "cluster:\n  network:\n    podSubnets: [10.244.0.0/20]\n    serviceSubnets: [10.96.0.0/12]\n  \
                controllerManager:\n    extraArgs:\n      node-cidr-mask-size: \"18\"\n";
    assert_eq!(alone(mask), [("subnet-size", "error", 3)]);
    let nonsense = mask.replace("\"18\"", "\"180\"");
    assert_eq!(alone(&nonsense), [("subnet-size", "error", 7)]);
}

const LINK: &str = "kind: LinkConfig
name: enp3s0f0
addresses:
  - address: 172.29.51.11/24
  - address: fd47:25e1:2f96:51::11/64
";

#[test]
fn a_network_that_takes_the_nodes_addresses_away() {
    let text = format!(
        "{LINK}---\n{}",
        networks(
            "10.244.0.0/16, fd47:25e1:2f96::/48",
            "10.96.0.0/12, fd00:2::/108"
        )
    );
    let found = findings(&text, &Machine::default());
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].code, Code::NodeOverlap);
    assert!(
        found[0].message.contains("fd47:25e1:2f96:51::11"),
        "{}",
        found[0].message
    );
    assert_eq!(found[0].path, "KubeNetworkConfig.podSubnets[1]");
    // The address may come from the machine.
    let nics = [nic(
        "enp3s0f0",
        "00:00:5e:00:53:01",
        &["10.244.7.9/24", "fe80::1/64"],
    )];
    let machine = Machine {
        nics: Some(&nics),
        ..Machine::default()
    };
    assert_eq!(
        told(&networks("10.244.0.0/16", "10.96.0.0/12"), &machine),
        [("node-overlap", "error", 2)]
    );
}

#[test]
fn lists_to_pick_addresses_from() {
    let list = |list: &str| {
        format!("{LINK}---\nkind: KubeNodeConfig\nnodeIP:\n  validSubnets: [{list}]\n")
    };
    for (subnets, told) in [
        (
            "172.29.51.0/24, \"fd47:25e1:2f96:51::/64\", \"!172.29.51.10/32\"",
            &[][..],
        ),
        ("172.29.51.11", &[]),
        ("172.29.0.0/24", &[("valid-subnet-unmatched", "error", 9)]),
        (
            "172.29.51.0/24, 10.0.0.0/8",
            &[("valid-subnet-unmatched", "warning", 9)],
        ),
        (
            "\"!10.0.0.0/8\", 172.29.51.0/24",
            &[("valid-subnet-order", "warning", 9)],
        ),
        ("172.29.51/24", &[("address-syntax", "error", 9)]),
    ] {
        assert_eq!(alone(&list(subnets)), told, "{subnets}");
    }
    let etcd = "cluster:\n  etcd:\n    advertisedSubnets: [10.9.0.0/16]\n";
    assert_eq!(
        alone(&format!("{LINK}---\n{etcd}")),
        [("valid-subnet-unmatched", "error", 9)]
    );
    // Where the address comes from a server, nobody can tell.
    let dhcp = "kind: DHCPv4Config\nname: enp3s0f0\n---\n";
    assert_eq!(alone(&format!("{dhcp}{etcd}")), []);
    assert_eq!(alone(etcd), []);
}

#[test]
fn shared_addresses() {
    let vip = |address: &str| {
        format!("{LINK}---\nkind: Layer2VIPConfig\nname: {address}\nlink: enp3s0f0\n")
    };
    for (address, told) in [
        ("172.29.51.10", &[][..]),
        ("\"fd47:25e1:2f96:51::10\"", &[]),
        ("172.29.52.10", &[("vip-outside", "error", 8)]),
        ("172.29.51.11", &[("vip-is-node-address", "error", 8)]),
        ("172.29.51.010", &[("address-syntax", "error", 8)]),
    ] {
        assert_eq!(alone(&vip(address)), told, "{address}");
    }
    let worker = format!("{}---\nmachine:\n  type: worker\n", vip("172.29.51.10"));
    assert_eq!(alone(&worker), [("vip-on-worker", "error", 8)]);
    let old = "machine:\n  network:\n    interfaces:\n      - interface: eth0\n        addresses: [10.0.0.1/24]\n        \
               vip:\n          ip: 10.0.1.5\n";
    assert_eq!(alone(old), [("vip-outside", "error", 7)]);
    // The holder of the address shows it on its interface.
    let nics = [nic(
        "enp3s0f0",
        "00:00:5e:00:53:01",
        &["172.29.51.10/32", "172.29.51.11/24"],
    )];
    let machine = Machine {
        nics: Some(&nics),
        ..Machine::default()
    };
    assert_eq!(told(&vip("172.29.51.10"), &machine), []);
}

#[test]
fn routes_beside_dhcpv6() {
    let text = "kind: LinkConfig\nname: eth0\nroutes:\n  - gateway: fe80::1\n---\nkind: DHCPv6Config\nname: eth0\n";
    assert_eq!(alone(text), [("dhcpv6-static-route", "warning", 4)]);
    assert_eq!(alone(&text.replace("DHCPv6", "DHCPv4")), []);
    let old = "machine:\n  network:\n    interfaces:\n      - interface: eth0\n        dhcp: true\n        \
               dhcpOptions: {ipv6: true}\n        routes:\n          - network: ::/0\n            gateway: fe80::1\n";
    assert_eq!(alone(old), [("dhcpv6-static-route", "warning", 9)]);
    assert_eq!(alone(&old.replace("ipv6: true", "ipv6: false")), []);
}

fn two_nics() -> [Nic; 2] {
    [
        nic("enp3s0f0", "00:00:5e:00:53:01", &[]),
        nic("enp4s0", "00:00:5e:00:53:02", &[]),
    ]
}

#[test]
fn interfaces_that_are_meant() {
    let nics = two_nics();
    let machine = Machine {
        nics: Some(&nics[..1]),
        ..Machine::default()
    };
    let both = Machine {
        nics: Some(&nics),
        ..Machine::default()
    };
    let dhcp = "kind: DHCPv4Config\nname: enp3s0f1\n";
    let found = findings(dhcp, &machine);
    assert_eq!(
        (found[0].code, found[0].hint.as_str()),
        (Code::LinkNotFound, "did you mean enp3s0f0?")
    );
    let made =
        "kind: BondConfig\nname: bond0\nlinks: [enp3s0f0]\n---\nkind: DHCPv4Config\nname: bond0\n";
    assert!(
        !told(made, &machine)
            .iter()
            .any(|found| found.0 == "link-not-found")
    );
    let selector = |fields: &str| {
        format!(
            "machine:\n  network:\n    interfaces:\n      - deviceSelector: {{{fields}}}\n        dhcp: true\n"
        )
    };
    for (fields, told_both) in [
        ("driver: tg3, hardwareAddr: \"*:01\"", &[][..]),
        (
            "pciID: \"14E4:1686\"",
            &[("selector-ambiguous", "warning", 4)],
        ),
        ("pciID: \"14e4:1686\"", &[("selector-no-match", "error", 4)]),
        ("physical: true, permanentAddr: \"00:00:5e:00:53:02\"", &[]),
        ("physical: false", &[("selector-no-match", "error", 4)]),
    ] {
        assert_eq!(told(&selector(fields), &both), told_both, "{fields}");
        assert_eq!(
            alone(&selector(fields)),
            [],
            "without a machine nothing is certain"
        );
    }
}

#[test]
fn names_for_links_that_an_expression_selects() {
    let nics = two_nics();
    let both = Machine {
        nics: Some(&nics),
        ..Machine::default()
    };
    let alias = |name: &str, expression: &str| {
        format!(
            "kind: LinkAliasConfig\nname: {name}\nselector:\n  match: {expression}\n---\nkind: DHCPv4Config\nname: net0\n"
        )
    };
    for (name, expression, first) in [
        (
            "net0",
            "glob(\"00:00:5e:*:01\", mac(link.permanent_addr)) && link.type == 1",
            Some("default-dhcp-off"),
        ),
        ("net0", "link.driver == \"tg3\"", Some("selector-ambiguous")),
        ("net%d", "link.driver == \"tg3\"", None),
        (
            "net0",
            "link.driver == \"e1000e\"",
            Some("selector-no-match"),
        ),
        ("net0", "size(link.driver) > 2", None),
    ] {
        let text = alias(name, &format!("'{expression}'"));
        let mut found: Vec<&str> = told(&text, &both).iter().map(|found| found.0).collect();
        found.retain(|code| Some(*code) == first || *code != "default-dhcp-off");
        assert_eq!(found.first().copied(), first, "{expression}: {found:?}");
        assert!(!found.contains(&"link-not-found"), "{expression}");
    }
}

#[test]
fn documents_that_switch_default_dhcp_off() {
    let nics = two_nics();
    let machine = Machine {
        nics: Some(&nics),
        ..Machine::default()
    };
    let dhcp = "kind: DHCPv4Config\nname: enp3s0f0\n";
    let found = findings(dhcp, &machine);
    assert_eq!((found.len(), found[0].code), (1, Code::DefaultDhcpOff));
    assert!(
        found[0].message.starts_with("enp4s0 "),
        "{}",
        found[0].message
    );
    let old =
        "machine:\n  network:\n    interfaces:\n      - interface: enp3s0f0\n        dhcp: true\n";
    assert_eq!(
        told(old, &machine),
        [],
        "the old form leaves the others alone"
    );
    assert_eq!(
        alone("kind: LinkConfig\nname: eth0\nup: true\n"),
        [("no-address", "error", 2)]
    );
}

#[test]
fn lldpd_and_its_configuration_come_together() {
    let document = "kind: ExtensionServiceConfig\nname: lldpd\n";
    let image =
        "machine:\n  install:\n    extensions:\n      - image: ghcr.io/siderolabs/lldpd:1.0.18\n";
    let [with, without] = [
        vec!["siderolabs/lldpd".to_owned()],
        vec!["siderolabs/iscsi-tools".to_owned()],
    ];
    let schematic = |extensions| Machine {
        extensions: Some(extensions),
        ..Machine::default()
    };
    for (text, extensions, expected) in [
        (document, None, &[][..]),
        (document, Some(&with), &[]),
        (
            document,
            Some(&without),
            &[("lldpd-not-installed", "warning", 2)],
        ),
        (
            "machine: {}\n",
            Some(&with),
            &[("lldpd-not-configured", "error", 0)],
        ),
        ("machine: {}\n", Some(&without), &[]),
        (image, None, &[("lldpd-not-configured", "error", 4)]),
        (
            "kind: ExtensionServiceConfig\nname: ext-lldpd\n",
            None,
            &[("lldpd-name", "error", 2)],
        ),
    ] {
        let machine = extensions.map_or(Machine::default(), |list: &Vec<String>| schematic(list));
        assert_eq!(told(text, &machine), expected, "{text}");
    }
    let old = "machine:\n  env:\n    LLDPD_ARGS: -r\n  files:\n    - path: /usr/local/etc/lldpd/lldpd.conf\n  services:\n    lldpd: {}\n";
    let lines: Vec<u32> = alone(old).iter().map(|found| found.2).collect();
    assert_eq!(lines, [3, 5, 7]);
    assert!(
        alone(old)
            .iter()
            .all(|found| found.0 == "lldpd-ineffective")
    );
}

#[test]
fn codes_have_names_of_their_own_and_say_cause_and_fix() {
    let mut words: Vec<&str> = Code::ALL.iter().map(|code| code.word()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), Code::ALL.len());
    for code in Code::ALL {
        assert!(code.cause().ends_with('.') && !code.fix().is_empty());
        assert_ne!(code.level(), Level::Note);
    }
}
