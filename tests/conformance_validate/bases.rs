//! The configurations that patches are put on: what Talos generates, for releases and roles.

use keelblock::config::generate::{Cluster, Contract, Pair, Role, Secrets, base};
use serde_json::Value;
use zeroize::Zeroizing;

const RELEASES: [&str; 7] = [
    "v1.8.0", "v1.9.0", "v1.10.5", "v1.11.0", "v1.12.0", "v1.13.9", "v1.14.0",
];

/// 32 bytes in Base64.
const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// Documents of each configuration.
pub struct Bases(Vec<Vec<Value>>);

impl Bases {
    pub fn new() -> Self {
        let mut bases = Vec::new();
        for release in RELEASES {
            for role in [Role::ControlPlane, Role::Worker] {
                bases.push(of(release, role));
            }
        }
        Self(bases)
    }

    pub fn get(&self, index: usize) -> Vec<Value> {
        self.0[index % self.0.len()].clone()
    }
}

fn of(release: &str, role: Role) -> Vec<Value> {
    let text = || Zeroizing::new(KEY.to_owned());
    let pair = || Pair {
        certificate: text(),
        key: text(),
    };
    let secrets = Secrets {
        are_placeholders: false,
        cluster_id: text(),
        cluster_secret: text(),
        bootstrap_token: text(),
        aescbc: Zeroizing::default(),
        secretbox: text(),
        token: text(),
        etcd: pair(),
        kubernetes: pair(),
        aggregator: pair(),
        service_account: text(),
        os: pair(),
    };
    let cluster = Cluster {
        name: "home",
        endpoint: "https://10.0.0.1:6443",
        endpoint_host: "10.0.0.1",
        kubernetes: "1.34.1",
        contract: Contract::of(release).unwrap(),
        dns_domain: "cluster.local",
        pods: &["10.244.0.0/16"],
        services: &["10.96.0.0/12"],
        installer: "factory.example/metal-installer/376567:v1.14.1",
        machine_sans: &[],
        api_server_sans: &[],
        schedule_on_control_planes: false,
        secrets: &secrets,
    };
    let config = base(&cluster, role).unwrap();
    let mut documents = config.values();
    // Like talhelper, which always says where to install.
    documents[0]["machine"]["install"]["disk"] = "/dev/sda".into();
    documents
}
