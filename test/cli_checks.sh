# The checks of the command line's scripts in test/live, which read this file: the
# program, a directory of their own, and what counts. The script defines remove(),
# which deletes what it made in the cluster.
# shellcheck shell=bash
set -u

kubeshim=${KUBESHIM:-build/kubeshim}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
passed=0 failed=0 skipped=0

[ -n "${KUBECONFIG:-}" ] || {
	echo 'SKIPPED: KUBECONFIG is not set, so there is no API server to test against'
	echo '0 passed, 0 failed, 1 skipped'
	exit 0
}
[ -x "$kubeshim" ] || {
	echo "there is no program $kubeshim"
	exit 1
}
kubeshim=$(realpath "$kubeshim")
dir=$(mktemp -d) || exit 1
cd "$dir" || exit 1

cleanup() {
	remove >/dev/null 2>&1
	[ -z "${dir:-}" ] || rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

# result NAME WRONG: an empty WRONG is a success.
result() {
	local number=$((passed + failed + skipped + 1))

	if [ -z "$2" ]; then
		passed=$((passed + 1))
		echo "ok $number - $1"
	else
		failed=$((failed + 1))
		echo "not ok $number - $1"
		printf '%s\n' "$2" | head -n 20 | sed 's/^/# /'
	fi
}

# t NAME STATUS OUT ERR ARGUMENT...: runs the program; OUT and ERR are patterns of
# the shell for the whole of stdout and stderr. $input is its standard input.
input=/dev/null
t() {
	local name=$1 status=$2 out=$3 err=$4 wrong='' got_out got_err got

	shift 4
	timeout 60 "$kubeshim" "$@" <"$input" >out 2>err
	got=$?
	got_out=$(cat out) got_err=$(cat err)
	[ $got = "$status" ] || wrong+="status $got instead of $status"$'\n'
	# shellcheck disable=SC2053 # patterns
	[[ $got_out == $out ]] || wrong+="stdout: $got_out"$'\n'"  wanted: $out"$'\n'
	# shellcheck disable=SC2053
	[[ $got_err == $err ]] || wrong+="stderr: $got_err"$'\n'"  wanted: $err"$'\n'
	result "$name" "$wrong"
}

# same NAME WANTED GOT
same() {
	local wrong="$3"$'\n'"  wanted: $2"

	[ "$2" != "$3" ] || wrong=''
	result "$1" "$wrong"
}

# until_true COMMAND...: for half a minute at most; what comes next shows whether it is.
until_true() {
	local tries=0

	until [ $tries = 300 ] || "$@" >/dev/null 2>&1; do
		sleep 0.1
		tries=$((tries + 1))
	done
}

# The checks can fail: each of these has to be counted as wrong.
for wrong in "9 * *" "0 nothing *" "0 * nothing"; do
	set -f
	# shellcheck disable=SC2086
	[[ $(t 'self test' $wrong version --client) == 'not ok'* ]] && wrong= || wrong="not noticed: $wrong"
	set +f
	result 'a check can fail' "$wrong"
done

# skip WHY: one check that cannot be made here.
skip() {
	skipped=$((skipped + 1))
	echo "SKIPPED: $1"
}

# The last line; fails if anything did.
finish() {
	if [ $skipped != 0 ]; then
		echo "$passed passed, $failed failed, $skipped skipped"
	else
		echo "$passed passed, $failed failed"
	fi
	[ $failed = 0 ]
}
