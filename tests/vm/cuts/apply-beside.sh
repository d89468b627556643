# apply completes a disk that Talos' installer has laid out: EFI and the partition of a user stay as they are.
#: machine macmini2018
#: cut internal
#: every-run
#: tools cryptsetup sgdisk blkid mkfs.vfat mkfs.xfs xfs_repair
#: module dm_crypt
#: module algif_skcipher
#: module xts
#: module loop max_loop=1
#: file tests/vm/configs/sealed.yaml /etc/sealed.yaml

apply() {
	sed 's|@SELECTOR@|diskSelector: {type: nvme}|' /etc/sealed.yaml >/tmp/node.yaml
	keelblock apply -c /tmp/node.yaml --layout uki --kdf-memory 1M --kdf-time 1 --no-ephemeral-filesystem
}

phase_1() {
	disk="$(disk internal)"
	check "EFI, META and a user's partition" sgdisk -n 1:0:+1101M -t 1:ef00 -c 1:EFI \
		-n 2:0:+1M -c 2:META -n 3:-2G:0 -c 3:u-data "$disk"
	check "EFI is FAT" mkfs.vfat -S 4096 -n EFI "$(partition internal EFI)"
	# Something at both ends and in the middle.
	for megabyte in 0 500 2040; do
		dd if=/dev/urandom of="$(partition internal u-data)" bs=1M count=4 seek="$megabyte" 2>/dev/null
	done
	sync
}

phase_2() {
	keep EFI "$(partition internal EFI)"
	keep u-data "$(partition internal u-data)"
	check "apply" apply
}

phase_3() {
	disk="$(disk internal)"
	named="$(names internal)"
	case "$named" in
	"EFI META u-data" | "" | "EFI META u-data STATE EPHEMERAL") say "ok the kernel has the old table, the new one or none" ;;
	*) say "FAILED the kernel has the old table, the new one or none: it names $named" ;;
	esac
	named_is_complete internal
	keelblock inspect --disk "$disk" --format json >/tmp/inspection
	check "apply brings it to its end" apply >/tmp/first
	# Without a mark a disk that has everything is done.
	if [ "$named" = "EFI META u-data STATE EPHEMERAL" ] && grep -q '"unfinished": null' /tmp/inspection; then
		has "there was nothing left to do" "already converged, 0 writes" /tmp/first
	fi
	apply >/tmp/again
	has "and is done" "already converged, 0 writes" /tmp/again
	check "sgdisk finds no fault" sgdisk -v "$disk"
	is "names" "EFI META u-data STATE EPHEMERAL" "$(names internal)"
	for volume in STATE EPHEMERAL; do
		check "$volume opens" opens internal "$volume"
	done
}
