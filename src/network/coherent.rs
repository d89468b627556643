//! A configuration whose parts fit together has no finding about its network, whatever its form; a text of any kind is
//! survived.

use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};

use super::Machine;
use super::tests::{findings, nic};
use crate::probe::nic::Nic;

/// A configuration whose parts fit together, in the old form or in documents, and the machine that it is for.
fn coherent(seed: (u8, u8, bool, bool, bool, u8)) -> (String, Vec<Nic>) {
    let (site, host, dual, documents, dhcp, order) = seed;
    let host = host.clamp(2, 250);
    let v4 = format!("172.16.{site}.{host}/24");
    let v6 = format!("fd00:0:0:{site:x}::{host:x}/64");
    let swap = |list: [&str; 2]| {
        let list = if order % 2 == 0 {
            list
        } else {
            [list[1], list[0]]
        };
        if dual {
            list.join(", ")
        } else {
            list[usize::from(order % 2 == 1)].to_owned()
        }
    };
    let pods = swap(["10.244.0.0/16", "fd00:1::/56"]);
    let services = swap(["10.96.0.0/12", "fd00:2::/108"]);
    let valid = format!("172.16.{site}.0/24, \"!172.16.{site}.1/32\"");
    let nics = vec![nic("eth0", "", &[&v4, &v6, "fe80::1/64"])];
    let network = format!("podSubnets: [{pods}]\nserviceSubnets: [{services}]\n");
    let text = if documents {
        let link = if dhcp {
            "kind: DHCPv4Config\nname: eth0\n".to_owned()
        } else {
            format!(
                "kind: LinkConfig\nname: eth0\naddresses:\n  - address: {v4}\n  - address: {v6}\n"
            )
        };
        format!(
            "kind: KubeNetworkConfig\n{network}---\n{link}---\nkind: KubeNodeConfig\nnodeIP:\n  validSubnets: [{valid}]\n\
             ---\nkind: Layer2VIPConfig\nname: 172.16.{site}.1\nlink: eth0\n---\nkind: ExtensionServiceConfig\nname: lldpd\n"
        )
    } else {
        let link = if dhcp {
            "dhcp: true".to_owned()
        } else {
            format!("addresses: [{v4}, \"{v6}\"]")
        };
        let network = network.replace('\n', "\n    ");
        format!(
            "machine:\n  type: controlplane\n  kubelet:\n    nodeIP:\n      validSubnets: [{valid}]\n  network:\n    \
             interfaces:\n      - interface: eth0\n        {link}\n        vip: {{ip: 172.16.{site}.1}}\ncluster:\n  \
             network:\n    {network}\n"
        )
    };
    (text, nics)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_coherent_configuration_has_no_finding(seed: (u8, u8, bool, bool, bool, u8)) {
        let (text, nics) = coherent(seed);
        prop_assert_eq!(findings(&text, &Machine::default()), []);
        let machine = Machine { nics: Some(&nics), ..Machine::default() };
        prop_assert_eq!(findings(&text, &machine), [], "{}", text);
        // It says something as soon as one part does not fit.
        let moved = text.replace("10.244.0.0/16", "172.16.0.0/12").replace("fd00:1::/56", "fd00::/40");
        prop_assert!(!findings(&moved, &machine).is_empty(), "{}", moved);
    }

    #[test]
    fn no_text_is_too_strange(text in "(kind|name|[a-z]{0,4}|: |\\n|- |\\[|\\]|!|/|[0-9]{1,3}|\\{|\\}){0,40}") {
        findings(&text, &Machine::default());
    }
}
