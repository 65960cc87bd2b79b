# shellcheck shell=bash
# For the scripts of test/: what was checked is said and counted. They source it in the root of the source, use the
# folder $root, which goes away, and end with `summary`.
root=$(mktemp -d) || exit 1
trap 'rm -rf "$root"' EXIT
passed=0 failed=0 skipped=0
build=${BUILD:-build}
# the make that runs the tests has its own settings
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL BUILD

# check WHAT COMMAND...: fails as the command does.
check() {
	local what=$1
	shift
	if "$@" >"$root/log" 2>&1; then
		echo "ok - $what"
		passed=$((passed + 1))
	else
		echo "not ok - $what"
		sed 's/^/  /' "$root/log"
		failed=$((failed + 1))
		return 1
	fi
}

# skip WHAT WHY
skip() {
	echo "SKIPPED: $1: $2"
	skipped=$((skipped + 1))
}

have() { command -v "$1" >/dev/null; }

summary() {
	if [ $skipped != 0 ]; then
		echo "$passed passed, $failed failed, $skipped skipped"
	else
		echo "$passed passed, $failed failed"
	fi
	[ $failed = 0 ]
	exit
}
