# tune sets, reads back, compares and undoes on a real kernel, and says what that clamps, ignores and refuses.
#: every-run
#: machine tuning udev
#: file tests/vm/configs/tuning-profiles.yaml /etc/profiles.yaml
#: file tests/vm/configs/tuning.yaml /etc/tuning.yaml

tune() {
	keelblock tune --profiles /etc/profiles.yaml "$@"
}

value() {
	cat "/sys/block/$(disk_name "$1")/$2"
}

# Every attribute that a run may touch, and what it is worth.
everything() {
	for name in t5 t5bot internal flash; do
		folder="/sys/block/$(disk_name "$name")"
		for attribute in rotational add_random scheduler nr_requests max_sectors_kb rq_affinity wbt_lat_usec read_ahead_kb; do
			echo "$name $attribute $(cat "$folder/queue/$attribute" 2>/dev/null)"
		done
		echo "$name max_ratio $(cat "$folder/bdi/max_ratio")"
		cat "$folder"/device/scsi_disk/*/provisioning_mode 2>/dev/null
	done
	for attribute in dirty_bytes dirty_ratio dirty_background_bytes dirty_background_ratio swappiness; do
		echo "$attribute $(cat "/proc/sys/vm/$attribute")"
	done
}

as_wanted() {
	is "$1: read-ahead under uas" 128 "$(value t5 queue/read_ahead_kb)"
	is "$1: read-ahead under usb-storage" 128 "$(value t5bot queue/read_ahead_kb)"
	is "$1: usb-storage does not spin" 0 "$(value t5bot queue/rotational)"
	is "$1: no entropy" 0 "$(value t5bot queue/add_random)"
	is "$1: write-back throttling" 2000 "$(value t5bot queue/wbt_lat_usec)"
	is "$1: share of dirty memory" 50 "$(value t5 bdi/max_ratio)"
}

# result KEY DISK WORD: the row of the table in /tmp/said.
result() {
	is "$2 $1: $3" "$3" "$(awk -v key="$1" -v disk="$2" '
		/^\/dev\// { here = ($1 == disk) }
		/^machine/ { here = (disk == "machine") }
		here && $1 == key && !seen { seen = 1; print $NF }' /tmp/said)"
}

phase_1() {
	is "the kernel reads 64 MiB ahead of such a disk" 65532 "$(value t5 queue/read_ahead_kb)"
	everything >/tmp/before
	exits 6 "before, a check finds drift" tune --check >/tmp/said
	everything >/tmp/after
	check "and writes nothing" cmp /tmp/before /tmp/after
	exits 0 "a dry run" tune --dry-run >/tmp/said
	everything >/tmp/after
	check "writes nothing either" cmp /tmp/before /tmp/after

	check "everything is set" tune >/tmp/said 2>&1
	cat /tmp/said
	as_wanted "set"
	is "dirty memory in bytes" 268435456 "$(cat /proc/sys/vm/dirty_bytes)"
	has "no TRIM without a proof" "withheld: scsi_disk/provisioning_mode" /tmp/said
	is "the provisioning mode stays" "$(grep -A 9 "^t5 max_ratio" /tmp/before | sed -n 2p)" \
		"$(cat "/sys/block/$(disk_name t5)"/device/scsi_disk/*/provisioning_mode)"
	exits 0 "a check finds no drift" tune --check >/dev/null
	check "again" tune >/tmp/said
	check "nothing is left to do" sh -c '! grep -q "  set$" /tmp/said'

	# What other programs' rules do after us.
	echo 1 >"/sys/block/$(disk_name t5)/queue/iostats"
	is "an unrelated write raises the read-ahead" 65532 "$(value t5 queue/read_ahead_kb)"
	exits 6 "a check sees it" tune --check >/tmp/said
	result queue/read_ahead_kb "$(disk t5)" differs
	check "and it is set again" tune >/dev/null
	as_wanted "set again"

	exits 0 "undone" keelblock tune --undo >/tmp/said
	cat /tmp/said
	everything >/tmp/after
	check "everything is as before" cmp /tmp/before /tmp/after || diff /tmp/before /tmp/after
}

phase_2() {
	sed "s/@T5@/$(disk_name t5)/" /etc/tuning.yaml >/tmp/node.yaml
	exits 6 "what the config asks is not all possible" keelblock tune --profiles /etc/profiles.yaml -c /tmp/node.yaml >/tmp/said 2>&1
	cat /tmp/said
	t5="$(disk t5)"
	result queue/max_sectors_kb "$t5" clamped
	result queue/scheduler "$t5" set
	result queue/rq_affinity "$t5" ignored
	result queue/read_ahead_kb "$t5" refused
	result device/queue_depth "$t5" read-only
	result bdi/max_bytes "$t5" set
	result vm.dirty_ratio machine set
	result vm.swappiness machine refused
	result vm.nosuch machine missing
	has "why the read-ahead is refused" "decimal" /tmp/said
	has "the config wins over the profile" "conflict:" /tmp/said
	is "dirty memory in the form of the config" 5 "$(cat /proc/sys/vm/dirty_ratio)"
	is "the other T5 is as its profile wants" 128 "$(value t5bot queue/read_ahead_kb)"
}

# A T5 that is pulled and comes back has the kernel's values again.
phase_3() {
	check "set" tune >/dev/null
	echo 1 >"/sys/block/$(disk_name t5)/device/delete"
	check "without it the rest is as wanted" tune --check >/tmp/said
	for host in /sys/class/scsi_host/host*/scan; do
		echo "- - -" >"$host"
	done
	sleep 1
	is "the kernel's value is back" 65532 "$(value t5 queue/read_ahead_kb)"
	if [ "$vm_udev" = 1 ]; then
		mkdir -p /etc/udev/rules.d
		check "rules" keelblock tune export --as udev --all --profiles /etc/profiles.yaml -o /etc/udev/rules.d/99-keelblock.rules
		udevadm control --reload
		udevadm trigger --action=add --subsystem-match=block --settle
		udevadm settle
		as_wanted "by udev's rules"
		check "the tuner agrees" tune --check
	fi
	check "set once more" tune >/dev/null
	as_wanted "after the plug"
}
