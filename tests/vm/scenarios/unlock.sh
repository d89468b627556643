# Sealed volumes open read-only, show what is in them, and close without a byte of the disk having changed.
#: machine macmini2014
#: machine macmini2014 udev
#: timeout 1500
#: tools cryptsetup dmsetup sgdisk lsblk blockdev mkfs.vfat mkfs.xfs mkfs.ext4
#: module dm_crypt
#: module aesni_intel
#: module xts
#: module xfs
#: module ext4
#: module loop
#: file tests/vm/configs/unlock.yaml /etc/node.yaml
#: file tests/vm/configs/unlock-theirs.yaml /etc/theirs.yaml

cheap="--pbkdf pbkdf2 --pbkdf-force-iterations 1000"

unlock() {
	keelblock unlock -c /etc/node.yaml "$@"
}

unlock_all() {
	unlock -c /etc/theirs.yaml "$@"
}

# The salt that Talos would have made: the bytes 1 to 32.
salt_bytes() {
	for salt_number in $(seq 32); do
		# shellcheck disable=SC2059
		printf "\\$(printf %03o "$salt_number")"
	done
}

salt_file() {
	echo diskSalt:
	seq 32 | sed 's/^/    - /'
}

# make_theirs DEVICE KEYFILE SECTOR: a volume by cryptsetup, with a filesystem.
make_theirs() {
	# shellcheck disable=SC2086
	cryptsetup luksFormat -q --type luks2 $cheap --sector-size "$3" --key-file "$2" "$1" &&
		cryptsetup open --key-file "$2" "$1" made &&
		mkfs.ext4 -q /dev/mapper/made && mkdir -p /mnt/made && mount /dev/mapper/made /mnt/made &&
		echo theirs >/mnt/made/whose && umount /mnt/made && cryptsetup close made
}

phase_1() {
	check "apply lays the disk out" keelblock apply -c /etc/node.yaml --layout uki --kdf-memory 32M --kdf-time 1 \
		--no-ephemeral-filesystem
	check "unlock opens EPHEMERAL for writing" unlock --write EPHEMERAL
	check "a filesystem is made through the mapping" mkfs.xfs -q /dev/mapper/keelblock-EPHEMERAL
	check "lock closes it" keelblock lock
	check "unlock opens and mounts all for writing" unlock --write --mount /mnt
	echo "machine: {}" >/mnt/STATE/config.yaml
	salt_file >/mnt/STATE/encryption-salt.yaml
	dd if=/dev/urandom of=/mnt/EPHEMERAL/file bs=64k count=40 2>/dev/null
	sha256sum </mnt/EPHEMERAL/file >/mnt/EPHEMERAL/sum
	check "lock unmounts and closes all" keelblock lock
	is "no mapping is left" "No devices found" "$(dmsetup ls)"

	t5="$(disk t5)"
	check "partitions for cryptsetup's volumes" sgdisk -n 1:0:+64M -c 1:u-theirs -n 2:0:+64M -c 2:u-locked "$t5"
	blockdev --rereadpt "$t5"
	[ "$vm_udev" = 1 ] && udevadm settle
	printf theirs-by-hand >/tmp/key
	check "cryptsetup makes a volume" make_theirs "$(partition t5 u-theirs)" /tmp/key 4096
	{ printf locked-by-hand && salt_bytes; } >/tmp/key
	check "cryptsetup makes a volume that is locked to STATE" make_theirs "$(partition t5 u-locked)" /tmp/key 512
}

# The options of the mount at a point.
mount_options() {
	awk -v point="$1" '$2 == point { print $4 }' /proc/mounts
}

write_to() {
	dd if=/dev/zero of="$1" bs=4096 count=1 conv=fsync,notrunc
}

# Sectors written to both disks, as the kernel has counted them. A flush writes none.
written() {
	for written_disk in internal t5; do
		awk '{ print $7 }' "/sys/block/$(disk_name "$written_disk")/stat"
	done
}

# A table without the name of the key.
table() {
	dmsetup table "$1" | sed 's/:logon:[^ ]*/:logon:KEY/'
}

# same_as_cryptsetup VOLUME PARTITION KEYFILE OPTION...: cryptsetup loads the same table.
same_as_cryptsetup() {
	ours="$(table "keelblock-$1")" theirs_of="$1" device="$2" key="$3"
	shift 3
	keelblock lock "$theirs_of"
	cryptsetup open --readonly --key-file "$key" "$@" "$device" judge
	is "cryptsetup's table of $theirs_of is ours" "$(table judge)" "$ours"
	cryptsetup close judge
}

phase_2() {
	before="$(written)"
	state_before="$(sha256sum <"$(partition internal STATE)")"
	check "unlock opens and mounts all" unlock_all --mount /tmp/r
	is "STATE's file" "machine: {}" "$(cat /tmp/r/STATE/config.yaml)"
	is "EPHEMERAL's file" "$(cat /tmp/r/EPHEMERAL/sum)" "$(sha256sum </tmp/r/EPHEMERAL/file)"
	is "cryptsetup's file" theirs "$(cat /tmp/r/u-theirs/whose)"
	is "the file of the volume locked to STATE" theirs "$(cat /tmp/r/u-locked/whose)"
	for volume in STATE EPHEMERAL u-theirs u-locked; do
		mapping="/dev/mapper/keelblock-$volume"
		cryptsetup status "keelblock-$volume" >/tmp/status
		has "cryptsetup knows the type of $volume" "type:    LUKS2" /tmp/status
		has "cryptsetup knows the mode of $volume" "mode:    readonly" /tmp/status
		has "the key of $volume is in the kernel's keeping" "key location: keyring" /tmp/status
		is "lsblk knows $volume" crypt "$(lsblk -dnro TYPE "$mapping")"
		is "$volume takes no writes" 1 "$(blockdev --getro "$mapping")"
		exits 1 "a write to $volume fails" write_to "$mapping"
		exits 1 "a file in $volume cannot be made" touch "/tmp/r/$volume/new"
		for option in ro nosuid nodev noexec; do
			case ",$(mount_options "/tmp/r/$volume")," in
			*",$option,"*) say "ok $volume is mounted $option" ;;
			*) say "FAILED $volume is mounted $option: $(mount_options "/tmp/r/$volume")" ;;
			esac
		done
	done
	exits 1 "no key is left in a keyring" grep keelblock /proc/keys
	check "unlock again" unlock_all --mount /tmp/r >/tmp/again
	has "unlock again opens nothing" "STATE: was open" /tmp/again
	has "and knows the slot" "keelblock-STATE      read-only  0     /tmp/r/STATE" /tmp/again
	exits 4 "apply refuses a disk that is open" keelblock apply -c /etc/node.yaml --layout uki --kdf-memory 32M --kdf-time 1
	refuses_in_use
	check "lock closes all" keelblock lock
	check "lock again" keelblock lock >/tmp/again
	has "lock again does nothing" "nothing is open" /tmp/again
	is "no mapping is left" "No devices found" "$(dmsetup ls)"
	is "no node is left" control "$(ls /dev/mapper)"
	is "no mount point is left" "" "$(ls /tmp/r)"
	is "nothing was written to the disks" "$before" "$(written)"
	is "STATE is as it was" "$state_before" "$(sha256sum <"$(partition internal STATE)")"
}

refuses_in_use() {
	sleep 1000 </tmp/r/EPHEMERAL/file &
	sleeper=$!
	exits 4 "lock refuses while a file is open" keelblock lock 2>/tmp/refusal
	has "and names the process" "process $sleeper (sleep)" /tmp/refusal
	is "nothing was closed" 4 "$(dmsetup ls | wc -l)"
	kill "$sleeper"
	wait "$sleeper"
	mkdir /tmp/other
	mount --bind /tmp/r/STATE /tmp/other
	exits 4 "lock refuses while somebody else has it mounted" keelblock lock STATE 2>/tmp/refusal
	has "and names the mount" "STATE: mounted at /tmp/other" /tmp/refusal
	umount /tmp/other
}

phase_3() {
	printf ephemeral-by-hand >/tmp/ephemeral
	printf theirs-by-hand >/tmp/theirs
	check "unlock opens two of them" unlock_all EPHEMERAL u-theirs
	same_as_cryptsetup EPHEMERAL "$(partition internal EPHEMERAL)" /tmp/ephemeral --perf-no_read_workqueue \
		--perf-no_write_workqueue
	same_as_cryptsetup u-theirs "$(partition t5 u-theirs)" /tmp/theirs
	refuses_what_is_not_ours
	refuses_wrong_keys
	on_an_image
	without_room_in_a_keyring
	with_a_damaged_copy
}

# The least that the kernel allows is less than root has already. As on a kernel whose dm-crypt takes no key from a keyring.
without_room_in_a_keyring() {
	room="$(cat /proc/sys/kernel/keys/root_maxkeys)"
	echo 1 >/proc/sys/kernel/keys/root_maxkeys
	check "unlock opens STATE without a keyring" unlock STATE
	echo "$room" >/proc/sys/kernel/keys/root_maxkeys
	cryptsetup status keelblock-STATE >/tmp/status
	has "its key is in dm-crypt alone" "key location: dm-crypt" /tmp/status
	zeros="$(printf %0128d 0)"
	is "the kernel shows zeros for it" "0 172032 crypt aes-xts-plain64 $zeros 0" "$(dmsetup table keelblock-STATE | cut -d " " -f 1-6)"
	check "STATE can be read" mount -t xfs -o ro,norecovery /dev/mapper/keelblock-STATE /mnt
	umount /mnt
	check "lock" keelblock lock
}

refuses_what_is_not_ours() {
	ephemeral="$(partition internal EPHEMERAL)"
	cryptsetup open --key-file /tmp/ephemeral "$ephemeral" luks2-EPHEMERAL
	exits 4 "unlock refuses what Talos has open" unlock EPHEMERAL 2>/tmp/refusal
	has "and names its mapping" "Talos has EPHEMERAL open as /dev/mapper/luks2-EPHEMERAL" /tmp/refusal
	cryptsetup close luks2-EPHEMERAL
	cryptsetup open --key-file /tmp/ephemeral "$ephemeral" keelblock-EPHEMERAL
	check "lock with a mapping of somebody else" keelblock lock
	check "leaves it alone, whatever its name" cryptsetup status keelblock-EPHEMERAL
	cryptsetup close keelblock-EPHEMERAL
	check "unlock opens EPHEMERAL" unlock EPHEMERAL
	check "cryptsetup closes it" cryptsetup close keelblock-EPHEMERAL
	rm -f /dev/mapper/keelblock-EPHEMERAL
}

refuses_wrong_keys() {
	sed s/by-hand/other/ /etc/node.yaml >/tmp/other.yaml
	exits 4 "unlock refuses wrong keys" keelblock unlock -c /tmp/other.yaml EPHEMERAL 2>/tmp/refusal
	has "and says which slots were tried" "slot 0, static (configuration): does not open" /tmp/refusal
	exits 4 "unlock of all refuses when one does not open" keelblock unlock -c /tmp/other.yaml --mount /tmp/r 2>/tmp/refusal
	has "and says that the others were closed" "was closed again" /tmp/refusal
	is "no mapping is left" "No devices found" "$(dmsetup ls)"
	is "no mount is left" "" "$(mount_options /tmp/r/STATE)"
	exits 4 "unlock without STATE refuses what is locked to it" unlock_all u-locked 2>/tmp/refusal
	has "and says what is missing" "encryption-salt.yaml is missing: STATE is not open" /tmp/refusal
	check "with STATE it opens" unlock_all STATE u-locked
	check "lock" keelblock lock
}

on_an_image() {
	truncate -s 80M /tmp/image
	sgdisk -n 1:0:+64M -c 1:u-theirs /tmp/image >/dev/null
	part=$(sgdisk -i 1 /tmp/image | awk '/First sector/ { print $3 }')
	dd if="$(partition t5 u-theirs)" of=/tmp/image bs=1M seek=$((part / 2048)) conv=notrunc 2>/dev/null
	sum="$(sha256sum </tmp/image)"
	check "unlock opens an image" unlock_all --image /tmp/image --mount /tmp/r
	is "its file" theirs "$(cat /tmp/r/u-theirs/whose)"
	is "its loop device takes no writes" 1 "$(blockdev --getro /dev/loop0)"
	check "unlock again" unlock_all --image /tmp/image --mount /tmp/r
	exits 4 "unlock refuses the same volume of another disk" unlock_all u-theirs 2>/tmp/refusal
	has "and says why" "open already, for another disk" /tmp/refusal
	exits 4 "apply refuses the image" keelblock apply -c /etc/node.yaml --image /tmp/image --kdf-memory 32M --kdf-time 1
	check "lock of the image closes it" keelblock lock --image /tmp/image
	is "its loop device is free" "" "$(losetup /dev/loop0 2>/dev/null)"
	is "the image is as it was" "$sum" "$(sha256sum </tmp/image)"
	check "unlock opens an image for writing" unlock_all --image /tmp/image --write --mount /tmp/r
	echo more >/tmp/r/u-theirs/more
	check "lock" keelblock lock
	check "unlock opens it again" unlock_all --image /tmp/image --mount /tmp/r
	is "what was written is there" more "$(cat /tmp/r/u-theirs/more)"
	check "lock" keelblock lock
}

with_a_damaged_copy() {
	state="$(partition internal STATE)"
	dd if=/dev/zero of="$state" bs=4096 count=1 conv=fsync,notrunc 2>/dev/null
	check "unlock opens STATE by its second header" unlock STATE >/tmp/damaged
	has "and says so" "the first copy of the header of STATE is damaged" /tmp/damaged
	check "lock" keelblock lock
}
