# reset from a rescue system: refused while a volume is open, then STATE and EPHEMERAL are gone, and apply makes them again.
#: machine macmini2018
#: machine macmini2014
#: tools cryptsetup sgdisk blkid mkfs.vfat mkfs.xfs
#: module dm_crypt
#: module aesni_intel
#: module xts
#: file tests/vm/configs/sealed.yaml /etc/sealed.yaml

apply() {
	case "$(cat /sys/class/dmi/id/product_name)" in
	Macmini8,1) selector="type: nvme" ;;
	*) selector='model: "APPLE*"' ;;
	esac
	sed "s|@SELECTOR@|diskSelector: {$selector}|" /etc/sealed.yaml >/tmp/node.yaml
	keelblock apply -c /tmp/node.yaml --layout uki --kdf-memory 32M --kdf-time 1 --no-ephemeral-filesystem
}

key() {
	printf '%s%s' "$(cat /sys/class/dmi/id/product_uuid)" "$1"
}

names() {
	sgdisk -p "$(disk internal)" | awk '$1 + 0 > 0 { print $7 }' | xargs
}

# Where the volumes begin and end.
places() {
	sgdisk -p "$(disk internal)" | awk '$1 + 0 > 0 { print $2, $3, $7 }' | xargs
}

phase_1() {
	check "apply" apply
	key STATE | cryptsetup open --key-file=- "$(partition internal STATE)" luks2-STATE
	is "the kernel opens STATE" 0 "$?"
	exits 4 "a volume that is open is not reset" keelblock reset --confirm SAFE-RESET
	check "close" cryptsetup close luks2-STATE
	keelblock reset >/tmp/preview
	has "the preview says what goes" "LOSE" /tmp/preview
	key STATE | cryptsetup open --test-passphrase --key-file=- "$(partition internal STATE)"
	is "and writes nothing" 0 "$?"
}

phase_2() {
	places >/tmp/places
	state="$(partition internal STATE)"
	start="$(($(cat "/sys/class/block/${state##*/}/start") * 512))"
	efi="$(sha256sum <"$(partition internal EFI)")"
	check "reset" keelblock reset --confirm SAFE-RESET --whole-up-to 64M
	is "EFI is as it was" "$efi" "$(sha256sum <"$(partition internal EFI)")"
	is "names" "EFI META" "$(names)"
	check "sgdisk finds no fault" sgdisk -v "$(disk internal)"
	is "the kernel sees no STATE" "" "$(partition internal STATE)"
	dd if="$(disk internal)" of=/tmp/head bs=1M iflag=skip_bytes skip="$start" count=16 2>/dev/null
	is "no byte of its header is left" "$(head -c 16777216 /dev/zero | sha256sum)" "$(sha256sum </tmp/head)"
	keelblock reset --confirm SAFE-RESET >/tmp/again
	has "again writes nothing" "already reset, 0 writes" /tmp/again
	check "apply makes them again" apply
	is "in the same places" "$(cat /tmp/places)" "$(places)"
}

phase_3() {
	for volume in STATE EPHEMERAL; do
		key "$volume" | cryptsetup open --test-passphrase --key-file=- "$(partition internal "$volume")"
		is "cryptsetup opens $volume" 0 "$?"
	done
}
