# A T5 that is pulled out in any step of an apply is named as unplugged, and finished when it is back: uas and usb-storage.
#: machine macmini2018slow
#: machine macmini2014slow
#: tools sgdisk blkid mkfs.vfat mkfs.xfs
#: module xfs
#: file tests/vm/configs/volume.yaml /etc/volume.yaml
#: timeout 1200

run() {
	keelblock "$1" -c /tmp/node.yaml --disk "$(disk t5)" --kdf-memory 1M --kdf-time 1 $2
}

# Number of the first step of this kind.
step_of() {
	grep '"op":' /tmp/plan | grep -n "\"$1\"" | head -n 1 | cut -d : -f 1
}

# How often the kernel has written to a disk, and how many sectors.
writes_to() {
	awk '{ print $5, $7 }' "/sys/block/$(disk_name "$1")/stat"
}

# Takes the disk away as soon as the journal names the step: its port is switched off.
pull_at() {
	until grep -q "\"step\":$1,\"name\"" /run/keelblock/*.journal 2>/dev/null; do
		usleep 1000
	done
	echo 0 >"$2"
}

# The switch of a disk's USB port.
switch_of() {
	switch="$(readlink -f "/sys/block/$(disk_name "$1")/device")"
	# Its interfaces have a switch, too, but no vendor.
	until [ -e "$switch/idVendor" ]; do
		switch="${switch%/*}"
		[ -n "$switch" ] || return 1
	done
	echo "$switch/authorized"
}

plug_in() {
	echo 1 >"$1"
	wait_for_disks
}

blank() {
	sgdisk --zap-all "$(disk t5)" >/dev/null 2>&1
	dd if=/dev/zero of="$(disk t5)" bs=1M count=4 conv=fsync 2>/dev/null
}

named_as_unplugged() {
	is "$1: exit" 5 "$2"
	has "$1: named as unplugged" "the disk was unplugged" /tmp/said
	has "$1: what to do" "plug it in again" /tmp/said
	cat /run/keelblock/*.journal >/tmp/journal
	has "$1: the journal is kept" '"event":"failed"' /tmp/journal
	note "$1: $(sed -n 's/.*"event":"failed",//p' /tmp/journal)"
}

pulled_at() {
	blank
	rm -rf /run/keelblock
	check "$1: planned" run plan "--format json" >/tmp/plan
	number="$(step_of "$1")"
	is "$1: is a step" yes "${number:+yes}"
	seq_before="$(cat "/sys/block/$(disk_name t5)/diskseq")"
	port="$(switch_of t5)"
	pull_at "$number" "$port" &
	run apply 2>/tmp/said
	code=$?
	wait
	# The last step is one write of 8 ms: where the plug comes too late for it, everything was done before.
	case "$1:$code" in
	unmark:0) note "unmark: done before the plug was pulled" ;;
	*) named_as_unplugged "$1" "$code" ;;
	esac
	check "$1: plugged in again" plug_in "$port"
	is "$1: as another instance" yes "$([ "$(cat "/sys/block/$(disk_name t5)/diskseq")" != "$seq_before" ] && echo yes)"
	check "$1: the same again finishes it" run apply
	check "$1: and again" run apply >/tmp/again
	has "$1: writes nothing" "already converged, 0 writes" /tmp/again
	check "$1: sgdisk finds no fault" sgdisk -v "$(disk t5)"
	is "$1: the volume" crypto_LUKS "$(blkid -p -s TYPE -o value "$(partition t5 u-one)")"
}

phase_1() {
	sed 's|@MODEL@|Portable SSD T5|' /etc/volume.yaml >/tmp/node.yaml
	before="$(writes_to internal)"
	check "planned" run plan "--format json" >/tmp/plan
	# Every kind of step, in its order; a sync writes nothing that its neighbours do not.
	steps="$(sed -n 's/.*"op": "\([a-z-]*\)".*/\1/p' /tmp/plan | grep -vx sync | awk '!seen[$0]++' | xargs)"
	note "steps: $steps"
	for op in $steps; do
		pulled_at "$op"
	done
	is "nothing was written to the internal disk" "$before" "$(writes_to internal)"
}
