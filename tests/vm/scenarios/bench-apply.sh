# Measures apply against sgdisk, cryptsetup and mkfs.xfs on NVMe, and how long probe takes.
#: machine macmini2018
#: bench
#: tools cryptsetup sgdisk mkfs.vfat mkfs.xfs
#: module dm_crypt
#: module aesni_intel
#: module xts
#: module xfs
#: file tests/vm/configs/sealed.yaml /etc/sealed.yaml
#: timeout 1800

# Both sides: one EFI of 1101 MiB, META, STATE of 100 MiB and the rest sealed with Argon2id of 64 MiB, 4 passes, 1 lane, XFS in
# both. One lane, because cryptsetup takes no more than there are processors.
ours() {
	keelblock apply -c /tmp/node.yaml --layout uki --kdf-memory 64M --kdf-time 4 --kdf-lanes 1 --format json >/tmp/receipt 2>/dev/null
}

seal() {
	printf key | cryptsetup luksFormat -q --type luks2 --cipher aes-xts-plain64 --key-size 512 --sector-size 4096 \
		--pbkdf argon2id --pbkdf-memory 65536 --pbkdf-force-iterations 4 --pbkdf-parallel 1 --key-file=- "$1" &&
		printf key | cryptsetup open --key-file=- "$1" "$2" &&
		mkfs.xfs -q -f --unsupported "/dev/mapper/$2" &&
		cryptsetup close "$2"
}

theirs() {
	{
		sgdisk -n 1:0:+1101M -t 1:ef00 -c 1:EFI -n 2:0:+1M -c 2:META -n 3:0:+100M -c 3:STATE -n 4:0:0 -c 4:EPHEMERAL "$target" &&
			mkfs.vfat -n EFI "${target}p1" &&
			seal "${target}p3" STATE && seal "${target}p4" EPHEMERAL && sync
	} >/dev/null
}

blank() {
	sgdisk --zap-all "$target" >/dev/null 2>&1
	dd if=/dev/zero of="$target" bs=1M count=4 2>/dev/null
	for part in 1 2 3 4; do [ -b "${target}p$part" ] && dd if=/dev/zero of="${target}p$part" bs=1M count=1 2>/dev/null; done
	blockdev --rereadpt "$target"
	sync
	echo 3 >/proc/sys/vm/drop_caches
}

# Hundredths of a second since the boot.
now() {
	awk '{ print int($1 * 100 + 0.5) }' /proc/uptime
}

# took NAME COMMAND: appends the time to /tmp/NAME.
took() {
	start="$(now)"
	"$2" || say "FAILED $2: exit $?"
	echo "$(($(now) - start))" >>"/tmp/$1"
}

# Of an odd number of lines.
median() {
	sort -n "$1" | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'
}

hundred_probes() {
	for _ in $(seq 100); do keelblock probe --format json >/dev/null || return; done
}

phase_1() {
	target="$(disk internal)"
	sed 's|@SELECTOR@|diskSelector: {type: nvme}|' /etc/sealed.yaml >/tmp/node.yaml
	for pair in 1 2 3; do
		blank
		took ours ours
		blank
		took theirs theirs
		note "pair $pair: $(tail -n 1 /tmp/ours) and $(tail -n 1 /tmp/theirs) hundredths of a second"
	done
	took probe hundred_probes
	awk -F '"' '$2 == "name" { name = $4 } $2 == "seconds" { gsub(/[:, ]/, "", $3); if ($3 > 0.5) print $3, name }' /tmp/receipt |
		while read -r step; do note "the last apply, seconds: $step"; done
	note "apply $(median /tmp/ours), peers $(median /tmp/theirs), hundredths of a second, medians of three"
	note "ratio $(awk -v a="$(median /tmp/ours)" -v b="$(median /tmp/theirs)" 'BEGIN { printf "%.2f", a / b }')"
	note "probe $(awk '{ printf "%.1f ms", $1 / 10 }' /tmp/probe)"
	is "measurements" 3 "$(wc -l </tmp/ours)"
}
