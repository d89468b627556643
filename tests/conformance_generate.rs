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

use keelblock::config::generate::{Cluster, Contract, Role, Secrets, base};
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

#[test]
fn stand_ins_for_secrets_say_what_they_are() {
    let secrets = Secrets::placeholders();
    assert!(secrets.are_placeholders);
    assert_eq!(format!("{secrets:?}"), "Secrets(placeholders)");
}
