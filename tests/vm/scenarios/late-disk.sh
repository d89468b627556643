# A T5 that appears three seconds late is waited for, and no other disk takes its place.
#: machine macmini2018
#: machine macmini2018 udev
#: tools sgdisk blkid mkfs.vfat mkfs.xfs
#: module xfs
#: file tests/vm/configs/volume.yaml /etc/volume.yaml

apply() {
	keelblock apply -c /tmp/node.yaml --disk "$t5_id" --kdf-memory 32M --kdf-time 1 "$@"
}

writes_to() {
	awk '{ print $5, $7 }' "/sys/block/$(disk_name "$1")/stat"
}

plug_in() {
	for host in /sys/class/scsi_host/host*/scan; do
		echo "- - -" >"$host"
	done
}

pull() {
	echo 1 >"/sys/block/$(disk_name t5)/device/delete"
}

late() {
	sleep 3
	plug_in
}

phase_1() {
	sed 's|@MODEL@|Portable SSD T5|' /etc/volume.yaml >/tmp/node.yaml
	keelblock probe --format json >/tmp/machine
	# The id of a disk stands before its model.
	t5_id="$(grep -B 40 '"model": "Portable SSD T5"' /tmp/machine | sed -n 's/.*"id": "\(.*\)",/\1/p' | tail -n 1)"
	note "the T5 is $t5_id"
	others="$(writes_to internal) $(writes_to stick)"
	pull
	exits 3 "without waiting it is missing" apply --wait 0 2>/tmp/said
	start="$(cut -d . -f 1 /proc/uptime)"
	exits 3 "in two seconds it does not come" apply --wait 2 2>/tmp/said
	has "and that is said" "waited 2 s for it" /tmp/said
	is "two seconds were waited" yes "$([ $(($(cut -d . -f 1 /proc/uptime) - start)) -ge 2 ] && echo yes)"
	late &
	check "the T5 that comes is laid out" apply --wait 60 2>/tmp/said
	has "it is said that it is waited for" "waiting up to 60 s for it" /tmp/said
	is "the volume is on the T5" crypto_LUKS "$(blkid -p -s TYPE -o value "$(partition t5 u-one)")"
	is "nothing was written to another disk" "$others" "$(writes_to internal) $(writes_to stick)"
}

phase_2() {
	# A plan in a file names the disk: the one that comes late is still the planned one.
	sed 's|@MODEL@|Portable SSD T5|' /etc/volume.yaml >/tmp/node.yaml
	t5="$(disk t5)"
	sgdisk -c 1:other "$t5" >/dev/null
	keelblock probe --format json >/tmp/machine
	sed 's/"diskseq": [0-9]*/"diskseq": null/' /tmp/machine >/tmp/recorded
	check "a plan from the record" keelblock plan -c /tmp/node.yaml --disk "$t5" --wipe "$t5" \
		--hardware /tmp/recorded --kdf-memory 32M --kdf-time 1 -o /tmp/plan
	pull
	exits 3 "the planned disk is missing" keelblock apply /tmp/plan -c /tmp/node.yaml --wait 0 2>/tmp/said
	late &
	check "the planned disk comes" keelblock apply /tmp/plan -c /tmp/node.yaml --wait 60
	is "the volume" crypto_LUKS "$(blkid -p -s TYPE -o value "$(partition t5 u-one)")"
}
