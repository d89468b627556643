# A disk that fails a write or a flush is named, the other disk stays as it is, and the same again converges.
#: machine macmini2014
#: tools sgdisk blkid mkfs.vfat mkfs.xfs
#: module xfs
#: module scsi_debug dev_size_mb=400 sector_size=4096 lbpu=1 per_host_store=1
#: file tests/vm/configs/volume.yaml /etc/volume.yaml
#: timeout 600

broken="" # Its name, sdX.

run() {
	keelblock "$1" -c /tmp/node.yaml --disk "/dev/$broken" --kdf-memory 32M --kdf-time 1 $2
}

step_of() {
	grep '"op":' /tmp/plan | grep -n "\"$1\"" | head -n 1 | cut -d : -f 1
}

writes_to() {
	awk '{ print $5, $7 }' "/sys/block/$(disk_name "$1")/stat"
}

# The rules of Documentation/scsi/scsi_debug: type 2 answers with a sense, here a medium error; -1 means once.
rules() {
	ls /sys/kernel/debug/scsi_debug/*/error
}

fail_at() {
	until grep -q "\"step\":$1,\"name\"" /run/keelblock/*.journal 2>/dev/null; do
		usleep 1000
	done
	echo "2 10000 $2 0 0 2 3 0xc 0" >"$(rules)"
}

heal() {
	echo "- 2 $1" >"$(rules)"
}

fails_at() {
	dd if=/dev/zero of="/dev/$broken" bs=1M count=400 conv=fsync 2>/dev/null
	rm -rf /run/keelblock
	check "$1: planned" run plan "--format json" >/tmp/plan
	number="$(step_of "$1")"
	is "$1: is a step" yes "${number:+yes}"
	fail_at "$number" "$2" &
	run apply 2>/tmp/said
	is "$1: exit" 5 $?
	wait
	has "$1: the disk is named" "/dev/$broken" /tmp/said
	has "$1: the cause is named" "(os error 5)" /tmp/said
	cat /run/keelblock/*.journal >/tmp/journal
	has "$1: the journal is kept" '"event":"failed"' /tmp/journal
	heal "$2"
	check "$1: the same again converges" run apply
	check "$1: and again" run apply >/tmp/again
	has "$1: writes nothing" "already converged, 0 writes" /tmp/again
	check "$1: sgdisk finds no fault" sgdisk -v "/dev/$broken"
}

phase_1() {
	mount -t debugfs debugfs /sys/kernel/debug
	for model in /sys/block/sd*/device/model; do
		if grep -q scsi_debug "$model"; then
			broken="$(echo "$model" | cut -d / -f 4)"
		fi
	done
	is "there is a disk that can be broken" yes "${broken:+yes}"
	sed 's|@MODEL@|scsi_debug|' /etc/volume.yaml >/tmp/node.yaml
	others="$(writes_to internal) $(writes_to t5)"
	for op in mark table; do
		fails_at "$op" 0x2a
	done
	fails_at seal 0x35
	is "nothing was written to the other disks" "$others" "$(writes_to internal) $(writes_to t5)"
}

phase_2() {
	# What the disk held goes back to it, and reads as zeros: it was written as ones.
	phase_1_model=scsi_debug
	for model in /sys/block/sd*/device/model; do
		if grep -q "$phase_1_model" "$model"; then
			broken="$(echo "$model" | cut -d / -f 4)"
		fi
	done
	sed 's|@MODEL@|scsi_debug|' /etc/volume.yaml >/tmp/node.yaml
	tr '\0' '\377' </dev/zero | dd of="/dev/$broken" bs=1M count=400 iflag=fullblock conv=fsync 2>/dev/null
	dd if=/dev/zero of="/dev/$broken" bs=1M count=2 conv=fsync 2>/dev/null
	dd if=/dev/zero of="/dev/$broken" bs=1M seek=398 count=2 conv=fsync 2>/dev/null
	sgdisk -n 1:0:+64M -t 1:0700 -c 1:old "/dev/$broken" >/dev/null
	run plan "--wipe /dev/$broken" >/tmp/plan
	has "the plan says what is discarded" "discarded: 39" /tmp/plan
	check "laid out" run apply "--wipe /dev/$broken --format json" >/tmp/receipt
	is "it was discarded" done "$(grep -A 1 'discard what the disk held' /tmp/receipt | sed -n 's/.*"outcome": "\(.*\)".*/\1/p')"
	# The volume ends before 350 MiB; what is behind it was ones.
	is "old data is gone" 0 "$(dd if="/dev/$broken" bs=1M skip=360 count=30 2>/dev/null | tr -d '\0' | wc -c)"
}
