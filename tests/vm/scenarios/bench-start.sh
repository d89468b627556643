# Measures what starting keelblock costs, and a probe of three disks: time, user, system, page faults.
#: machine macmini2018
#: bench

# hundred NAME COMMAND...: the mean of a hundred runs.
hundred() {
	name="$1"
	shift
	# shellcheck disable=SC2016
	time -o /tmp/time -f "%e %U %S %R" sh -c 'for _ in $(seq 100); do "$@" >/dev/null 2>&1 || exit; done' sh "$@" ||
		say "FAILED $name: exit $?"
	note "$(awk -v name="$name" '{ printf "%s: %.0f ms, user %.0f, system %.0f, %.0f page faults", name, $1 * 10, $2 * 10, $3 * 10, $4 / 100 }' /tmp/time)"
}

phase_1() {
	head -c 2097152 /dev/zero >/tmp/ends
	hundred "busybox true" busybox true
	hundred "keelblock --version" keelblock --version
	hundred "keelblock probe" keelblock probe --format json
	hundred "sha256sum of 2 MiB" sha256sum /tmp/ends
	hundred "sha256sum of nothing" sha256sum /dev/null
	check "probe" keelblock probe
}
