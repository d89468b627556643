# tune --watch sets what is plugged in, survives a storm of messages, and costs nothing while nothing happens.
#: machine tuning
#: machine tuning udev
#: file tests/vm/configs/tuning-profiles.yaml /etc/profiles.yaml

value() {
	cat "/sys/block/$(disk_name "$1")/$2" 2>/dev/null
}

# waits NAME WANTED COMMAND...: the command prints this within twenty seconds.
waits() {
	waits_name="$1" waits_wanted="$2" waits_left=400
	shift 2
	while [ "$("$@")" != "$waits_wanted" ] && [ "$waits_left" -gt 0 ]; do
		waits_left=$((waits_left - 1))
		sleep 0.05
	done
	is "$waits_name" "$waits_wanted" "$("$@")"
}

plug_in() {
	for host in /sys/class/scsi_host/host*/scan; do
		echo "- - -" >"$host"
	done
}

# Ticks of the processor that the follower has used.
ticks() {
	awk '{ print $14 + $15 }' "/proc/$follower/stat"
}

metric() {
	awk -v name="$1" 'index($0, name) == 1 { print $NF; exit }' /tmp/metrics
}

phase_1() {
	keelblock tune --watch --profiles /etc/profiles.yaml --textfile /tmp/metrics 2>/tmp/log &
	follower=$!
	waits "the T5 under uas is set" 128 value t5 queue/read_ahead_kb
	waits "the T5 under usb-storage is set" 0 value t5bot queue/rotational
	waits "so is the machine" 268435456 cat /proc/sys/vm/dirty_bytes

	# Out and in again: the kernel's values are back until somebody sets them.
	for round in 1 2 3; do
		echo 1 >"/sys/block/$(disk_name t5)/device/delete"
		plug_in
		waits "plugged in again, round $round" 128 value t5 queue/read_ahead_kb
		waits "the share of dirty memory, round $round" 50 value t5 bdi/max_ratio
	done
	waits "plugs are counted" 3 metric 'keelblock_tune_replugs_total{disk="usb 46f4:0003'

	# Somebody writes, and a message comes with it.
	echo 4096 >"/sys/block/$(disk_name t5)/queue/read_ahead_kb"
	echo change >"/sys/block/$(disk_name t5)/uevent"
	waits "a value that drifted is set again" 128 value t5 queue/read_ahead_kb

	one="/sys/block/$(disk_name t5)/uevent" other="/sys/block/$(disk_name internal)/uevent"
	storm=0
	while [ "$storm" -lt 5000 ]; do
		echo change >"$one"
		echo change >"$other"
		storm=$((storm + 1))
	done
	echo 4096 >"/sys/block/$(disk_name t5)/queue/read_ahead_kb"
	echo change >"/sys/block/$(disk_name t5)/uevent"
	waits "after ten thousand messages the values are right" 128 value t5 queue/read_ahead_kb
	check "and the follower lives" kill -0 "$follower"

	sleep 5
	before="$(ticks)"
	sleep 60
	used=$(($(ticks) - before))
	resident="$(awk '/^VmRSS/ { print $2 }' "/proc/$follower/status")"
	peak="$(awk '/^VmHWM/ { print $2 }' "/proc/$follower/status")"
	note "idle for a minute: $used ticks of 10 ms, $resident KiB resident, $peak KiB at most"
	is "an idle minute takes no more than a tick" yes "$([ "$used" -le 1 ] && echo yes)"
	kill "$follower"
	wait "$follower"
	is "it ends when it is told to" 0 "$?"
	check "and what it did can be undone" keelblock tune --undo
	is "undone" 65532 "$(value t5 queue/read_ahead_kb)"
}
