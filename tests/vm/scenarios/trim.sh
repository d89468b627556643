# The TRIM test tells drives apart by what they do, puts mode, read-ahead and every byte back, and says so when stopped.
#: machine macmini2018
#: tools sgdisk mkfs.ext4
#: module ext4
#: module scsi_debug dev_size_mb=256 lbpu=1 lbprz=1
#: timeout 600

mode_of() {
	cat "/sys/block/$1"/device/scsi_disk/*/provisioning_mode
}

set_mode() {
	for set_path in "/sys/block/$1"/device/scsi_disk/*/provisioning_mode; do
		echo "$2" >"$set_path"
	done
}

# pieces DISK: digest of all of it, if it is small, and of a part otherwise.
pieces() {
	dd if="/dev/$1" bs=1M count=256 iflag=direct 2>/dev/null | sha256sum
}

trial() {
	keelblock tune trim-test "/dev/$name" --confirm TRIM-TEST --format json "$@"
}

phase_1() {
	# A T5: TRIM is left off until somebody asks, and every change of the mode raises read-ahead again.
	name="$(disk_name t5)"
	sgdisk -n 1:2048:+64M -c 1:data "/dev/$name" >/dev/null
	mkfs.ext4 -q "/dev/${name}1"
	before="$(pieces "$name")"
	set_mode "$name" full
	echo 128 >"/sys/block/$name/queue/read_ahead_kb"
	is "t5: TRIM is off" 0 "$(cat "/sys/block/$name/queue/discard_max_bytes")"
	exits 4 "t5: not confirmed" keelblock tune trim-test "/dev/$name" --range 128M:16M
	exits 4 "t5: with TRIM off" trial --range 128M:16M >/tmp/off
	has "t5: it says what to set" "--mode unmap" /tmp/off
	check "t5: with unmap for the time of the test" trial --range 128M:16M --mode unmap -o /tmp/proof >/tmp/on
	cat /tmp/on
	has "t5: it passes" '"verdict": "pass"' /tmp/on
	has "t5: the proof names the drive" "1234567DAFFD" /tmp/proof
	is "t5: the mode is back" full "$(mode_of "$name")"
	is "t5: read-ahead is back" 128 "$(cat "/sys/block/$name/queue/read_ahead_kb")"
	is "t5: every byte is back" "$before" "$(pieces "$name")"
	exits 4 "t5: what a partition covers" trial --range 32M:16M --mode unmap
	mkdir -p /tmp/mounted
	mount "/dev/${name}1" /tmp/mounted
	exits 4 "t5: while a partition is mounted" trial --free --mode unmap
	umount /tmp/mounted
	is "t5: a refusal changes no mode" full "$(mode_of "$name")"

	before="$(pieces "$name")"

	# Stopped in the middle: the mode and every byte are back all the same.
	stopped_at=0
	for attempt in 1 2 3 4 5; do
		keelblock tune trim-test "/dev/$name" --confirm TRIM-TEST --range 128M:64M --mode unmap \
			--state-dir /tmp/state 2>/tmp/stopped >/dev/null &
		child=$!
		until ls /tmp/state/*.bytes >/dev/null 2>&1 || ! kill -0 "$child" 2>/dev/null; do
			usleep 1000
		done
		kill -TERM "$child" 2>/dev/null
		wait "$child"
		note "attempt $attempt ended with $?: $(head -n 1 /tmp/stopped)"
		if grep -q "stopped by a signal" /tmp/stopped; then
			stopped_at="$attempt"
			break
		fi
	done
	is "stopped: it was" yes "$([ "$stopped_at" != 0 ] && echo yes)"
	has "stopped: it says in which state the range is" "hold again what they held before" /tmp/stopped
	is "stopped: the mode is back" full "$(mode_of "$name")"
	is "stopped: read-ahead is back" 128 "$(cat "/sys/block/$name/queue/read_ahead_kb")"
	is "stopped: every byte is back" "$before" "$(pieces "$name")"
}

phase_2() {
	name="$(debug_disks)"
	sgdisk -n 1:2048:+64M "/dev/$name" >/dev/null
	before="$(pieces "$name")"
	check "reads as zeros" trial --free >/tmp/zeros
	has "reads as zeros: it says so" "reads as zeros" /tmp/zeros
	is "reads as zeros: every byte is back" "$before" "$(pieces "$name")"

	new_debug_disk dev_size_mb=256 lbpu=1 lbprz=2
	sgdisk -n 1:2048:+64M "/dev/$name" >/dev/null
	before="$(pieces "$name")"
	check "reads as a pattern of its own" trial --free >/tmp/pattern
	has "reads as a pattern of its own: it says so" "reads the same each time" /tmp/pattern
	is "reads as a pattern of its own: every byte is back" "$before" "$(pieces "$name")"

	# It unmaps nothing on the medium: what was written stays.
	new_debug_disk dev_size_mb=256 lbpu=1 lbprz=0
	sgdisk -n 1:2048:+64M "/dev/$name" >/dev/null
	exits 4 "takes the hint for nothing" trial --free >/tmp/nothing
	has "takes the hint for nothing: it says so" '"verdict": "ineffective"' /tmp/nothing

	# The drive says that it cannot, takes the command all the same and does nothing.
	new_debug_disk dev_size_mb=256 lbpu=0
	sgdisk -n 1:2048:+64M "/dev/$name" >/dev/null
	before="$(mode_of "$name")"
	exits 4 "claims nothing" trial --free --mode unmap >/tmp/claims
	has "claims nothing: it says so" '"verdict": "ineffective"' /tmp/claims
	is "claims nothing: the mode is back" "$before" "$(mode_of "$name")"

	# It takes little at a time, and whole pieces of 64 KiB only.
	new_debug_disk dev_size_mb=256 lbpu=1 lbprz=1 unmap_max_blocks=256 unmap_max_desc=1 unmap_granularity=128
	sgdisk -n 1:2048:+64M "/dev/$name" >/dev/null
	before="$(pieces "$name")"
	is "takes little: the kernel knows" 65536 "$(cat "/sys/block/$name/queue/discard_granularity")"
	check "takes little" trial --free >/tmp/little
	has "takes little: it reads as zeros" "reads as zeros" /tmp/little
	is "takes little: every byte is back" "$before" "$(pieces "$name")"
}
