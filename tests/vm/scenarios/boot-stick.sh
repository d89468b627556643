# The medium that the system was booted from is never chosen, even when it is the only disk that matches.
#: machine macmini2018
#: every-run
#: tools sgdisk blkid mkfs.vfat mkfs.xfs wipefs
#: module isofs
#: module nls_cp437
#: cmdline root=live:CDLABEL=RESCUE
#: file tests/vm/configs/sealed.yaml /etc/sealed.yaml

# refuses NAME DISK SELECTOR EVIDENCE: apply names the disk as the boot medium, with every consent given.
refuses() {
	sed "s|@SELECTOR@|$3|" /etc/sealed.yaml >/tmp/node.yaml
	before="$(dd if="$2" bs=1M count=8 2>/dev/null | sha256sum)"
	exits 4 "$1: refused" keelblock apply -c /tmp/node.yaml --kdf-memory 32M --kdf-time 1 --wipe "$2" 2>/tmp/said
	has "$1: as the boot medium" "boot medium" /tmp/said
	# The table of checks has the whole evidence.
	keelblock select -c /tmp/node.yaml --wipe "$2" --format json >/tmp/selection
	has "$1: for what speaks for it" "$4" /tmp/selection
	echo 3 >/proc/sys/vm/drop_caches
	is "$1: unchanged" "$before" "$(dd if="$2" bs=1M count=8 2>/dev/null | sha256sum)"
}

# A small system partition of this label on a disk.
make_system() {
	wipefs -aq "$1"
	sgdisk -n 1:0:+64M -c 1:LIVE "$1" &&
		mkfs.vfat -n "$2" "$1"1 >/dev/null
}

phase_1() {
	stick="$(disk stick)"
	model='diskSelector: {model: "Cruzer Blade"}'
	image="a removable medium that holds an ISO 9660 image"
	refuses "idle stick" "$stick" "$model" "$image"
	refuses "stick named by its path" "$stick" "disk: $stick" "$image"
	refuses "stick of the command line" "$stick" "$model" "the kernel was started with"
	mkdir -p /run/live/medium
	mount -t iso9660 -o ro "$stick" /run/live/medium
	refuses "mounted stick" "$stick" "$model" "/run/live/medium is mounted from"
}

phase_2() {
	# A live system on a partition, of a disk that is not removable.
	t5="$(disk t5)"
	model='diskSelector: {model: "Portable SSD T5"}'
	check "a live system on the T5" make_system "$t5" LIVE
	mkdir -p /boot
	mount -t vfat "$t5"1 /boot
	refuses "T5 at /boot" "$t5" "$model" "/boot is mounted from"
	umount /boot
	make_system "$t5" RESCUE
	refuses "T5 of the command line" "$t5" "$model" "the kernel was started with"
}

phase_3() {
	# The same disk without evidence may be used: what refused it before was the evidence.
	t5="$(disk t5)"
	check "a disk like any other" make_system "$t5" DATA
	sed 's|@SELECTOR@|diskSelector: {model: "Portable SSD T5"}|' /etc/sealed.yaml >/tmp/node.yaml
	check "it may be planned" keelblock plan -c /tmp/node.yaml --kdf-memory 32M --kdf-time 1 --wipe "$t5"
}
