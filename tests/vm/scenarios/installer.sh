# keelblock as /bin/installer: a stand-in for the stock one runs, the internal disk is sealed, the T5 beside it stays.
#: machine macmini2014
#: timeout 900
#: tools bash cryptsetup sfdisk sgdisk mkfs.vfat mkfs.xfs xfs_repair blkdiscard flock blockdev dd truncate
#: module dm_crypt
#: module aesni_intel
#: module xts
#: module xfs
#: file examples/nodes/talos-1.14/mini01.yaml /etc/node.yaml
#: file tests/installer/stock /usr/bin/installer.stock

# As Talos starts it: installer DISK [ARGUMENT...].
installer() {
	installer_disk="$1"
	shift
	/usr/bin/installer install --disk="$installer_disk" --platform=metal --config=none --upgrade=false --force=true \
		--zero=false "$@" </etc/node.yaml
}

place_installer() {
	ln -sf /usr/bin/bash /bin/bash
	cp "$(command -v keelblock)" /usr/bin/installer
	chmod 755 /usr/bin/installer /usr/bin/installer.stock
}

# Both ends of a disk.
ends() {
	echo 3 >/proc/sys/vm/drop_caches
	{
		dd if="$1" bs=1M count=16 2>/dev/null
		dd if="$1" bs=1M skip=$(($(blockdev --getsize64 "$1") / 1048576 - 4)) 2>/dev/null
	} | sha256sum | head -c 64
}

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

# What a running Talos with a configuration does as soon as it sees META.
talos_is_faster='
	sgdisk -n 3:0:+100M -c 3:STATE "$1" >/dev/null
	until [ -b "$1"3 ]; do flock "$1" blockdev --rereadpt "$1" || sleep 0.1; done
	printf "%sSTATE" "$(cat /sys/class/dmi/id/product_uuid)" >/tmp/key
	cryptsetup luksFormat -q --type luks2 --pbkdf argon2id --pbkdf-memory 32768 --pbkdf-force-iterations 4 \
		--pbkdf-parallel 1 --key-file /tmp/key "$1"3
	cryptsetup open --key-file /tmp/key "$1"3 luks2-STATE
'

phase_1() {
	place_installer
	internal="$(disk internal)"
	exits 0 "Talos was faster" env STANDIN_AFTER="$talos_is_faster" /usr/bin/installer install --disk="$internal" \
		--platform=metal --config=none --upgrade=false --force=true --zero=false </etc/node.yaml >/tmp/out 2>/tmp/said
	has "which is said" "Talos made STATE itself" /tmp/said
	has "with what is there" "STATE" /tmp/out
	check "what Talos opened stays open" test -e /dev/mapper/luks2-STATE
	exits 4 "a disk that is in use is refused" installer "$internal" 2>/tmp/said
	has "with who uses it" "luks2-STATE" /tmp/said
	check "Talos closes STATE" cryptsetup close luks2-STATE
	exits 4 "what Talos made is not wiped" installer "$internal" 2>/tmp/said
	has "but with a consent" "KEELBLOCK_WIPE" /tmp/said
	# mini01's own half of it is `wipe: true`.
	export KEELBLOCK_WIPE="$internal"
	seal_beside_the_t5
}

seal_beside_the_t5() {
	t5="$(disk t5)"
	sgdisk -n 1:0:+100G -c 1:precious "$t5" >/dev/null
	dd if=/dev/urandom of="$t5" bs=1M seek=2 count=10 conv=notrunc,fsync 2>/dev/null
	before="$(ends "$t5")"
	exits 4 "the T5 is refused" installer "$t5" 2>/tmp/said
	has "for it is not what the configuration selects" "$internal" /tmp/said
	is "the T5 is unchanged after it" "$before" "$(ends "$t5")"
	exits 0 "the internal disk is installed and sealed" installer "$internal" --meta 0xa=net >/tmp/out
	has "the stock installer ran" "a line of the stock installer" /tmp/out
	has "and what it laid out was completed" "EPHEMERAL" /tmp/out
	is "the T5 is unchanged" "$before" "$(ends "$t5")"
	check "the kernel knows STATE without a reboot" partition internal STATE
	open_and_mount EPHEMERAL
	echo "$before" >/mnt/EPHEMERAL/t5
	close_volume EPHEMERAL
}

phase_2() {
	place_installer
	internal="$(disk internal)"
	is "names that sgdisk reads" "EFI META STATE EPHEMERAL" "$(sgdisk -p "$internal" | awk '$1 + 0 > 0 { print $7 }' | xargs)"
	check "sgdisk finds no fault" sgdisk -v "$internal"
	check "inspect opens all" keelblock inspect "$internal" -c /etc/node.yaml
	keelblock inspect "$internal" >/tmp/seen
	has "META keeps the stock installer's tag" "tags 0x09 0x0a" /tmp/seen
	open_and_mount STATE
	close_volume STATE
	open_and_mount EPHEMERAL
	is "the T5 is unchanged after a reboot" "$(cat /mnt/EPHEMERAL/t5)" "$(ends "$(disk t5)")"
	close_volume EPHEMERAL
	before="$(ends "$internal")"
	exits 4 "what is installed is not wiped" installer "$internal"
	exits 0 "an upgrade is the stock installer's" installer "$internal" --upgrade=true
	is "and nothing else" "$before" "$(ends "$internal")"
}
