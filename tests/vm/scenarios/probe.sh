# probe sees every disk as the kernel has it, with udevd and without.
#: machine macmini2014
#: machine macmini2014 udev
#: machine macmini2018
#: machine macmini2018 udev
#: machine odd
#: tools lsblk

# field DEVICE KEY: from the inventory. Lists and objects are not asked for.
field() {
	awk -v path="      \"path\": \"$1\"," -v key="      \"$2\": " '
		$0 == path { found = 1 }
		found && index($0, key) == 1 {
			value = substr($0, length(key) + 1)
			sub(/,$/, "", value)
			gsub(/^"|"$/, "", value)
			print value
			exit
		}' /tmp/inventory
}

# shows NAME DEVICE KEY=VALUE...
shows() {
	shows_name="$1" shows_device="$2"
	shift 2
	for pair in "$@"; do
		is "$shows_name: ${pair%%=*}" "${pair#*=}" "$(field "$shows_device" "${pair%%=*}")"
	done
	# What the kernel says at this moment. Device nodes count in bytes, sysfs in 512.
	sysfs="/sys/block/${shows_device##*/}"
	is "$shows_name: size" "$(($(cat "$sysfs/size") * 512))" "$(field "$shows_device" size)"
	for pair in rotational=queue/rotational removable=removable readonly=ro; do
		word=false
		[ "$(cat "$sysfs/${pair#*=}")" = 1 ] && word=true
		# A CD-ROM cannot be written, whatever its flag says.
		[ "${shows_device#/dev/sr}" = "$shows_device" ] || [ "${pair%%=*}" != readonly ] || word=true
		is "$shows_name: ${pair%%=*}" "$word" "$(field "$shows_device" "${pair%%=*}")"
	done
	is "$shows_name: transport of lsblk" "$(lsblk -dnro TRAN "$shows_device")" \
		"$(field "$shows_device" transport | sed s/scsi_debug//)"
}

macmini2014() {
	shows "Apple SSD" "$(disk internal)" transport=sata "model=APPLE SSD SM0256" vendor=ATA removable=false cdrom=false \
		sector_size=512 physical_sector_size=4096 \
		"wwid=t10.ATA     APPLE SSD SM0256G                       S29ANYAH722645" \
		"id=wwid t10.ATA APPLE SSD SM0256G S29ANYAH722645"
	shows "T5 at usb-storage" "$(disk t5)" transport=usb "model=Portable SSD T5" vendor=Samsung removable=false \
		sector_size=512 wwid= "id=usb 46f4:0001 1234568941AC"
	shows "CD-ROM" /dev/sr0 transport=sata cdrom=true removable=true readonly=true sector_size=2048
	has "the CD-ROM may be what was booted" "ISO 9660 image \\\"DISC\\\"" /tmp/inventory
	is "disks" 3 "$(grep -c '^      "path"' /tmp/inventory)"
	check "the TPM is there" test -c /dev/tpm0
}

macmini2018() {
	wwid=nvme.1b36-4330323833383230304141414141414141-51454d55204e564d65204374726c-00000001
	shows "NVMe" "$(disk internal)" transport=nvme "model=QEMU NVMe Ctrl" serial=C02838200AAAAAAAA removable=false \
		sector_size=4096 physical_sector_size=4096 "wwid=$wwid" "id=wwid $wwid"
	shows "T5 at uas" "$(disk t5)" transport=usb "model=Portable SSD T5" vendor=Samsung removable=false sector_size=512 \
		"id=usb 46f4:0003 1234567DAFFD"
	shows "stick" "$(disk stick)" transport=usb "model=Cruzer Blade" vendor=SanDisk removable=true cdrom=false
	has "the stick may be what was booted" "ISO 9660 image \\\"RESCUE\\\"" /tmp/inventory
	is "disks" 3 "$(grep -c '^      "path"' /tmp/inventory)"
}

odd() {
	is "disks" 2 "$(grep -c '^      "path"' /tmp/inventory)"
	shows "first of scsi_debug" /dev/sda "id=wwid naa.33333330000007d0" sector_size=4096 model=scsi_debug vendor=Linux
	shows "second of scsi_debug" /dev/sdb "id=wwid naa.3333333000000bb8" sector_size=4096
}

# With udevd the links of its database, without it nothing.
udev() {
	for device in $(grep -o '^      "path": "[^"]*' /tmp/inventory | cut -d'"' -f4); do
		wanted=0
		[ "$vm_udev" = 1 ] && wanted="$(find /dev/disk -type l -exec readlink -f {} \; | grep -cx "$device")"
		found="$(awk -v path="      \"path\": \"$device\"," '
			$0 == path { found = 1 }
			found && /^      "udev"/ { exit }
			found && /^        "\/dev\/disk\// { count++ }
			END { print count + 0 }' /tmp/inventory)"
		is "links of $device" "$wanted" "$found"
	done
}

phase_1() {
	check "probe" keelblock probe --format json >/tmp/inventory
	cat /tmp/inventory
	case "$(cat /sys/class/dmi/id/product_name)" in
	Macmini7,1) macmini2014 ;;
	Macmini8,1) macmini2018 ;;
	*) odd ;;
	esac
	udev
	has "the machine" "\"uuid\": \"$(cat /sys/class/dmi/id/product_uuid)\"" /tmp/inventory
}
