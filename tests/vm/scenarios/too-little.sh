# Too little memory for the keys and too little room for scratch files are refused by name, before anything is written.
#: machine macmini2014small
#: tools sgdisk mkfs.vfat mkfs.xfs
#: module xfs
#: file tests/vm/configs/volume.yaml /etc/volume.yaml

apply() {
	keelblock apply -c /tmp/node.yaml --disk "$(disk t5)" --kdf-time 1 "$@"
}

writes_to() {
	awk '{ print $5, $7 }' "/sys/block/$(disk_name "$1")/stat"
}

phase_1() {
	sed 's|@MODEL@|Portable SSD T5|' /etc/volume.yaml >/tmp/node.yaml
	before="$(writes_to internal) $(writes_to t5)"
	exits 4 "a derivation with 1 GiB" apply --kdf-memory 1G 2>/tmp/said
	has "names what it wants" "would take 1 GiB of memory" /tmp/said
	has "and what is free" "that are free" /tmp/said
	has "and what to do" "--kdf-memory" /tmp/said

	# The same in a plan from a machine with enough.
	keelblock probe --format json | sed 's/"memory_available": [0-9]*/"memory_available": 17179869184/' >/tmp/machine
	sed -i 's/"diskseq": [0-9]*/"diskseq": null/' /tmp/machine
	check "a plan from a large machine" keelblock plan -c /tmp/node.yaml --disk "$(disk t5)" \
		--hardware /tmp/machine --kdf-memory 1G --kdf-time 1 -o /tmp/plan >/dev/null
	exits 4 "is not applied here" keelblock apply /tmp/plan -c /tmp/node.yaml 2>/tmp/said
	has "for its memory" "would take 1 GiB of memory" /tmp/said

	mkdir /tmp/scratch
	mount -t tmpfs -o size=8M tmpfs /tmp/scratch
	exits 5 "a scratch folder that fills up" apply --kdf-memory 32M --state-dir /tmp/scratch 2>/tmp/said
	has "is named" "no room for xfs in /tmp/scratch" /tmp/said
	has "with what to do" "--state-dir" /tmp/said
	has "and nothing was written" "nothing was written" /tmp/said
	dd if=/dev/zero of=/tmp/scratch/full bs=64k 2>/dev/null
	exits 5 "a scratch folder that is full" apply --kdf-memory 32M --state-dir /tmp/scratch 2>/tmp/said
	has "is named, too" "/tmp/scratch" /tmp/said
	sync
	is "no disk was written" "$before" "$(writes_to internal) $(writes_to t5)"
	dmesg >/tmp/kernel
	is "nobody was killed for memory" 0 "$(grep -ci "out of memory\|oom-kill" /tmp/kernel)"
	umount /tmp/scratch
	check "with what there is, it works" apply --kdf-memory 32M
}
