# apply over an old system, which the operator gave away: what was there never comes back half.
#: machine macmini2014
#: cut internal
#: every-run
#: tools cryptsetup sgdisk blkid mkfs.vfat mkfs.xfs xfs_repair
#: module dm_crypt
#: module algif_skcipher
#: module xts
#: module loop max_loop=1
#: file tests/vm/configs/sealed.yaml /etc/sealed.yaml

apply() {
	sed 's|@SELECTOR@|diskSelector: {model: "APPLE*"}|' /etc/sealed.yaml >/tmp/node.yaml
	keelblock apply -c /tmp/node.yaml --layout uki --kdf-memory 1M --kdf-time 1 --no-ephemeral-filesystem --wipe "$(disk internal)"
}

phase_1() {
	disk="$(disk internal)"
	check "an old table" sgdisk -n 1:0:+200M -c 1:old -n 2:0:+64M -c 2:data "$disk"
	check "an old filesystem" mkfs.vfat -n OLD "$disk"1
	check "another one" mkfs.vfat -n DATA "$disk"2
}

phase_2() {
	check "apply" apply
}

phase_3() {
	disk="$(disk internal)"
	named="$(names internal)"
	case "$named" in
	"old data" | "" | "EFI META STATE EPHEMERAL") say "ok the kernel has the old table, the new one or none" ;;
	*) say "FAILED the kernel has the old table, the new one or none: it names $named" ;;
	esac
	named_is_complete internal
	keelblock inspect --disk "$disk" --format json >/tmp/inspection
	check "apply brings it to its end" apply >/tmp/first
	# Without a mark a disk that has everything is done.
	if [ "$named" = "EFI META STATE EPHEMERAL" ] && grep -q '"unfinished": null' /tmp/inspection; then
		has "there was nothing left to do" "already converged, 0 writes" /tmp/first
	fi
	apply >/tmp/again
	has "and is done" "already converged, 0 writes" /tmp/again
	check "sgdisk finds no fault" sgdisk -v "$disk"
	is "names" "EFI META STATE EPHEMERAL" "$(names internal)"
	for volume in STATE EPHEMERAL; do
		check "$volume opens" opens internal "$volume"
	done
}
