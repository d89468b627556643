//! Pieces of configurations, and the values that stand in them: what fits, and what does not or nearly.

use std::sync::LazyLock;

use serde_json::{Value, json};

/// What a patch says of the old document.
pub static OLD: LazyLock<Vec<Value>> = LazyLock::new(old);

/// Documents of other kinds.
pub static DOCUMENTS: LazyLock<Vec<Value>> = LazyLock::new(documents);

/// What every configuration needs, or nearly every.
pub const NEEDED: [(&str, &str); 14] = [
    ("/machine", "type"),
    ("/machine", "ca"),
    ("/machine/ca", "key"),
    ("/machine/ca", "crt"),
    ("/machine", "install"),
    ("/machine/install", "disk"),
    ("/cluster", "controlPlane"),
    ("/cluster/controlPlane", "endpoint"),
    ("/cluster", "id"),
    ("/cluster", "secret"),
    ("/cluster", "secretboxEncryptionSecret"),
    ("/cluster", "discovery"),
    ("", "machine"),
    ("", "cluster"),
];

/// Values of a kind: those that fit, and those that do not in some place or other.
pub fn pool(of: &str) -> (Vec<Value>, Vec<Value>) {
    let texts = |list: &[&str]| list.iter().map(|it| json!(it)).collect::<Vec<_>>();
    let key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    let (right, wrong): (&[&str], &[&str]) = match of {
        "bool" => return (vec![json!(true), json!(false)], vec![json!("maybe")]),
        "true" => return (vec![json!(true)], vec![json!(false)]),
        "false" => return (vec![json!(false)], vec![json!(true)]),
        "count" => {
            return (
                vec![json!(0), json!(1), json!(2)],
                vec![json!(-1), json!(1000)],
            );
        }
        "slot" => {
            return (
                vec![json!(0), json!(1), json!(2), json!(5)],
                vec![json!(0), json!(31)],
            );
        }
        "pcr" => return (vec![json!(7), json!(11)], vec![json!(-1), json!(24)]),
        "mtu" => return (vec![json!(1420), json!(1280)], vec![json!(1279), json!(0)]),
        "vlan" => {
            return (
                vec![json!(1), json!(4094)],
                vec![json!(0), json!(4095), json!(65536)],
            );
        }
        "port" => {
            return (
                vec![json!(7445), json!(65535)],
                vec![json!(0), json!(-1), json!(65536)],
            );
        }
        "ports" => {
            let right = vec![json!("80"), json!("443"), json!("1000-2000")];
            return (
                right,
                vec![json!("90-80"), json!("80"), json!("1500-1600"), json!("x")],
            );
        }
        "percent" => return (vec![json!(0), json!(100)], vec![json!(-1), json!(101)]),
        "mask4" => {
            return (
                vec![json!(24), json!(0), json!(26)],
                vec![json!(33), json!(-1), json!(8)],
            );
        }
        "mask6" => {
            return (
                vec![json!(64), json!(72)],
                vec![json!(129), json!(-1), json!(40)],
            );
        }
        "monitor" => return (vec![json!(100), json!(0)], vec![json!(30)]),
        "delay" => return (vec![json!(0), json!(200)], vec![json!(150)]),
        "partsize" => {
            return (
                vec![json!("10GiB"), json!("1TB")],
                vec![json!(0), json!("")],
            );
        }
        "name" => (
            &["data", "eth0", "a-1"],
            &[
                "",
                "a_b",
                "a.b",
                "no/slash",
                "0123456789012345678901234567890123456789",
            ],
        ),
        "link" => (&["eth0", "eth1", "eth2", "enp1s0"], &[""]),
        "domain" => (&["cluster.local", "a"], &["-a", "a..b", "a b", "a."]),
        "volume" => (
            &[
                "EPHEMERAL",
                "STATE",
                "IMAGECACHE",
                "ETCD",
                "CRI",
                "KUBELET",
                "LOG",
            ],
            &["", "META", "ephemeral", "data"],
        ),
        "address" => (
            &["10.0.0.2", "fd00::2"],
            &["", "10.0.0.256", "eth0", "10.0.0.0/8", "fe80::1%eth0"],
        ),
        "network" => (
            &["10.0.0.0/24", "fd00::/64", "10.0.0.2/24"],
            &[
                "",
                "10.0.0.0/33",
                "10.0.0.0/08",
                "10.0.0.2",
                "0.0.0.0/0",
                "fd00::/",
            ],
        ),
        "filter" => (
            &["10.0.0.0/24", "!fd00::/64", "10.0.0.2", "::/0"],
            &["", "!", "x", "10.0.0.0/40", "10.0.0.0/08"],
        ),
        "endpoint" => (
            &["https://10.0.0.1:6443", "https://a.example"],
            &[
                "",
                "https://:6443",
                "https://a:0",
                "https://a:65536",
                "a.example",
                "https:///x",
            ],
        ),
        "url" => (
            &["https://a.example/x.yaml", "http://10.0.0.1:80"],
            &[
                "",
                "ftp://a.example",
                "a.example",
                "https://",
                "https:opaque",
            ],
        ),
        "udp" => (
            &["udp://10.0.0.1:514", "tcp://a.example:514/"],
            &[
                "",
                "http://a.example:80",
                "udp://a.example",
                "udp://a.example:1/x",
                "udp://:514",
            ],
        ),
        "grpc" => (
            &["https://a.example:443", "grpc://10.0.0.1"],
            &["", "http://a", "https://a/x"],
        ),
        "hostport" => (
            &["10.0.0.1:51820", "a.example:1", "[fd00::1]:1"],
            &["", "a.example", "fd00::1:1", "[a:b]:1"],
        ),
        "addrport" => (&["10.0.0.1:51820", "[fd00::1]:1"], &["", "a.example:1"]),
        "key" => (&[key], &["", "AAAA", "no base64!"]),
        "size" => (&["10GiB", "100GiB", "1TB"], &["", "0", "-5GiB", "5TiB"]),
        "most" => (&["500GiB", "80%", "2TB", "-10GiB"], &["", "1GiB", "0"]),
        "duration" => (
            &["10s", "1h0m0s", "168h0m0s"],
            &["-1s", "0s", "5s", "9.999s"],
        ),
        "disk" => (
            &["!system_disk", "disk.transport == 'nvme'"],
            &["", "disk.size", "nonsense ==", "disk.size > 10u * GB"],
        ),
        "member" => (&["volume.name == 'x'"], &["", "volume.nothing", "1"]),
        "linkcel" => (&["link.driver == 'e1000'"], &["", "link.nothing", "1"]),
        "hostname" => (
            &["node-1", "node-1.example"],
            &[
                "",
                ".example",
                "0123456789012345678901234567890123456789012345678901234567890123",
            ],
        ),
        "auto" => (&["off", "stable"], &["talos-addr", "never"]),
        "label" => (
            &["topology.kubernetes.io/zone", "rack", "a_b"],
            &[
                "",
                "/rack",
                "rack/",
                "a b",
                "Upper/rack",
                "talos.dev/owned-labels",
                "a/b/c",
            ],
        ),
        "labelvalue" => (&["", "r1", "A_b.c"], &["-r1", "a b", "r/1", "r:1"]),
        "taint" => (
            &["NoSchedule", "r1:NoExecute", ":PreferNoSchedule"],
            &["", "Never", "r1:", "-r:NoSchedule", "NoSchedule:r1"],
        ),
        "role" => (&["os:reader", "os:admin"], &["", "reader", "os:root"]),
        "kubelet" => (
            &["maxPods", "serverTLSBootstrap", "featureGates"],
            &["port", "staticPodPath", "kind", "resolvConf"],
        ),
        "mode" => (
            &[
                "active-backup",
                "802.3ad",
                "balance-alb",
                "balance-tlb",
                "balance-xor",
                "balance-rr",
                "broadcast",
                "",
            ],
            &["lacp", "1"],
        ),
        "bondmode" => (&["active-backup", "802.3ad"], &["lacp"]),
        "hash" => (&["layer2", "layer3+4", "encap2+3"], &["layer4"]),
        "lacp" => (&["slow", "fast"], &["quick"]),
        "arp" => (&["none", "all", "filter-active"], &["some"]),
        "cni" => (&["flannel", "none", "custom"], &["", "cilium"]),
        "type" => (
            &["worker", "controlplane"],
            &["init", "join", "", "unknown", "master"],
        ),
        "encryption" => (&["luks2"], &["", "none", "luks1"]),
        "filesystem" => (&["xfs", "ext4", "btrfs"], &["vfat", "none", "zfs", "swap"]),
        "volumetype" => (
            &["partition", "disk", "directory"],
            &["tmpfs", "overlay", "lvm"],
        ),
        "lvm" => (&["linear", "raid1", "raid0", "raid10"], &["raid5"]),
        "level" => (&["raid1", "raid0", "1", "0"], &["raid9"]),
        "protocol" => (&["Do53", "DoT", "DoH"], &["DoQ"]),
        "action" => (&["unicast", "blackhole", "prohibit"], &["", "unspec"]),
        "table" => (&["100", "main", "240"], &["", "unspec", "local", "999"]),
        "priority" => (
            &["1000", "32765"],
            &["", "0", "32500", "32766", "32767", "-1", "x", "+5"],
        ),
        "image" => (&["registry.k8s.io/kubelet:v1.34.1", "nginx"], &[""]),
        "sort" => (&["v1", "v2"], &["v3", "V1"]),
        "proxy" => (&["nftables", "iptables", "ipvs", ""], &["userspace"]),
        "authorizer" => (&["Node", "RBAC", "Webhook"], &["", "ABAC"]),
        "argument" => (
            &["v", "audit-log-maxage"],
            &[
                "anonymous-auth",
                "oidc-issuer-url",
                "authorization-mode",
                "authorization-webhook-x",
            ],
        ),
        "resource" => (&["cpu", "memory"], &["disk", "ephemeral-storage"]),
        "variable" => (&["HTTP_PROXY", "_a1"], &["", "1a", "a-b", "a b"]),
        "sysctl" => (&["net.ipv4.ip_forward", "vm.nr_hugepages"], &[""]),
        "etcfile" => (
            &["foo.conf", "a/b.conf", "a/../b"],
            &[
                "",
                "/etc/x",
                "hosts",
                "cri/x",
                "ssl",
                "../x",
                ".x",
                "a/../../b",
            ],
        ),
        "dependency" => (&["data", "a-1"], &["", "other"]),
        "path" => (&["/var/lib/x", "/x"], &["", "x", "./x"]),
        "option" => (&["ro", "nosuid", "noexec"], &["rw", "bind", ""]),
        "capability" => (
            &["NET_ADMIN", "SYS_TIME"],
            &["", "ALL", "CAP_NET_ADMIN", "net_admin", "N1"],
        ),
        "memory" => (&["64MiB", "1GB"], &["much", "-1", "1QB"]),
        "cpu" => (&["1500m", "1m"], &["1", "0m", "m", "-1m", "1.5m"]),
        "environment" => (&["A=b", "A="], &["A", ""]),
        "identifier" => (&["mac", "none"], &["duid", "x"]),
        "text" => (&["a", "b"], &[""]),
        "metadata" => (&["1.2", "1.0"], &["x"]),
        "extension" => (&["a:v1", "b:v1"], &["a:v1"]),
        other => panic!("there are no values {other}"),
    };
    (texts(right), texts(wrong))
}

fn provisioning() -> Value {
    json!({"diskSelector!": {"match": "%disk"}, "minSize!": "%size", "maxSize?": "%most", "grow?": "%bool"})
}

fn encryption() -> Value {
    json!({"provider": "%encryption", "keys!": [key_of_volume(), key_of_volume()]})
}

fn key_of_volume() -> Value {
    json!({"slot": "%slot", "nodeID!": {}, "tpm?": {"options?": {"pcrs": ["%pcr"]}}, "static?": {"passphrase": "a"}, "lockToState?": "%false"})
}

fn link(mut more: Value) -> Value {
    more["addresses?"] = json!([{"address": "%network"}]);
    more["routes?"] =
        json!([{"destination?": "%network", "gateway?": "%address", "source?": "%address"}]);
    more
}

fn old() -> Vec<Value> {
    let mut pieces = vec![
        json!({"machine": {"type": "%type"}}),
        json!({"machine": {"install": {"disk!": "/dev/sda", "diskSelector?": {"model?": "X*", "size?": ">= 1TB"}, "extraKernelArgs?": ["a=b"], "grubUseUKICmdline?": "%bool", "extensions?": [{"image": "%extension"}, {"image": "%extension"}]}}}),
        json!({"machine": {"disks": [{"device": "/dev/sdb", "partitions": [{"mountpoint": "/var/mnt/x", "size!": "%partsize"}, {"mountpoint": "/var/mnt/y", "size?": "%partsize"}]}]}}),
        json!({"machine": {"systemDiskEncryption": {"state?": {"provider": "luks2", "keys!": [{"slot": "%slot", "nodeID!": {}}]}, "ephemeral": {"provider": "luks2", "keys!": [{"slot": "%slot", "nodeID!": {}}, {"slot": "%slot", "static!": {"passphrase": "a"}}]}}}}),
        json!({"machine": {"kubelet": {"nodeIP?": {"validSubnets": ["%filter"]}, "extraConfig?": {"%kubelet": 1}, "extraMounts?": [{"destination": "/x", "source": "/x", "type": "bind"}]}}}),
        json!({"machine": {"features": {"hostDNS?": {"enabled!": true, "forwardKubeDNSToHost?": true}, "kubePrism?": {"enabled": true, "port": "%port"}, "nodeAddressSortAlgorithm?": "%sort", "kubernetesTalosAPIAccess?": {"enabled": "%bool", "allowedRoles": ["%role"]}}}}),
        json!({"machine": {"logging": {"destinations": [{"endpoint!": "%udp", "format!": "json_lines"}]}}}),
        json!({"machine": {"nodeLabels?": {"%label": "%labelvalue"}, "nodeAnnotations?": {"%label": "x y"}, "nodeTaints?": {"%label": "%taint"}}}),
        json!({"machine": {"sysctls": {"%sysctl": "1"}, "time?": {"servers": ["%address"], "bootTimeout?": "%duration"}, "udev?": {"rules": ["x"]}}}),
        json!({"machine": {"network": {"hostname?": "%hostname", "nameservers?": ["%address"], "kubespan?": {"enabled": "%bool", "mtu?": "%mtu", "filters?": {"endpoints": ["%filter"], "excludeAdvertisedNetworks?": ["%network"]}}}}}),
        json!({"machine": {"files": [{"path": "/var/x", "content": "x", "permissions": 420, "op": "create"}]}}),
        json!({"cluster": {"network": {"dnsDomain?": "%domain", "cni?": {"name": "%cni", "urls?": ["%endpoint"], "flannel?": {"extraArgs": ["--x"]}}}}}),
        json!({"cluster": {"controlPlane": {"endpoint!": "%endpoint"}}}),
        json!({"cluster": {"discovery": {"enabled": "%bool", "registries!": {"service!": {"endpoint?": "%endpoint", "disabled?": "%bool"}}}}}),
        json!({"cluster": {"etcd": {"ca!": {"crt": "YQ==", "key": "YQ=="}, "subnet?": "%filter", "advertisedSubnets?": ["%filter"], "listenSubnets?": ["%filter"]}}}),
        json!({"cluster": {"inlineManifests": [{"name": "%name", "contents": "x"}, {"name": "%link", "contents": "x"}], "externalCloudProvider?": {"enabled": "%true", "manifests": ["%endpoint"]}}}),
        json!({"cluster": {"apiServer": {"extraArgs?": {"%argument": "1"}, "resources?": {"limits": {"%resource": "1"}}, "authorizationConfig?": [{"name": "%text", "type": "%authorizer"}]}, "scheduler?": {"resources": {"requests": {"%resource": "1"}}}}}),
        json!({"cluster": {"ca": {"crt": "YQ==", "key?": "YQ=="}, "acceptedCAs?": [{"crt": "YQ=="}]}}),
        json!({"persist": "%true", "machine": {"acceptedCAs": [{"crt": "YQ=="}]}}),
        json!({"$patch": "delete", "version": "v1alpha1"}),
        json!({"cluster": {"controlPlane": {"$patch": "delete"}}}),
        json!({"machine": {"install": {"$patch": "delete"}}}),
        json!({"machine": {"kubelet": {"$patch": "delete"}, "features": {"$patch": "delete"}}}),
        json!({"cluster": {"network": {"$patch": "delete"}, "proxy": {"$patch": "delete"}}}),
    ];
    pieces.extend(interfaces());
    pieces
}

/// `machine.network.interfaces`.
fn interfaces() -> Vec<Value> {
    let device = |more: Value| {
        let mut device = json!({"interface!": "%link", "deviceSelector?": {"driver?": "virtio", "physical?": true}, "addresses?": ["%network"], "cidr?": "%network", "dhcp?": "%bool", "ignore?": "%false", "vip?": {"ip": "%address"}});
        for (key, value) in more.as_object().unwrap() {
            device[key] = value.clone();
        }
        json!({"machine": {"network": {"interfaces": [device]}}})
    };
    // Without what excludes the rest, so that much of it is accepted.
    let plain = |more: Value| {
        let mut device = json!({"interface!": "%link", "addresses?": ["%network"]});
        for (key, value) in more.as_object().unwrap() {
            device[key] = value.clone();
        }
        json!({"machine": {"network": {"interfaces": [device]}}})
    };
    vec![
        device(json!({})),
        plain(
            json!({"routes": [{"network!": "%network", "gateway!": "%address", "source?": "%address"}]}),
        ),
        plain(
            json!({"vlans": [{"vlanId": "%vlan", "addresses?": ["%network"], "vip?": {"ip": "%address"}}]}),
        ),
        plain(
            json!({"interface": "bond0", "bond": {"interfaces!": ["%link"], "deviceSelectors?": [{"driver": "x"}], "mode": "%mode", "xmitHashPolicy?": "%hash", "miimon!": "%monitor", "updelay?": "%delay", "downdelay?": "%delay"}}),
        ),
        plain(
            json!({"interface": "bond0", "bond": {"interfaces!": ["%link"], "mode": "%mode", "lacpRate?": "%lacp", "arpValidate?": "%arp", "primary?": "eth0", "arpInterval?": "%monitor", "packetsPerSlave?": "%count", "tlbDynamicLb?": "%count", "adActorSysPrio?": "%monitor", "adUserPortKey?": "%monitor"}}),
        ),
        plain(
            json!({"interface": "bond0", "bond": {"interfaces": [], "mode": "%mode", "arpAllTargets?": "any", "primaryReselect?": "better", "failOverMac?": "active", "adSelect?": "count", "arpIPTarget?": ["%address"], "adActorSystem?": "%text"}}),
        ),
        plain(json!({"interface": "br0", "bridge": {"interfaces": ["%link"]}})),
        plain(
            json!({"interface": "wg0", "wireguard": {"privateKey!": "%key", "peers?": [{"publicKey!": "%key", "endpoint?": "%hostport", "allowedIPs?": ["%network"]}]}}),
        ),
        json!({"machine": {"network": {"interfaces": [{"interface": "bond0", "bond": {"interfaces": ["%link"]}}, {"interface": "br0", "bridge": {"interfaces": ["%link"]}}, {"interface": "%link", "dhcp?": true}]}}}),
    ]
}

fn documents() -> Vec<Value> {
    let mut pieces = vec![
        json!({"kind": "VolumeConfig", "name": "%volume", "provisioning?": {"diskSelector?": {"match": "%disk"}, "minSize?": "%size", "maxSize?": "%most"}, "encryption?": encryption(), "mount?": {"secure": true}, "trim?": {"interval": "%duration"}}),
        json!({"kind": "VolumeConfig", "name": "EPHEMERAL", "provisioning?": {"minSize?": "%size", "maxSize?": "%most"}, "encryption": encryption(), "scrub?": {"interval": "%duration"}}),
        json!({"kind": "VolumeConfig", "name": "%volume", "filesystem?": {"xfs": {"minAllocationGroupSize": "%size"}}}),
        json!({"kind": "UserVolumeConfig", "name!": "%name", "provisioning!": provisioning(), "encryption?": encryption(), "filesystem?": {"type": "%filesystem", "projectQuotaSupport?": "%false", "xfs?": {}}}),
        json!({"kind": "UserVolumeConfig", "name!": "%name", "volumeType": "%volumetype", "provisioning?": {"diskSelector": {"match": "%disk"}}, "mount?": {"disableAccessTime?": true, "secure": true}, "trim?": {"interval": "%duration"}}),
        json!({"kind": "UserVolumeConfig", "name!": "%name", "volumeType": "directory", "encryption?": encryption()}),
        json!({"kind": "RawVolumeConfig", "name!": "%name", "provisioning!": provisioning(), "encryption?": encryption()}),
        json!({"kind": "SwapVolumeConfig", "name!": "%name", "provisioning!": provisioning(), "encryption?": encryption()}),
        json!({"kind": "ExistingVolumeConfig", "name!": "%name", "discovery!": {"volumeSelector!": {"match": "%member"}}, "scrub?": {"interval": "%duration"}}),
        json!({"kind": "ExternalVolumeConfig", "name!": "%name", "filesystemType": "virtiofs", "mount!": {"virtiofs!": {"tag!": "%text"}}}),
        json!({"kind": "LVMVolumeGroupConfig", "name!": "%name", "provisioning": {"volumeSelector": {"match!": "%member"}}}),
        json!({"kind": "LVMLogicalVolumeConfig", "name!": "%name", "type!": "%lvm", "mirrors?": "%count", "stripes?": "%count", "provisioning": {"volumeGroup!": "vg", "minSize?": "%size", "maxSize!": "%most"}}),
        json!({"kind": "RAIDArrayConfig", "name!": "%name", "level!": "%level", "provisioning": {"volumeSelector": {"match!": "%member"}}}),
        json!({"kind": "UnattendedInstallConfig", "installer": {"image": "%image"}, "provisioning!": {"diskSelector": {"match": "%disk"}}}),
        json!({"kind": "FilesystemTrimConfig", "interval": "%duration"}),
        json!({"kind": "FilesystemScrubConfig", "interval": "%duration"}),
        json!({"kind": "ZswapConfig", "maxPoolPercent": "%percent"}),
        json!({"kind": "WatchdogTimerConfig", "device!": "/dev/watchdog0", "timeout!": "%duration"}),
        json!({"kind": "OOMConfig", "triggerExpression?": "%linkcel", "sampleInterval": "%duration"}),
        json!({"kind": "EnvironmentConfig", "variables": {"%variable": "x"}}),
        json!({"kind": "SysctlConfig", "params": {"%sysctl": "1"}}),
        json!({"kind": "SysfsConfig", "params": {"%sysctl": "1"}}),
        json!({"kind": "EtcFileConfig", "name!": "%etcfile", "contents": "x"}),
        json!({"kind": "EventSinkConfig", "endpoint": "%hostport"}),
        json!({"kind": "KernelModuleConfig", "name!": "%text"}),
        json!({"kind": "KmsgLogConfig", "name!": "%text", "url!": "%udp"}),
        json!({"kind": "SideroLinkConfig", "apiUrl!": "%grpc"}),
        json!({"kind": "ExtensionServiceConfig", "name!": "%name", "environment?": ["A=b"], "configFiles!": [{"content!": "%text", "mountPath!": "%path"}]}),
        json!({"kind": "DiscoveryServiceConfig", "name!": "%name", "endpoint!": "%url"}),
        json!({"kind": "DiscoveryIdentityConfig", "clusterID!": "%text", "clusterSecret!": "%key"}),
        json!({"kind": "RegistryAuthConfig", "name!": "%name", "username!": "%text", "identityToken?": "x", "auth?": "%text"}),
        json!({"kind": "RegistryMirrorConfig", "name!": "%name", "endpoints": [{"url!": "%url"}]}),
        json!({"kind": "RegistryTLSConfig", "name!": "%name", "insecureSkipVerify": true, "ca?": "%text"}),
        json!({"kind": "ImageVerificationConfig", "rules": [{"image!": "%text", "skip?": "%false", "deny?": "%false", "keyless?": {"issuer!": "%text", "subject!": "%text"}, "publicKey!": {"certificate!": "%text"}}]}),
        json!({"kind": "UdevRulesConfig", "rules": ["x"]}),
        json!({"kind": "TrustedRootsConfig", "name": "%name", "certificates": "x"}),
        json!({"kind": "CRIBaseRuntimeSpecConfig", "overrides": {"process": {"noNewPrivileges": "%bool"}}}),
    ];
    pieces.extend(network());
    pieces.extend(kubernetes());
    pieces.extend(containers());
    pieces
}

fn network() -> Vec<Value> {
    let mut pieces = vec![
        link(json!({"kind": "LinkConfig", "name!": "%link"})),
        link(json!({"kind": "DummyLinkConfig", "name!": "%link"})),
        link(json!({"kind": "BridgeConfig", "name!": "%link", "links": ["eth7"]})),
        link(
            json!({"kind": "BondConfig", "name!": "bond0", "links!": ["%link"], "bondMode!": "%bondmode"}),
        ),
        link(
            json!({"kind": "VLANConfig", "name!": "%link", "vlanID!": "%vlan", "parent!": "%link"}),
        ),
        link(json!({"kind": "VRFConfig", "name!": "%link", "links": ["eth7"], "table!": "%table"})),
        link(json!({"kind": "VethConfig", "name!": "%link", "peer!": {"name!": "%name"}})),
        link(
            json!({"kind": "WireguardConfig", "name!": "%link", "privateKey!": "%key", "listenPort?": "%port", "peers?": [{"publicKey!": "%key", "presharedKey?": "%key", "endpoint?": "%addrport", "persistentKeepaliveInterval?": "%duration"}]}),
        ),
    ];
    for kind in ["DHCPv4Config", "DHCPv6Config"] {
        pieces.push(json!({"kind": kind, "name!": "%link", "clientIdentifier?": "%identifier", "duidRaw?": ""}));
        pieces.push(json!({"kind": kind, "name!": "%link", "clientIdentifier!": "duid", "duidRaw!": "00:01"}));
    }
    pieces.extend([
        json!({"kind": "Layer2VIPConfig", "name!": "%address", "link!": "%link"}),
        json!({"kind": "HCloudVIPConfig", "name!": "%address", "link!": "%link", "apiToken!": "%text"}),
        json!({"kind": "LinkAliasConfig", "name!": "%link", "selector!": {"match!": "%linkcel"}}),
        json!({"kind": "LinkAliasConfig", "name": "net%d", "selector": {"match": "%linkcel"}}),
        json!({"kind": "EthernetConfig", "name!": "%link"}),
        json!({"kind": "HostnameConfig", "auto!": "%auto", "hostname?": "%hostname"}),
        json!({"kind": "HostnameConfig", "auto": "off", "hostname!": "%hostname"}),
        json!({"kind": "ResolverConfig", "nameservers!": [{"address!": "%address", "protocol?": "%protocol", "tlsServerName?": "%text"}], "hostDNS?": {"enabled!": "%true", "forwardKubeDNSToHost?": "%bool", "resolveMemberNames?": "%bool"}}),
        json!({"kind": "TimeSyncConfig", "bootTimeout?": "%duration", "ntp?": {"servers": ["%address"], "useNTS?": "%false"}, "ptp?": {"devices": ["/dev/ptp0"]}}),
        json!({"kind": "StaticHostConfig", "name!": "%address", "hostnames!": ["%text"]}),
        json!({"kind": "KubeSpanConfig", "enabled": "%bool", "mtu?": "%mtu", "filters?": {"endpoints": ["%filter"]}}),
        json!({"kind": "NetworkRuleConfig", "name!": "%name", "portSelector": {"ports!": ["%ports", "%ports"], "protocol": "tcp"}, "ingress!": [{"subnet!": "%network", "except?": "%network"}]}),
        json!({"kind": "RoutingRuleConfig", "name!": "%priority", "table?": "%table", "action?": "%action", "fwMark?": "%count", "fwMask?": "%count"}),
        json!({"kind": "RoutingRuleConfig", "name!": "%priority", "table": "100"}),
        json!({"kind": "HTTPProbeConfig", "name!": "%name", "url!": "%url", "interval?": "%duration", "timeout?": "%duration", "failureThreshold?": "%count"}),
        json!({"kind": "TCPProbeConfig", "name!": "%name", "endpoint!": "%hostport", "interval?": "%duration", "timeout?": "%duration"}),
        json!({"kind": "BlackholeRouteConfig", "name": "%network"}),
        json!({"kind": "BGPInstanceConfig", "name!": "%name", "localASN!": 65000, "vrf?": "%text", "routerID?": "%address", "neighbors": [{"address!": "%address", "link?": "", "peerASN": 1, "holdTime?": "%duration", "bfd?": {"transmitInterval": "%duration"}}, {"link": "%link", "peerASN": 1}], "importRoutes?": [{"bgpInstance!": "%text", "prefixes!": ["10.0.0.0/24", "%network"]}, {"bgpInstance": "c", "prefixes": ["10.1.0.0/16"]}]}),
    ]);
    pieces
}

fn kubernetes() -> Vec<Value> {
    let resources = json!({"limits": {"%resource": "1"}});
    let mut pieces = vec![
        json!({"kind": "KubeNetworkConfig", "dnsDomain": "cluster.local", "podSubnets!": ["10.244.0.0/16"], "serviceSubnets!": ["10.96.0.0/12"], "nodeCIDRMaskSizeIPv4?": "%mask4", "nodeCIDRMaskSizeIPv6?": "%mask6"}),
        json!({"kind": "KubeNetworkConfig", "podSubnets": ["10.244.0.0/16", "fd00:10:244::/56"], "serviceSubnets": ["10.96.0.0/12", "fd00:10:96::/112"], "nodeCIDRMaskSizeIPv4?": "%mask4", "nodeCIDRMaskSizeIPv6?": "%mask6"}),
        json!({"kind": "KubeNetworkConfig", "podSubnets": ["%network"], "serviceSubnets": ["%network"]}),
        json!({"kind": "KubeNodeConfig", "labels?": {"%label": "%labelvalue"}, "annotations?": {"%label": "x"}, "taints?": {"%label": "%taint"}, "nodeIP?": {"validSubnets": ["%filter"]}}),
        json!({"kind": "KubePrismConfig", "port!": "%port"}),
        json!({"kind": "KubeletConfig", "image!": "%image", "config": {"%kubelet": 1}}),
        json!({"kind": "KubeClusterConfig", "clusterName!": "%text", "endpoint!": "%endpoint"}),
        json!({"kind": "KubeStaticPodConfig", "name!": "%name", "pod!": {"kind": "Pod"}}),
        json!({"kind": "KubeInlineManifestConfig", "name!": "%name", "manifest": "x"}),
        json!({"kind": "KubeExternalManifestConfig", "name!": "%name", "url!": "%url"}),
        json!({"kind": "KubeAuthorizerConfig", "name!": "%text", "type!": "%authorizer", "webhook?": {"a": "b"}}),
        json!({"kind": "KubeAdmissionControlConfig", "name!": "%text", "configuration": {"a": "b"}}),
        json!({"kind": "KubeProxyConfig", "enabled?": "%true", "image!": "%image", "mode?": "%proxy", "resources?": resources}),
        json!({"kind": "KubeAPIServerConfig", "image!": "%image", "extraArgs?": {"%argument": "1"}, "resources?": resources}),
        json!({"kind": "KubeSchedulerConfig", "image!": "%image", "enabled?": "%true", "resources?": resources}),
        json!({"kind": "KubeControllerManagerConfig", "image!": "%image", "enabled?": "%true"}),
        json!({"kind": "KubeFlannelCNIConfig", "backendType!": "%text", "resources?": resources}),
        json!({"kind": "KubeTalosAPIAccessConfig", "allowedRoles": ["%role"]}),
        json!({"kind": "KubeEtcdEncryptionConfig", "config!": {"a": "b"}}),
        json!({"kind": "KubeCoreDNSConfig", "image": "%image"}),
        json!({"kind": "KubeCredentialProviderConfig", "configuration": {"a": "b"}}),
        json!({"kind": "ImageCacheConfig", "local": {"enabled": "%bool"}}),
    ];
    for kind in ["KubeAPIServerCAConfig", "KubeAggregatorCAConfig"] {
        pieces.push(json!({"kind": kind, "issuingCA?": {"cert": "%text", "key": "%text"}, "acceptedCAs?": ["%text"]}));
    }
    pieces.push(json!({"kind": "KubeServiceAccountConfig", "issuer": {"privateKey!": "%text", "issuerURL!": "%url"}}));
    pieces
}

fn containers() -> Vec<Value> {
    let mounts = json!([
        {"hostPath": {"source!": "%path", "destination!": "%path", "options?": ["%option", "%option"]}},
        {"tmpfs!": {"destination": "/tmp"}},
    ]);
    vec![
        json!({"kind": "ContainerConfig", "name!": "%name", "image!": "%image", "environment?": ["%environment"], "mounts?": mounts, "network?": {"mode": "host"}, "runAs?": {"uid": "%count"}}),
        json!({"kind": "ContainerConfig", "name!": "%dependency", "image!": "%image", "security?": {"profile?": "restricted", "capabilities": {"add": ["%capability"], "drop?": ["%capability"]}}, "resources?": {"limits": {"cpu?": "%cpu", "memory?": "%memory"}}}),
        json!({"kind": "ContainerConfig", "name!": "agent", "image!": "%image", "dependsOn": {"containers?": ["%dependency"], "paths?": ["%path"], "networks?": ["hostname"]}}),
        json!({"kind": "ContainerConfig", "name!": "%dependency", "image!": "%image", "mounts": [{"userVolume!": {"name!": "%text", "destination!": "%path"}}], "dependsOn?": {"containers": ["agent"]}}),
    ]
}
