//! A node's configuration before anything is asked for it is the one that Talos generates, for every release.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    reason = "tests"
)]

#[path = "talconfig/judge.rs"]
mod judge;

use keelblock::config::generate::{Cluster, Contract, Role, Secrets, base, links};
use keelblock::config::patch::MachineConfig;
use serde_json::json;
use zeroize::Zeroizing;

use self::judge::judge;

/// Releases of Talos with talhelper's newest last; their patch level does not matter.
const RELEASES: [&str; 13] = [
    "v1.2.0", "v1.3.0", "v1.4.0", "v1.5.0", "v1.6.0", "v1.7.0", "v1.8.0", "v1.9.0", "v1.10.5",
    "v1.11.0", "v1.12.0", "v1.13.9", "v1.14.0",
];

/// One cluster of many kinds: every combination of what may be there.
fn compare(release: &str, role: Role, full: bool) {
    let mut secrets = Secrets::placeholders();
    let older = if full { "b2xkZXI=" } else { "" };
    secrets.aescbc = Zeroizing::new(older.to_owned());
    let names: &[&str] = if full {
        &["a.example", "10.0.0.1"]
    } else {
        &[]
    };
    let two = ["10.244.0.0/16", "fd00:1::/56"];
    let pods = if full { &two[..] } else { &two[..1] };
    let cluster = Cluster {
        name: "home-ops",
        endpoint: "https://172.29.51.10:6443",
        endpoint_host: "172.29.51.10",
        kubernetes: "1.31.1",
        contract: Contract::of(release).unwrap(),
        dns_domain: "cluster.local",
        pods,
        services: &["10.96.0.0/12"],
        installer: "factory.example/metal-installer/376567:v1.10.5",
        machine_sans: names,
        api_server_sans: names,
        schedule_on_control_planes: full,
        secrets: &secrets,
    };
    let request = json!({"op": "base", "base": {
        "name": cluster.name,
        "endpoint": cluster.endpoint,
        "kubernetes": cluster.kubernetes,
        "talos": release,
        "domain": cluster.dns_domain,
        "pods": pods,
        "services": cluster.services,
        "installer": cluster.installer,
        "machine": names,
        "server": names,
        "schedule": full,
        "worker": role == Role::Worker,
        "secret": *secrets.token,
        "aescbc": older,
    }});
    let answer = judge().ask(&request);
    assert_eq!(answer.error, "", "{release} {role:?} {full}");
    let theirs = MachineConfig::read(&answer.text).unwrap().values();
    let ours = base(&cluster, role).unwrap().values();
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs, "{release} {role:?} {full}");
    }
    assert_eq!(ours.len(), theirs.len(), "{release} {role:?} {full}");
}

#[test]
fn every_release_of_talos_generates_the_same_documents() {
    for release in RELEASES {
        for role in [Role::ControlPlane, Role::Worker] {
            for full in [false, true] {
                compare(release, role, full);
            }
        }
    }
}

/// Interfaces as people write them, and what talhelper does with the corners.
const INTERFACES: [&str; 12] = [
    "- {interface: enp3s0f0, dhcp: true, dhcpOptions: {routeMetric: 1024, ipv6: false}, \
       routes: [{network: '::/0', gateway: 'fe80::1'}], vip: {ip: 172.29.51.10}}",
    "- {interface: eth0, dhcp: true, dhcpOptions: {ipv4: false, ipv6: true}, mtu: 9000}",
    "- {interface: eth0, addresses: [10.0.0.2/24, 10.0.0.3, 'fd00::2'], \
       routes: [{network: 0.0.0.0/0, gateway: 10.0.0.1, metric: 100, mtu: 1400, source: 10.0.0.2}, {network: 10.1.0.0/16, gateway: 10.0.0.9}]}",
    "- {deviceSelector: {hardwareAddr: 'aa:bb:*', driver: tg3}, dhcp: true}\n\
     - {interface: ethSel0, addresses: [10.0.0.1/8]}\n\
     - {deviceSelector: {busPath: '0*', physical: true}, mtu: 1400}",
    "- {deviceSelector: {physical: false, pciID: '8086:*', permanentAddr: 'a*'}, interface: lan}",
    "- {interface: bond0, bond: {mode: 802.3ad, interfaces: [eth0, eth1], lacpRate: fast, xmitHashPolicy: layer3+4, miimon: 100, \
       updelay: 200, useCarrier: true, arpIPTarget: [10.0.0.1], peerNotifyDelay: 5, tlbDynamicLb: 1}, addresses: [10.0.0.2/24]}",
    "- {bond: {mode: active-backup, deviceSelectors: [{hardwareAddr: 'a*'}, {busPath: '0*'}]}, interface: bond7, dhcp: true, mtu: 9000}",
    "- {deviceSelector: {driver: x}, bridge: {interfaces: [eth0], stp: {enabled: true}, vlan: {vlanFiltering: true}}}\n\
     - {interface: br1, bridge: {interfaces: [], vlan: {vlanFiltering: false}}, addresses: [10.0.0.2/24]}",
    "- {interface: wg0, wireguard: {privateKey: 'GNQ3ajhAGQpq4wnGKX8gpQmaSGLT7O4jU8FEqhdxFWM=', listenPort: 51820, peers: [\
       {publicKey: 'GNQ3ajhAGQpq4wnGKX8gpQmaSGLT7O4jU8FEqhdxFWM=', endpoint: '10.0.0.9:51820', persistentKeepaliveInterval: 25s, allowedIPs: [10.0.0.0/8, nonsense]}]}, addresses: [10.9.0.1/24]}",
    "- {interface: eth0, vlans: [{vlanId: 100, dhcp: true, vip: {ip: 10.1.0.9}}, {vlanId: 0}, \
       {vlanId: 7, addresses: [10.7.0.1/24, 10.7.0.2, what], mtu: 1400, routes: [{network: 10.8.0.0/16, gateway: 10.7.0.9}]}]}",
    "- {interface: eth0, ignore: true}\n- {interface: dummy0, dummy: true, addresses: [10.0.0.1/32]}",
    "- {interface: lo}",
];

#[test]
fn interfaces_become_the_documents_that_talhelper_makes_of_them() {
    for interfaces in INTERFACES {
        let answer = judge().ask(&json!({"op": "links", "text": interfaces}));
        assert_eq!(answer.error, "", "{interfaces}");
        let theirs = match answer.text.is_empty() {
            true => Vec::new(),
            false => MachineConfig::read(&answer.text).unwrap().values(),
        };
        let ours = links(interfaces).unwrap();
        let ours = ours.map_or_else(Vec::new, |config| config.values());
        assert_eq!(ours, theirs, "{interfaces}");
    }
}

#[test]
fn stand_ins_for_secrets_say_what_they_are() {
    let secrets = Secrets::placeholders();
    assert!(secrets.are_placeholders);
    assert_eq!(format!("{secrets:?}"), "Secrets(placeholders)");
}
