# repair of a table, two headers and META, a copy of each damaged: the good copies stay good, and all else as it is.
#: machine macmini2018
#: cut internal
#: every-run
#: tools cryptsetup sgdisk blkid mkfs.vfat mkfs.xfs xfs_repair
#: module dm_crypt
#: module algif_skcipher
#: module xts
#: module loop max_loop=1
#: file tests/vm/configs/sealed.yaml /etc/sealed.yaml
#: cmdline gpt

# `gpt` makes the kernel take the second copy of the table where the first is damaged, so that it has the partitions.

# scribble DEVICE BYTE COUNT
scribble() {
	head -c "$3" /dev/urandom | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

phase_1() {
	disk="$(disk internal)"
	check "EFI, META and a user's partition" sgdisk -n 1:0:+1101M -t 1:ef00 -c 1:EFI \
		-n 2:0:+1M -c 2:META -n 3:-2G:0 -c 3:u-data "$disk"
	check "EFI is FAT" mkfs.vfat -S 4096 -n EFI "$(partition internal EFI)"
	sed 's|@SELECTOR@|diskSelector: {type: nvme}|' /etc/sealed.yaml >/tmp/node.yaml
	check "apply" keelblock apply -c /tmp/node.yaml --layout uki --kdf-memory 1M --kdf-time 1 --no-ephemeral-filesystem
	# Something at both ends and in the middle.
	for megabyte in 0 500 2040; do
		dd if=/dev/urandom of="$(partition internal u-data)" bs=1M count=4 seek="$megabyte" 2>/dev/null
	done
	# Headers have 16 KiB each, META's copies 256 KiB; a table has six blocks with the protective MBR.
	scribble "$(partition internal STATE)" 5000 100
	scribble "$(partition internal EPHEMERAL)" 20500 100
	scribble "$(partition internal META)" 300000 10
	dd if=/dev/zero of="$disk" bs=4096 count=6 conv=notrunc 2>/dev/null
	sync
}

phase_2() {
	keep EFI "$(partition internal EFI)"
	keep u-data "$(partition internal u-data)"
	check "repair" keelblock repair --disk "$(disk internal)" --yes
}

phase_3() {
	disk="$(disk internal)"
	is "the table is readable at every moment" "EFI META u-data STATE EPHEMERAL" "$(names internal)"
	check "STATE opens by its good header" opens internal STATE second
	check "EPHEMERAL opens by its good header" opens internal EPHEMERAL first
	check "repair brings it to its end" keelblock repair --disk "$disk" --yes
	keelblock repair --disk "$disk" >/tmp/again
	has "and is done" "nothing to repair" /tmp/again
	check "sgdisk finds no fault" sgdisk -v "$disk"
	is "names" "EFI META u-data STATE EPHEMERAL" "$(names internal)"
	named_is_complete internal
}
