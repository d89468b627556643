# apply on NVMe with blocks of 4096 bytes, on the T5 at uas and at usb-storage, and on AHCI: sealed volumes open after a reboot.
#: machine macmini2018
#: machine macmini2014
#: tools cryptsetup sgdisk mkfs.vfat mkfs.xfs
#: module dm_crypt
#: file tests/vm/configs/sealed.yaml /etc/sealed.yaml

# seal DISK SELECTOR
seal() {
	sed "s|@SELECTOR@|diskSelector: {$2}|" /etc/sealed.yaml >"/tmp/$1.yaml"
	apply() {
		keelblock apply -c "/tmp/$1.yaml" --layout uki --kdf-memory 32M --kdf-time 1 --no-ephemeral-filesystem
	}
	check "apply on $1" apply "$1"
	apply "$1" >/tmp/again
	has "apply on $1 again writes nothing" "already converged, 0 writes" /tmp/again
}

opens() {
	device="$(disk "$1")"
	check "sgdisk finds no fault on $1" sgdisk -v "$device"
	for volume in STATE EPHEMERAL; do
		printf '%s%s' "$(cat /sys/class/dmi/id/product_uuid)" "$volume" |
			cryptsetup open --test-passphrase --key-file=- "$(partition "$1" "$volume")"
		is "cryptsetup opens $volume of $1" 0 "$?"
	done
}

# Two system disks in one machine are refused, so the first gives way to the second.
phase_1() {
	case "$(cat /sys/class/dmi/id/product_name)" in
	Macmini8,1) seal internal "type: nvme" ;;
	*) seal internal 'model: "APPLE*"' ;;
	esac
}

phase_2() {
	opens internal
	sgdisk --zap-all "$(disk internal)" >/dev/null
	dd if=/dev/zero of="$(disk internal)" bs=1M count=1 2>/dev/null
	seal t5 'model: "Portable SSD T5"'
}

phase_3() {
	opens t5
}
