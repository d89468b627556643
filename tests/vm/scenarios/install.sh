# A node is laid out, and after a reboot the kernel opens, mounts and keeps what was made.
#: machine macmini2014
#: every-run
#: tools cryptsetup sgdisk lsblk blkid mkfs.vfat mkfs.xfs xfs_repair
#: module dm_crypt
#: module aesni_intel
#: module xts
#: module xfs
#: file examples/nodes/talos-1.14/mini01.yaml /etc/node.yaml

# nodeID keys: the machine's UUID and the volume's name.
open_volume() {
	printf '%s%s' "$(cat /sys/class/dmi/id/product_uuid)" "$1" |
		cryptsetup open --key-file=- "$(partition internal "$1")" "$1"
}

open_and_mount() {
	check "cryptsetup opens $1" open_volume "$1"
	mkdir -p "/mnt/$1"
	check "the kernel mounts $1" mount -t xfs "/dev/mapper/$1" "/mnt/$1"
}

close_volume() {
	check "$1 is unmounted" umount "/mnt/$1"
	check "xfs_repair finds nothing in $1" xfs_repair -n "/dev/mapper/$1"
	check "cryptsetup closes $1" cryptsetup close "$1"
}

apply() {
	# What Talos makes on UEFI, which this machine's firmware would be.
	keelblock apply -c /etc/node.yaml --layout uki --kdf-memory 32M --kdf-time 1
}

phase_1() {
	is "UUID of SMBIOS" 4c4c4544-0042-3510-8054-b7c04f4d3132 "$(cat /sys/class/dmi/id/product_uuid)"
	start=$(cat /proc/uptime)
	check "apply lays the disks out" apply
	note "apply from uptime $start to $(cat /proc/uptime)"
	check "apply again" apply >/tmp/again
	has "apply again writes nothing" "already converged, 0 writes" /tmp/again
	check "the kernel knows STATE without a reboot" partition internal STATE
}

phase_2() {
	disk="$(disk internal)"
	check "sgdisk finds no fault" sgdisk -v "$disk"
	is "names that sgdisk reads" "EFI META STATE EPHEMERAL" "$(sgdisk -p "$disk" | awk '$1 + 0 > 0 { print $7 }' | xargs)"
	is "partitions that lsblk lists" "disk part part part part" "$(lsblk -nro TYPE "$disk" | xargs)"
	for volume in STATE EPHEMERAL; do
		is "blkid sees $volume" crypto_LUKS "$(blkid -p -s TYPE -o value "$(partition internal "$volume")")"
	done
	is "blkid sees EFI" vfat "$(blkid -p -s TYPE -o value "$(partition internal EFI)")"
	check "the user volume is XFS" mount -t xfs "$(partition t5 u-longhorn-ssd)" /mnt
	umount /mnt
	for volume in STATE EPHEMERAL; do
		open_and_mount "$volume"
		dd if=/dev/urandom of="/mnt/$volume/file" bs=64k count=40 2>/dev/null
		sha256sum <"/mnt/$volume/file" >"/mnt/$volume/sum"
		close_volume "$volume"
	done
	check "inspect opens all" keelblock inspect "$disk" -c /etc/node.yaml
}

phase_3() {
	for volume in STATE EPHEMERAL; do
		open_and_mount "$volume"
		is "what was written to $volume is there" "$(cat "/mnt/$volume/sum")" "$(sha256sum <"/mnt/$volume/file")"
		close_volume "$volume"
	done
}
