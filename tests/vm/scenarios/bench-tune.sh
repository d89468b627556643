# Measures what the profile of a T5 does for readers of mapped files, and for fsync beside a stream of writes.
#: machine tuningslow
#: bench
#: tools fio mkfs.ext4
#: module ext4
#: file tests/vm/configs/tuning-profiles.yaml /etc/profiles.yaml
#: timeout 2400

# number FILE AFTER KEY: the first number of this key after a line with this word, in fio's JSON.
number() {
	awk -v after="$2" -v key="\"$3\"" '
		index($0, after) { found = 1 }
		found && index($0, key " :") { gsub(/[^0-9.]/, "", $NF); print $NF; exit }' "$1"
}

sectors_read() {
	awk '{ print $3 }' "/sys/block/$(disk_name t5)/stat"
}

cached() {
	awk '/^Cached/ { print $2 }' /proc/meminfo
}

# readers LABEL MIB: four readers of one mapped file at random places, as databases do it.
readers() {
	echo 3 >/proc/sys/vm/drop_caches
	from="$(sectors_read)" before="$(cached)"
	fio --name=mapped --filename="/mnt/data$2" --ioengine=mmap --fadvise_hint=0 --rw=randread --bs=4k --numjobs=4 --thread --size="$2M" \
		--runtime=20 --time_based --group_reporting --output-format=json --output=/tmp/readers >/dev/null
	read_kib=$((($(sectors_read) - from) / 2)) grown=$(($(cached) - before))
	note "$1: readers of $2 MiB, mapped: $(number /tmp/readers '"read"' iops) reads a second, $((read_kib / 1024)) MiB from the disk, page cache grew by $((grown / 1024)) MiB"
}

# A log that is flushed after every record, beside a stream.
flushes() {
	rm -f /mnt/stream
	sync
	fio --name=stream --filename=/mnt/stream --rw=write --bs=1M --size=3G --runtime=40 --time_based \
		--output=/dev/null >/dev/null 2>&1 &
	stream=$!
	sleep 8
	fio --name=log --filename=/mnt/log --rw=write --bs=4k --size=64M --fsync=1 --runtime=25 --time_based \
		--output-format=json --output=/tmp/log >/dev/null
	dirty="$(awk '/^Dirty/ { print $2 }' /proc/meminfo)"
	wait "$stream"
	half="$(number /tmp/log '"sync"' 50.000000)" most="$(number /tmp/log '"sync"' 99.000000)"
	note "$1: fsync beside a stream: half within $((half / 1000000)) ms, 99 % within $((most / 1000000)) ms, $((dirty / 1024)) MiB dirty at its end"
}

phase_1() {
	mkfs.ext4 -q -E lazy_itable_init=0,nodiscard "$(disk t5)" 14G
	mkdir -p /mnt
	mount "$(disk t5)" /mnt
	# One that fits into memory, and one that does not.
	for size in 768 5120; do
		dd if=/dev/zero of="/mnt/data$size" bs=1M count="$size" 2>/dev/null
	done
	sync
	note "read-ahead $(cat "/sys/block/$(disk_name t5)/queue/read_ahead_kb") KiB, dirty ratio $(cat /proc/sys/vm/dirty_ratio) %"
	readers "without the profile" 768
	readers "without the profile" 5120
	flushes "without the profile"
	check "the profile is set" keelblock tune --profiles /etc/profiles.yaml
	# A filesystem takes the read-ahead over when it is mounted.
	umount /mnt
	mount "$(disk t5)" /mnt
	readers "with the profile" 768
	readers "with the profile" 5120
	flushes "with the profile"
}
