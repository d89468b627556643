//! Kinds of findings about a node's network: stable names, weight, cause and fix. Pure data; none is ever renamed.

use crate::fleet::codes::codes;

codes! {
    cause "Why it is wrong, in general.", fix "What to do about it, in general.";

    AddressSyntax "address-syntax" Error
        "Talos reads addresses and networks strictly: no leading zeros, no zone, a network with its length."
        "write it as 192.0.2.1, 10.244.0.0/16 or fd00::/64"
    SubnetHostBits "subnet-host-bits" Error
        "A network of pods or services has bits set behind its length, so it names another network than it seems to. KubeNetworkConfig refuses it; the old form lets it pass."
        "write the network itself, or the length that was meant"
    SubnetCount "subnet-count" Error
        "Pods and services have one network of each family at most, and at least one in all."
        "keep one IPv4 and one IPv6 network"
    SubnetFamilies "subnet-families" Error
        "Kubernetes is dual-stack only if pods and services have the same families."
        "give both lists the same families, or take the second family out of both"
    SubnetOrder "subnet-order" Warning
        "The first network of the services decides the family of a node's first address and of services without a wish; pods that have the other one first get their addresses in another order."
        "put the same family first in podSubnets and serviceSubnets"
    SubnetSize "subnet-size" Error
        "Kubernetes takes service networks of at most 20 host bits (/12, /108) and cuts the pods' network into one piece for each node, at most 65536 of them; Talos wants at least 4 host bits."
        "choose a service network from /108 (or /12) on, and a pod network that is wider than node-cidr-mask-size by at most 16 bits"
    SubnetOverlap "subnet-overlap" Error
        "The networks of pods and services share addresses, so a service's address may be a pod's."
        "choose networks that do not overlap"
    NodeOverlap "node-overlap" Error
        "The network of pods or services holds addresses of the node. Talos then takes those for no node address; if only one family is concerned, it says nothing."
        "choose a network for pods and services outside that of the nodes"
    ValidSubnetOrder "valid-subnet-order" Warning
        "Talos works through validSubnets in order: a network with `!` removes only what an earlier one has brought."
        "put the networks with `!` last"
    ValidSubnetUnmatched "valid-subnet-unmatched" Warning
        "No address of the node lies in the network. Where none of the list matches, the kubelet or etcd waits for ever."
        "name the network that the node's address is in"
    VipOnWorker "vip-on-worker" Error
        "The shared address is handed out by etcd, which only control-plane nodes run."
        "take the VIP out of the workers' configuration"
    VipIsNodeAddress "vip-is-node-address" Error
        "The shared address moves from node to node; one that a node has for itself is never a node's own again, and two nodes then answer to it."
        "choose an address that no node has"
    VipOutside "vip-outside" Error
        "The shared address lies in no network of its link, so neighbours do not ask for it there."
        "choose an address of the link's network, or the right link"
    Dhcpv6StaticRoute "dhcpv6-static-route" Warning
        "DHCPv6 has no routes: they come from router advertisements, beside which a static default route competes by its metric."
        "leave the route to the router, or give the link a static IPv6 address without DHCPv6"
    LinkNotFound "link-not-found" Error
        "The machine has no interface of this name, and no document makes one. Names change with the cards in the machine."
        "name an interface that `keelblock probe` shows, or select it by its address or driver"
    SelectorNoMatch "selector-no-match" Error
        "No interface of the machine matches the device selector, so what hangs on it is left out."
        "compare with `keelblock probe`: driver, busPath, pciID (capitals), hardwareAddr (lower case) and permanentAddr"
    SelectorAmbiguous "selector-ambiguous" Warning
        "More than one interface matches the device selector. Talos configures all of them alike, and a LinkAliasConfig none."
        "add hardwareAddr or permanentAddr, which only one has"
    DefaultDhcpOff "default-dhcp-off" Warning
        "One document for a link (LinkConfig, DHCPv4Config, BondConfig, …) switches off Talos' default DHCP on every other interface. machine.network.interfaces does not."
        "add a DHCPv4Config for the interface if it should have an address"
    NoAddress "no-address" Error
        "Documents for links switch off Talos' default DHCP, and none of them gives the node an address."
        "add a DHCPv4Config or DHCPv6Config for the link, or addresses to its LinkConfig"
    LldpdNotConfigured "lldpd-not-configured" Error
        "The extension lldpd waits for its configuration, and the boot with it: after 70 minutes Talos gives up and restarts the machine."
        "add an ExtensionServiceConfig with `name: lldpd` and a file for /usr/local/etc/lldpd/lldpd.conf"
    LldpdNotInstalled "lldpd-not-installed" Warning
        "The configuration is for the extension lldpd, which is not in the image."
        "add siderolabs/lldpd to the schematic, or take the document out"
    LldpdName "lldpd-name" Error
        "A service's configuration is found by the name in its image, `lldpd`; `ext-lldpd` is only what talosctl calls it."
        "write `name: lldpd`"
    LldpdIneffective "lldpd-ineffective" Warning
        "Talos has no machine.services, and neither machine.files nor machine.env reaches an extension's container."
        "use an ExtensionServiceConfig with `name: lldpd`"
}
