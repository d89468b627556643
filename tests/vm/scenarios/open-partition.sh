# The kernel takes over a table while another partition of the disk is open, with nodes where nobody makes them.
#: machine macmini2018
#: tools sgdisk blkid mkfs.vfat mkfs.xfs mkfs.ext4
#: module ext4
#: module xfs
#: file tests/vm/configs/volume.yaml /etc/volume.yaml

apply() {
	keelblock apply -c /tmp/node.yaml --disk "$disk" --kdf-memory 32M --kdf-time 1 "$@"
}

# A partition by its number: one that the kernel was told of has no name there, only in the table.
numbered() {
	for entry in "/sys/block/$(disk_name "$1")"/*/partition; do
		if [ "$(cat "$entry")" = "$2" ]; then
			basename "${entry%/partition}"
		fi
	done
}

# each DISK FIRST SECOND: two volumes, one after the other.
each() {
	disk="$(disk "$1")"
	model="$(sed 's/ *$//' "/sys/block/$(disk_name "$1")/device/model")"
	sed "s|@MODEL@|$model|; s/name: one/name: $2/" /etc/volume.yaml >/tmp/node.yaml
	check "$1: a first volume" apply
	first="$(numbered "$1" 1)"
	sed -n '/^---/,$p' /tmp/node.yaml | sed "s/name: $2/name: $3/" >/tmp/second
	cat /tmp/second >>/tmp/node.yaml
	kernel="$(cat "/sys/class/block/$first/dev")"
	sleep 1000 <"/dev/$first" &
	holder=$!
	check "$1: a second volume while the first is open" apply --format json >/tmp/receipt 2>/tmp/said
	has "$1: the open one is told" "one of them is open" /tmp/said
	has "$1: the kernel has both" "the kernel has every partition of the table (2)" /tmp/receipt
	is "$1: the second" crypto_LUKS "$(blkid -p -s TYPE -o value "/dev/$(numbered "$1" 2)")"
	is "$1: the first kept its number" "$kernel" "$(cat "/sys/class/block/$first/dev")"
	kill "$holder"
	wait
}

phase_1() {
	each t5 one two
	each internal three four
}

phase_2() {
	# A fresh table needs every partition to be free: that is found out before anything is written.
	disk="$(disk t5)"
	sed 's|@MODEL@|Portable SSD T5|' /etc/volume.yaml >/tmp/node.yaml
	sgdisk --zap-all "$disk" >/dev/null 2>&1
	sgdisk -n 1:0:+64M "$disk" >/dev/null
	mkfs.ext4 -q -F "$disk"1
	mkdir -p /mnt/old
	sleep 1000 <"$disk"1 &
	holder=$!
	before="$(dd if="$disk" bs=1M count=80 2>/dev/null | sha256sum)"
	exits 4 "an open partition is in the way" apply --wipe "$disk" 2>/tmp/said
	has "and named" "is open in another program" /tmp/said
	kill "$holder"
	wait
	mount -t ext4 "$disk"1 /mnt/old
	exits 4 "a mounted one, too" apply --wipe "$disk" 2>/tmp/said
	has "with its mount point" "/mnt/old" /tmp/said
	umount /mnt/old
	echo 3 >/proc/sys/vm/drop_caches
	exits 0 "the old data is there" test "$(blkid -p -s TYPE -o value "$disk"1)" = ext4
	check "then it is laid out" apply --wipe "$disk" --format json >/tmp/receipt
	has "and what it held is given back or not, but said" '"discard what the disk held' /tmp/receipt
	note "before: $before"
}

phase_3() {
	# No udev and no devtmpfs: a /dev with nothing but the disks.
	disk="$(disk t5)"
	sed 's|@MODEL@|Portable SSD T5|' /etc/volume.yaml >/tmp/node.yaml
	sgdisk --zap-all "$disk" >/dev/null 2>&1
	dd if=/dev/zero of="$disk" bs=1M count=400 conv=fsync 2>/dev/null
	mount -t tmpfs -o mode=755 tmpfs /dev
	mknod /dev/null c 1 3
	for name in "$(disk_name t5)" "$(disk_name internal)"; do
		numbers="$(cat "/sys/block/$name/dev")"
		mknod "/dev/$name" b "${numbers%:*}" "${numbers#*:}"
	done
	check "laid out without devtmpfs" apply
	made="$(partition t5 u-one)"
	check "the partition has its node" test -b "$made"
	is "and it is the right one" crypto_LUKS "$(blkid -p -s TYPE -o value "$made")"
	rm "$made"
	mknod "$made" b 1 1
	sed -n '/^---/,$p' /tmp/node.yaml | sed 's/name: one/name: two/' >/tmp/second
	cat /tmp/second >>/tmp/node.yaml
	check "a second volume" apply
	is "an outdated node is corrected" crypto_LUKS "$(blkid -p -s TYPE -o value "$(partition t5 u-one)")"
}
