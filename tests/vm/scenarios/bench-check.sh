# Measures `tune --check` on fifty disks of scsi_debug, with two settings of each as wanted.
#: machine macmini2018
#: module scsi_debug dev_size_mb=8 num_tgts=50
#: timeout 900
#: bench

wish() {
	echo "machine: {type: worker, sysfs: {"
	for name in $(debug_disks); do
		echo "block.$name.queue.rotational: '0', block.$name.queue.read_ahead_kb: '256',"
	done
	echo "}}"
}

# twenty NAME COMMAND...: the mean of twenty runs.
twenty() {
	name="$1"
	shift
	# shellcheck disable=SC2016
	time -o /tmp/time -f "%e %U %S %R" sh -c 'for _ in $(seq 20); do "$@" >/dev/null 2>&1 || exit; done' sh "$@" ||
		say "FAILED $name: exit $?"
	note "$(awk -v name="$name" '{ printf "%s: %.1f ms, user %.1f, system %.1f, %.0f page faults", name, $1 * 50, $2 * 50, $3 * 50, $4 / 20 }' /tmp/time)"
}

phase_1() {
	wait_for_debug_disks 50
	is "disks" 50 "$(debug_disks | wc -l)"
	wish >/tmp/node.yaml
	check "tuned" keelblock tune -c /tmp/node.yaml >/tmp/said
	for name in $(debug_disks); do
		is "$name" "0 256" "$(cat "/sys/block/$name/queue/rotational" "/sys/block/$name/queue/read_ahead_kb" | tr '\n' ' ' | sed 's/ $//')"
	done
	twenty "keelblock --version" keelblock --version
	twenty "keelblock tune --check, 50 disks" keelblock tune --check -c /tmp/node.yaml
	check "as wanted" keelblock tune --check -c /tmp/node.yaml >/dev/null
	echo 128 >"/sys/block/$(debug_disks | tail -n 1)/queue/read_ahead_kb"
	exits 6 "one setting of a hundred has drifted" keelblock tune --check -c /tmp/node.yaml >/dev/null
}
