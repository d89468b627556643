//! The keys of talconfig.yaml, type by type, in the order of the fields.

use super::Shape;
use super::Shape::{
    Any, ByteSize, DiskSize, Duration, Expression, Flag, Int, List, Map, Pointers, PortRange,
    Prefix, Size, SizeMatcher, Struct, Text, Word,
};

type Fields = &'static [(&'static str, Shape)];

const INT: Shape = Int(-9_223_372_036_854_775_808, 9_223_372_036_854_775_807);
const UINT64: Shape = Int(0, 18_446_744_073_709_551_615);
const UINT32: Shape = Int(0, 4_294_967_295);
const UINT16: Shape = Int(0, 65535);
const UINT8: Shape = Int(0, 255);
const TEXTS: Shape = List(&Text);
const TEXT_MAP: Shape = Map(&Text);

/// The whole file.
pub(in crate::config::talconfig) static TALCONFIG: Shape = Struct(&[TOP]);

/// The fields of the file, of a node, and of a node or a group.
pub(super) static FIELDS: [Fields; 3] = [TOP, NODE, NODE_CONFIGS];

const TOP: Fields = &[
    ("clusterName", Text),
    ("talosVersion", Text),
    ("kubernetesVersion", Text),
    ("endpoint", Text),
    ("domain", Text),
    ("allowSchedulingOnMasters", Flag),
    ("allowSchedulingOnControlPlanes", Flag),
    ("additionalMachineCertSans", TEXTS),
    ("additionalApiServerCertSans", TEXTS),
    ("inlineManifests", Pointers(&Struct(&[INLINE_MANIFEST]))),
    ("clusterPodNets", TEXTS),
    ("clusterSvcNets", TEXTS),
    ("cniConfig", Struct(&[CNI])),
    ("patches", TEXTS),
    ("nodes", List(&Struct(&[NODE, NODE_CONFIGS]))),
    ("imageFactory", Struct(&[IMAGE_FACTORY])),
    ("controlPlane", Struct(&[NODE_CONFIGS])),
    ("worker", Struct(&[NODE_CONFIGS])),
];

const INLINE_MANIFEST: Fields = &[("name", Text), ("contents", Text), ("skipEnvsubst", Flag)];

const CNI: Fields = &[
    ("name", Text),
    ("urls", TEXTS),
    ("flannel", Struct(&[FLANNEL])),
];

const FLANNEL: Fields = &[("extraArgs", TEXTS), ("kubeNetworkPoliciesEnabled", Flag)];

const IMAGE_FACTORY: Fields = &[
    ("registryURL", Text),
    ("schematicEndpoint", Text),
    ("protocol", Text),
    ("installerURLTmpl", Text),
    ("ISOURLTmpl", Text),
];

const NODE: Fields = &[
    ("hostname", Text),
    ("ipAddress", Text),
    ("controlPlane", Flag),
    ("installDisk", Text),
    ("installDiskSelector", Struct(&[DISK_SELECTOR])),
    ("ignoreHostname", Flag),
    ("overridePatches", Flag),
    ("overrideExtraManifests", Flag),
    ("overrideMachineCertSANs", Flag),
];

const DISK_SELECTOR: Fields = &[
    ("size", SizeMatcher),
    ("name", Text),
    ("model", Text),
    ("serial", Text),
    ("modalias", Text),
    ("uuid", Text),
    ("wwid", Text),
    ("type", Text),
    ("busPath", Text),
];

const NODE_CONFIGS: Fields = &[
    ("nodeLabels", TEXT_MAP),
    ("nodeAnnotations", TEXT_MAP),
    ("nodeTaints", TEXT_MAP),
    ("machineDisks", Pointers(&Struct(&[MACHINE_DISK]))),
    ("machineFiles", Pointers(&Struct(&[MACHINE_FILE]))),
    ("disableSearchDomain", Flag),
    ("kernelModules", Pointers(&Struct(&[KERNEL_MODULE]))),
    ("nameservers", TEXTS),
    ("networkInterfaces", Pointers(&Struct(&[DEVICE]))),
    ("extraManifests", TEXTS),
    ("certSANs", TEXTS),
    ("patches", TEXTS),
    ("talosImageURL", Text),
    ("noSchematicValidate", Flag),
    ("schematic", Struct(&[SCHEMATIC])),
    ("imageSchematic", Struct(&[SCHEMATIC])),
    ("machineSpec", Struct(&[MACHINE_SPEC])),
    ("ingressFirewall", Struct(&[FIREWALL])),
    ("extensionServices", Pointers(&Struct(&[SERVICE]))),
    ("volumes", Pointers(&Struct(&[VOLUME]))),
    ("userVolumes", Pointers(&Struct(&[USER_VOLUME]))),
    ("filenameTmpl", Text),
];

const MACHINE_DISK: Fields = &[
    ("device", Text),
    ("partitions", Pointers(&Struct(&[PARTITION]))),
];

const PARTITION: Fields = &[("size", DiskSize), ("mountpoint", Text)];

const MACHINE_FILE: Fields = &[
    ("content", Text),
    ("permissions", UINT32),
    ("path", Text),
    ("op", Text),
    ("skipEnvsubst", Flag),
];

const KERNEL_MODULE: Fields = &[("name", Text), ("parameters", TEXTS)];

const MACHINE_SPEC: Fields = &[
    ("mode", Text),
    ("arch", Text),
    ("secureboot", Flag),
    ("useUKI", Flag),
    ("bootMethod", Text),
    ("imageSuffix", Text),
];

const FIREWALL: Fields = &[
    ("defaultAction", Word(&["accept", "block"])),
    ("rules", List(&Struct(&[RULE]))),
];

const RULE: Fields = &[
    ("name", Text),
    ("portSelector", Struct(&[PORT_SELECTOR])),
    ("ingress", List(&Struct(&[INGRESS]))),
];

const PORT_SELECTOR: Fields = &[
    ("ports", List(&PortRange)),
    ("protocol", Word(&["icmp", "tcp", "udp", "icmpv6"])),
];

const INGRESS: Fields = &[("subnet", Prefix), ("except", Prefix)];

const SERVICE: Fields = &[
    ("name", Text),
    ("configFiles", List(&Struct(&[CONFIG_FILE]))),
    ("environment", TEXTS),
];

const CONFIG_FILE: Fields = &[("content", Text), ("mountPath", Text)];

const VOLUME: Fields = &[
    ("name", Text),
    ("provisioning", Struct(&[PROVISIONING])),
    ("encryption", Struct(&[ENCRYPTION])),
];

const USER_VOLUME: Fields = &[
    ("name", Text),
    ("volumeType", Word(&VOLUME_TYPES)),
    ("provisioning", Struct(&[PROVISIONING])),
    ("filesystem", Struct(&[FILESYSTEM])),
    ("encryption", Struct(&[ENCRYPTION])),
];

const VOLUME_TYPES: [&str; 7] = [
    "partition",
    "disk",
    "tmpfs",
    "directory",
    "symlink",
    "overlay",
    "external",
];

const FILESYSTEMS: [&str; 8] = [
    "none", "xfs", "vfat", "ext4", "iso9660", "swapi", "virtiofs", "btrfs",
];

const PROVISIONING: Fields = &[
    ("diskSelector", Struct(&[&[("match", Expression)]])),
    ("grow", Flag),
    ("minSize", ByteSize),
    ("maxSize", Size),
];

const FILESYSTEM: Fields = &[("type", Word(&FILESYSTEMS)), ("projectQuotaSupport", Flag)];

const ENCRYPTION: Fields = &[
    ("provider", Word(&["none", "luks2"])),
    ("keys", List(&Struct(&[KEY]))),
    ("cipher", Text),
    ("keySize", UINT64),
    ("blockSize", UINT64),
    ("options", TEXTS),
    ("allowDiscards", Flag),
];

const KEY: Fields = &[
    ("slot", INT),
    ("static", Struct(&[&[("passphrase", Text)]])),
    ("nodeID", Struct(&[&[]])),
    ("kms", Struct(&[&[("endpoint", Text)]])),
    ("tpm", Struct(&[TPM])),
    ("lockToState", Flag),
];

const TPM: Fields = &[
    ("options", Struct(&[&[("pcrs", List(&INT))]])),
    ("checkSecurebootStatusOnEnroll", Flag),
];

const SCHEMATIC: Fields = &[
    ("owner", Text),
    ("overlay", Struct(&[OVERLAY])),
    ("customization", Struct(&[CUSTOMIZATION])),
];

const OVERLAY: Fields = &[("image", Text), ("name", Text), ("options", Map(&Any))];

const CUSTOMIZATION: Fields = &[
    ("embeddedMachineConfiguration", Text),
    ("extraKernelArgs", TEXTS),
    ("meta", List(&Struct(&[&[("key", UINT8), ("value", Text)]]))),
    (
        "systemExtensions",
        Struct(&[&[("officialExtensions", TEXTS)]]),
    ),
    (
        "bootloader",
        Word(&["none", "dual-boot", "sd-boot", "grub"]),
    ),
    ("secureboot", Struct(&[SECURE_BOOT])),
    ("diskImage", Struct(&[&[("sectorSize", UINT64)]])),
];

const SECURE_BOOT: Fields = &[("enrollKeys", Text), ("includeWellKnownCertificates", Flag)];

const DEVICE: Fields = &[
    ("interface", Text),
    ("deviceSelector", Struct(&[DEVICE_SELECTOR])),
    ("addresses", TEXTS),
    ("cidr", Text),
    ("routes", Pointers(&Struct(&[ROUTE]))),
    ("bond", Struct(&[BOND])),
    ("bridge", Struct(&[BRIDGE])),
    ("bridgePort", Struct(&[&[("master", Text)]])),
    ("vlans", Pointers(&Struct(&[VLAN]))),
    ("mtu", INT),
    ("dhcp", Flag),
    ("ignore", Flag),
    ("dummy", Flag),
    ("dhcpOptions", Struct(&[DHCP])),
    ("wireguard", Struct(&[WIREGUARD])),
    ("vip", Struct(&[VIP])),
];

const DEVICE_SELECTOR: Fields = &[
    ("busPath", Text),
    ("hardwareAddr", Text),
    ("permanentAddr", Text),
    ("pciID", Text),
    ("driver", Text),
    ("physical", Flag),
];

const ROUTE: Fields = &[
    ("network", Text),
    ("gateway", Text),
    ("source", Text),
    ("metric", UINT32),
    ("mtu", UINT32),
];

const BOND: Fields = &[
    ("interfaces", TEXTS),
    ("deviceSelectors", List(&Struct(&[DEVICE_SELECTOR]))),
    ("arpIPTarget", TEXTS),
    ("mode", Text),
    ("xmitHashPolicy", Text),
    ("lacpRate", Text),
    ("adActorSystem", Text),
    ("arpValidate", Text),
    ("arpAllTargets", Text),
    ("primary", Text),
    ("primaryReselect", Text),
    ("failOverMac", Text),
    ("adSelect", Text),
    ("miimon", UINT32),
    ("updelay", UINT32),
    ("downdelay", UINT32),
    ("arpInterval", UINT32),
    ("resendIgmp", UINT32),
    ("minLinks", UINT32),
    ("lpInterval", UINT32),
    ("packetsPerSlave", UINT32),
    ("numPeerNotif", UINT8),
    ("tlbDynamicLb", UINT8),
    ("allSlavesActive", UINT8),
    ("useCarrier", Flag),
    ("adActorSysPrio", UINT16),
    ("adUserPortKey", UINT16),
    ("peerNotifyDelay", UINT32),
];

const BRIDGE: Fields = &[
    ("interfaces", TEXTS),
    ("stp", Struct(&[&[("enabled", Flag)]])),
    ("vlan", Struct(&[&[("vlanFiltering", Flag)]])),
];

const VLAN: Fields = &[
    ("addresses", TEXTS),
    ("cidr", Text),
    ("routes", Pointers(&Struct(&[ROUTE]))),
    ("dhcp", Flag),
    ("vlanId", UINT16),
    ("mtu", UINT32),
    ("vip", Struct(&[VIP])),
    ("dhcpOptions", Struct(&[DHCP])),
];

const VIP: Fields = &[
    ("ip", Text),
    ("equinixMetal", Struct(&[&[("apiToken", Text)]])),
    ("hcloud", Struct(&[&[("apiToken", Text)]])),
];

const DHCP: Fields = &[
    ("routeMetric", UINT32),
    ("ipv4", Flag),
    ("ipv6", Flag),
    ("duidv6", Text),
];

const WIREGUARD: Fields = &[
    ("privateKey", Text),
    ("listenPort", INT),
    ("firewallMark", INT),
    ("peers", Pointers(&Struct(&[PEER]))),
];

const PEER: Fields = &[
    ("publicKey", Text),
    ("endpoint", Text),
    ("persistentKeepaliveInterval", Duration),
    ("allowedIPs", TEXTS),
];
