# reset takes STATE and EPHEMERAL away: EFI and the partition of a user stay as they are.
#: machine macmini2018
#: cut internal
#: every-run
#: tools cryptsetup sgdisk blkid mkfs.vfat mkfs.xfs xfs_repair
#: module dm_crypt
#: module algif_skcipher
#: module xts
#: module loop max_loop=1
#: file tests/vm/configs/sealed.yaml /etc/sealed.yaml

reset() {
	keelblock reset --confirm SAFE-RESET --whole-up-to 16M
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
	sync
}

phase_2() {
	keep EFI "$(partition internal EFI)"
	keep u-data "$(partition internal u-data)"
	check "reset" reset
}

phase_3() {
	# Wherever power went: no volume of that name that Talos could hang at.
	named_is_complete internal
	check "reset brings it to its end" reset
	reset >/tmp/again
	has "and is done" "already reset, 0 writes" /tmp/again
	check "sgdisk finds no fault" sgdisk -v "$(disk internal)"
	is "names" "EFI META u-data" "$(sgdisk -p "$(disk internal)" | awk '$1 + 0 > 0 { print $7 }' | xargs)"
}
