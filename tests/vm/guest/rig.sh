# What a scenario can use. Standard output and error go to the console, which the rig keeps.

# Without udevd nobody answers libdevmapper.
[ "$vm_udev" = 1 ] || export DM_DISABLE_UDEV=1

# One line for the rig.
say() {
	printf '%s\n' "$*" >&3
	echo "## $*"
}

# check NAME COMMAND...: the command succeeds.
check() {
	check_name="$1"
	shift
	"$@"
	check_status=$?
	if [ "$check_status" = 0 ]; then
		say "ok $check_name"
	else
		say "FAILED $check_name: exit $check_status of $*"
	fi
}

# exits CODE NAME COMMAND...: the command ends with this code.
exits() {
	exits_code="$1" exits_name="$2"
	shift 2
	"$@"
	is "$exits_name" "exit $exits_code" "exit $?"
}

# is NAME WANTED FOUND: two texts are the same.
is() {
	if [ "$2" = "$3" ]; then
		say "ok $1"
	else
		say "FAILED $1: wanted $2, found $3"
	fi
}

# has NAME WORD FILE: a file holds these words.
has() {
	if grep -qF -e "$2" "$3"; then
		say "ok $1"
	else
		say "FAILED $1: $2 is not in $3"
		cat "$3"
	fi
}

# A line that is no check, such as a measurement.
note() {
	say "note $*"
}

# The kernel's name of a disk of the machine file: it is the one of this size.
disk_name() {
	disk_bytes="$(awk -v name="$1" '$1 == name { print $2 }' /etc/disks)"
	for disk_entry in /sys/block/*; do
		if [ "$(cat "$disk_entry/size")" = "$((disk_bytes / 512))" ]; then
			echo "${disk_entry##*/}"
			return 0
		fi
	done
	return 1
}

# Its device node.
disk() {
	disk_name "$1" >/dev/null && echo "/dev/$(disk_name "$1")"
}

# Its partition of that GPT name. The kernel knows the name from the table.
partition() {
	for partition_entry in "/sys/block/$(disk_name "$1")"/*/partition; do
		partition_folder="${partition_entry%/partition}"
		if grep -qx "PARTNAME=$2" "$partition_folder/uevent" 2>/dev/null; then
			echo "/dev/${partition_folder##*/}"
			return 0
		fi
	done
	return 1
}

# names DISK: of its partitions, as the kernel has them.
names() {
	for names_entry in "/sys/block/$(disk_name "$1")"/*/partition; do
		[ -e "$names_entry" ] || continue
		echo "$(cat "$names_entry") $(sed -n 's/^PARTNAME=//p' "${names_entry%/partition}/uevent")"
	done | sort -n | cut -d " " -f 2- | xargs
}

# The key of a nodeID slot: the machine's UUID and the volume's name.
node_key() {
	printf '%s%s' "$(cat /sys/class/dmi/id/product_uuid)" "$1"
}

# opens DISK VOLUME [COPY]: cryptsetup opens it with the node's key; with COPY by that one of the two headers alone.
# cryptsetup mends a damaged copy in passing, so what it gets is not the disk. Wants the modules loop and algif_skcipher.
opens() {
	opens_from="$(partition "$1" "$2")" || return 1
	dd if="$opens_from" of=/tmp/header bs=1M count=17 2>/dev/null
	case "$3" in
	first) dd if=/dev/zero of=/tmp/header bs=16k seek=1 count=1 conv=notrunc 2>/dev/null ;;
	second) dd if=/dev/zero of=/tmp/header bs=16k count=1 conv=notrunc 2>/dev/null ;;
	esac
	node_key "$2" | cryptsetup open --test-passphrase --key-file=- /tmp/header
}

# xfs_is_sound DISK VOLUME
xfs_is_sound() {
	node_key "$2" | cryptsetup open --readonly --key-file=- "$(partition "$1" "$2")" sound || return 1
	xfs_repair -n /dev/mapper/sound >/tmp/sound 2>&1
	xfs_status=$?
	cryptsetup close sound && return "$xfs_status"
}

# named_is_complete DISK: what the table names can be used, however little of the rest there is.
named_is_complete() {
	for complete_volume in STATE EPHEMERAL; do
		partition "$1" "$complete_volume" >/dev/null || continue
		for complete_copy in first second; do
			check "$complete_volume is named, and opens by its $complete_copy header" opens "$1" "$complete_volume" "$complete_copy"
		done
	done
	if partition "$1" STATE >/dev/null; then
		check "STATE is named, and its filesystem is sound" xfs_is_sound "$1" STATE
	fi
	if partition "$1" EFI >/dev/null; then
		is "EFI is named, and is FAT" vfat "$(blkid -p -s TYPE -o value "$(partition "$1" EFI)")"
	fi
}

# keep NAME DEVICE: from here on, no byte of this partition may change, whatever happens to the power.
keep() {
	keep_entry="/sys/class/block/${2##*/}"
	say "keep $1 $(($(cat "$keep_entry/start") * 512)) $(($(cat "$keep_entry/size") * 512))"
}

# Makes the kernel forget what it knew of the disks and of earlier runs.
as_after_boot() {
	rm -rf /run/keelblock /tmp/*
	while read -r boot_name _; do
		blockdev --flushbufs "$(disk "$boot_name")"
		blockdev --rereadpt "$(disk "$boot_name")"
	done </etc/disks
	echo 3 >/proc/sys/vm/drop_caches
}

# Disks come when their drivers have found them.
wait_for_disks() {
	wait_left=600
	while read -r wait_name wait_bytes; do
		until { [ "$wait_bytes" = 0 ] && [ -e /sys/block/sr0 ]; } || [ -b "$(disk "$wait_name")" ]; do
			wait_left=$((wait_left - 1))
			if [ "$wait_left" = 0 ]; then
				say "FAILED disk $wait_name appears"
				return 1
			fi
			sleep 0.1
		done
	done </etc/disks
}

# The disks of scsi_debug, sdX: by the bus that they hang on, since they may call themselves anything.
debug_disks() {
	for debug_disk in /sys/block/sd*; do
		case "$(readlink -f "$debug_disk")" in
		*/adapter*/host*) echo "${debug_disk##*/}" ;;
		esac
	done
}

# wait_for_debug_disks COUNT: that many, or the time is over; the caller looks.
wait_for_debug_disks() {
	debug_left=100
	until [ "$(debug_disks | wc -l)" = "$1" ] || [ "$debug_left" = 0 ]; do
		debug_left=$((debug_left - 1))
		sleep 0.1
	done
}

# new_debug_disk OPTION...: scsi_debug anew, with one disk of these abilities, which $name then names.
new_debug_disk() {
	rmmod scsi_debug
	insmod /lib/modules/scsi_debug.ko "$@"
	wait_for_debug_disks 1
	name="$(debug_disks | head -n 1)"
}
