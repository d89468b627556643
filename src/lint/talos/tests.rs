//! Rules one by one: a piece that is refused, and what is said; the same piece put right is not refused.

#![expect(clippy::too_many_lines, reason = "tables of rules")]

use super::*;

/// A worker that Talos accepts.
const WORKER: &str = "version: v1alpha1
machine:
  type: worker
  ca: {crt: YQ==}
  install: {disk: /dev/sda}
cluster:
  controlPlane: {endpoint: 'https://10.0.0.1:6443'}
";

fn refused(text: &str) -> Vec<String> {
    let config = MachineConfig::read(text).unwrap();
    let found = check(&config).into_iter();
    found.map(|it| it.message).collect()
}

fn with(document: &str) -> Vec<String> {
    refused(&format!("{WORKER}---\napiVersion: v1alpha1\n{document}"))
}

#[test]
fn a_complete_worker_is_accepted() {
    assert_eq!(refused(WORKER), Vec::<String>::new());
}

#[test]
fn each_rule_of_the_old_document_names_its_place() {
    for (from, to, place) in [
        ("type: worker", "type: master", "machine.type"),
        ("type: worker", "type: join", "machine.type"),
        ("{crt: YQ==}", "{crt: YQ==, key: YQ==}", "machine.ca.key"),
        ("{crt: YQ==}", "{crt: ''}", "machine.ca.crt"),
        ("{disk: /dev/sda}", "{wipe: false}", "machine.install"),
        (
            "https://10.0.0.1:6443",
            "https://:6443",
            "cluster.controlPlane.endpoint",
        ),
        (
            "https://10.0.0.1:6443",
            "https://a:65536",
            "cluster.controlPlane.endpoint",
        ),
        (
            "  install",
            "  kubelet: {nodeIP: {validSubnets: [x]}}\n  install",
            "validSubnets[0]",
        ),
        (
            "  install",
            "  kubelet: {extraConfig: {port: 1}}\n  install",
            "extraConfig.port",
        ),
        (
            "  install",
            "  nodeTaints: {a: Never}\n  install",
            "nodeTaints.a",
        ),
        (
            "  install",
            "  systemDiskEncryption: {state: {keys: [{slot: 0}]}}\n  install",
            "state.keys[0]",
        ),
        (
            "  install",
            "  disks: [{partitions: [{mountpoint: /a}, {size: 1}]}]\n  install",
            "partitions[0].size",
        ),
        (
            "  install",
            "  network: {interfaces: [{interface: a, addresses: [x]}]}\n  install",
            "addresses[0]",
        ),
        (
            "  install",
            "  network: {interfaces: [{interface: a, bond: {interfaces: [b], updelay: 1}}]}\n  install",
            "bond.updelay",
        ),
        (
            "  install",
            "  network: {interfaces: [{interface: a, vip: {ip: 10.0.0.2}}]}\n  install",
            "interfaces[0].vip",
        ),
        ("cluster:", "cluster:\n  etcd: {ca: {}}", "cluster.etcd"),
        (
            "cluster:",
            "cluster:\n  discovery: {enabled: true}",
            "cluster.id",
        ),
    ] {
        let found = refused(&WORKER.replacen(from, to, 1));
        assert!(found.iter().any(|it| it.contains(place)), "{to}: {found:?}");
    }
}

#[test]
fn each_rule_of_the_other_documents_names_its_place() {
    for (wrong, right, place) in [
        (
            "kind: UserVolumeConfig\nname: a",
            "kind: UserVolumeConfig\nname: a\nvolumeType: directory",
            "diskSelector.match",
        ),
        (
            "kind: VolumeConfig\nname: DATA",
            "kind: VolumeConfig\nname: LOG",
            "name",
        ),
        (
            "kind: FilesystemScrubConfig\ninterval: 9s",
            "kind: FilesystemScrubConfig\ninterval: 10s",
            "interval",
        ),
        (
            "kind: ZswapConfig\nmaxPoolPercent: 101",
            "kind: ZswapConfig\nmaxPoolPercent: 100",
            "maxPoolPercent",
        ),
        (
            "kind: WatchdogTimerConfig\ndevice: a\ntimeout: 9s",
            "kind: WatchdogTimerConfig\ndevice: a",
            "timeout",
        ),
        (
            "kind: VLANConfig\nname: a\nvlanID: 4095\nparent: b",
            "kind: VLANConfig\nname: a\nvlanID: 4094\nparent: b",
            "vlanID",
        ),
        (
            "kind: BlackholeRouteConfig\nname: 10.0.0.1",
            "kind: BlackholeRouteConfig\nname: 10.0.0.1/32",
            "name",
        ),
        (
            "kind: RoutingRuleConfig\nname: '32500'\ntable: 100",
            "kind: RoutingRuleConfig\nname: '100'\ntable: 100",
            "name",
        ),
        (
            "kind: HostnameConfig",
            "kind: HostnameConfig\nauto: stable",
            "HostnameConfig",
        ),
        (
            "kind: EtcFileConfig\nname: ssl/x",
            "kind: EtcFileConfig\nname: x",
            "name",
        ),
        (
            "kind: KmsgLogConfig\nname: a\nurl: udp://b",
            "kind: KmsgLogConfig\nname: a\nurl: udp://b:1",
            "url",
        ),
        (
            "kind: KubePrismConfig\nport: 0",
            "kind: KubePrismConfig\nport: 1",
            "port",
        ),
        (
            "kind: KubeletConfig\nimage: ''",
            "kind: KubeletConfig\nimage: a",
            "image",
        ),
        (
            "kind: ContainerConfig\nname: A\nimage: b",
            "kind: ContainerConfig\nname: a\nimage: b",
            "name",
        ),
        (
            "kind: ImageVerificationConfig\nrules: [{image: a}]",
            "kind: ImageVerificationConfig\nrules: [{image: a, deny: true}]",
            "rules[0]",
        ),
        (
            "kind: UnattendedInstallConfig\nprovisioning: {diskSelector: {match: a}}",
            "kind: FilesystemTrimConfig",
            "excludes machine.install",
        ),
        (
            "kind: KubeProxyConfig\nimage: a",
            "kind: FilesystemTrimConfig",
            "only on a control plane",
        ),
        (
            "kind: KubeSpanConfig\nenabled: true",
            "kind: KubeSpanConfig\nenabled: false",
            "needs discovery",
        ),
    ] {
        let found = with(wrong);
        assert!(
            found.iter().any(|it| it.contains(place)),
            "{wrong}: {found:?}"
        );
        assert_eq!(with(right), Vec::<String>::new(), "{right}");
    }
}
