# Drives with odd VPD pages: what tune sets is what the kernel then has, for every limit that it made of such pages.
#: machine macmini2018
#: module scsi_debug dev_size_mb=64
#: timeout 600

limits() {
	for limit in rotational add_random read_ahead_kb max_sectors_kb optimal_io_size minimum_io_size discard_granularity \
		discard_max_bytes; do
		echo "$limit $(cat "/sys/block/$name/queue/$limit")"
	done
}

wish() {
	echo "machine: {type: worker, sysfs: {"
	echo "block.$name.queue.rotational: '0', block.$name.queue.add_random: '0',"
	echo "block.$name.queue.read_ahead_kb: '128', block.$name.queue.max_sectors_kb: '2097152'}}"
}

# odd WHAT OPTIONS: the drive of these options.
odd() {
	what="$1"
	shift
	new_debug_disk dev_size_mb=64 "$@"
	is "$what: it is there" yes "${name:+yes}"
	limits >/tmp/before
	note "$what: $(tr '\n' ' ' </tmp/before)"
	wish >/tmp/node.yaml
	# More at once than any drive takes: that one is clamped or refused, whatever the page says.
	exits 6 "$what: tuned" keelblock tune -c /tmp/node.yaml >/tmp/said 2>&1
	is "$what: it does not spin" 0 "$(cat "/sys/block/$name/queue/rotational")"
	is "$what: no entropy" 0 "$(cat "/sys/block/$name/queue/add_random")"
	is "$what: read-ahead, after all that raises it" 128 "$(cat "/sys/block/$name/queue/read_ahead_kb")"
	after="$(cat "/sys/block/$name/queue/max_sectors_kb")"
	check "$what: it says what the kernel has instead" grep -Eq "queue/max_sectors_kb .* $after .*(clamped|refused|ignored)" /tmp/said
	grep max_sectors_kb /tmp/said
	check "$what: undone" keelblock tune --undo >/dev/null
	limits >/tmp/after
	check "$what: everything is as before" cmp /tmp/before /tmp/after || diff /tmp/before /tmp/after
}

phase_1() {
	odd "no optimal length" opt_blks=0
	odd "an optimal length of a block" opt_blks=1
	odd "an optimal length of 1 GiB" opt_blks=2097152
	odd "an odd optimal length" opt_blks=777
	odd "large and unaligned blocks" physblk_exp=3 lowest_aligned=3
	odd "4096-byte blocks" sector_size=4096
	odd "UNMAP of no block at all" lbpu=1 unmap_max_blocks=0
	odd "UNMAP in odd pieces" lbpu=1 unmap_granularity=3 unmap_alignment=1
	odd "an old drive without pages" scsi_level=3
	odd "a removable one" removable=1
	# A T5 by its name that hangs on no USB is none: the profile asks for what does not lie.
	new_debug_disk dev_size_mb=64 inq_vendor=Samsung inq_product="Portable SSD T5"
	keelblock tune --dry-run --disk "/dev/$name" >/tmp/said 2>&1
	check "a T5 in name only gets no USB profile" sh -c '! grep -qi "t5" /tmp/said || ! grep -q "queue/read_ahead_kb" /tmp/said'
	cat /tmp/said
}
