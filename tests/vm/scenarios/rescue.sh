# Damaged tables, headers and META are told, repaired on the block device, and after a reboot the kernel opens the volumes.
#: machine macmini2014
#: tools cryptsetup sgdisk mkfs.vfat mkfs.xfs
#: module dm_crypt
#: module aesni_intel
#: module xts
#: module xfs
#: file examples/nodes/talos-1.14/mini01.yaml /etc/node.yaml

open_volume() {
	printf '%s%s' "$(cat /sys/class/dmi/id/product_uuid)" "$1" |
		cryptsetup open --key-file=- "$(partition internal "$1")" "$1"
}

# scribble DEVICE BYTE COUNT
scribble() {
	head -c "$3" /dev/urandom | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

phase_1() {
	check "apply lays the disks out" keelblock apply -c /etc/node.yaml --layout uki --kdf-memory 32M --kdf-time 1
	disk="$(disk internal)"
	keelblock rescue -c /etc/node.yaml >/tmp/sound
	has "a sound node comes up" "Talos adopts what is there and comes up" /tmp/sound
	scribble "$(partition internal STATE)" 5000 100
	scribble "$(partition internal EPHEMERAL)" 16400 8
	scribble "$(partition internal META)" 300000 10
	dd if=/dev/zero of="$disk" bs=512 count=34 conv=notrunc 2>/dev/null
	sync
}

phase_2() {
	disk="$(disk internal)"
	exits 1 "the kernel sees no STATE" partition internal STATE
	check "rescue looks" keelblock rescue -c /etc/node.yaml >/tmp/broken
	has "rescue says what the next boot does" "sees no partitions" /tmp/broken
	has "rescue says what to type" "$ keelblock repair --disk $disk" /tmp/broken
	check "a preview" keelblock repair --disk "$disk"
	exits 1 "a preview writes nothing" partition internal STATE
	check "the repair" keelblock repair --disk "$disk" --yes
	check "the kernel knows STATE without a reboot" partition internal STATE
	check "sgdisk finds no fault" sgdisk -v "$disk"
}

phase_3() {
	disk="$(disk internal)"
	keelblock rescue -c /etc/node.yaml >/tmp/again
	has "the node comes up again" "Talos adopts what is there and comes up" /tmp/again
	for volume in STATE EPHEMERAL; do
		check "cryptsetup finds both headers of $volume" cryptsetup luksDump "$(partition internal "$volume")"
		check "cryptsetup opens $volume" open_volume "$volume"
		check "the kernel mounts $volume" mount -t xfs "/dev/mapper/$volume" /mnt
		scribble "$(partition internal META)" 300000 10
		exits 4 "a disk in use is not repaired" keelblock repair --disk "$disk" --yes
		umount /mnt
		cryptsetup close "$volume"
	done
	check "it is repaired when nobody uses it" keelblock repair --disk "$disk" --yes
}
