#!/bin/bash
# What the examples ask of the kernel, seen by strace: no thread and no process,
# nothing that waits but the loop's one epoll descriptor, no descriptor that a
# program started meanwhile would inherit, nothing of the library's own on
# stdout or stderr. Ends with "N passed, N failed, N skipped".
set -u

build=${BUILD:-build}
kubeshim=${KUBESHIM:-$build/kubeshim}
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0 skipped=0

ok() { passed=$((passed + 1)); }
bad() {
	failed=$((failed + 1))
	echo "FAILED: $1"
	[ $# = 1 ] || printf '%s\n' "$2" | head -n 10 | sed 's/^/    /'
}
skip() {
	skipped=$((skipped + $1))
	echo "SKIPPED: $2"
}
finish() {
	echo "$passed passed, $failed failed, $skipped skipped"
	[ $failed = 0 ]
	exit
}

[ -n "${KUBECONFIG:-}" ] || { skip 1 'KUBECONFIG is not set, so there is no API server to test against'; finish; }
command -v strace >/dev/null || { skip 1 'there is no strace'; finish; }
strace -o /dev/null true 2>/dev/null || { skip 1 'strace may trace nothing here'; finish; }

# ---- rules: each prints the lines of a trace that break it

# strace writes "PID name(arguments) = result"; what a signal cuts in two is
# "PID name(… <unfinished ...>" and "PID <... name resumed>…".

no_thread_and_no_process() { grep -E '^[0-9]+ +(clone|clone3|fork|vfork)\(' "$1"; }

no_other_wait() {
	grep -E '^[0-9]+ +(select|pselect6|epoll_pwait2|nanosleep|clock_nanosleep|pause|sigsuspend|rt_sigsuspend|rt_sigtimedwait|wait4|waitid|io_getevents)\(' "$1"
	# a lock that is waited for, by a library of threads
	grep -E '^[0-9]+ +futex\([^,]*, FUTEX_(WAIT|LOCK)' "$1"
}

# libcurl looks at a socket with poll() before it reads (Curl_socket_check); it
# may look, never wait.
poll_never_waits() {
	grep -E '^[0-9]+ +poll\(' "$1" | grep -vE ', 0\) += '
	grep -E '^[0-9]+ +ppoll\(' "$1" | grep -vE '\{tv_sec=0, tv_nsec=0\}'
}

one_epoll() {
	local made
	made=$(grep -cE '^[0-9]+ +epoll_create1?\(' "$1")
	[ "$made" = 1 ] || echo "$made epoll descriptors were made"
	made=$(sed -nE 's/^[0-9]+ +epoll_create1\(EPOLL_CLOEXEC\) += ([0-9]+)$/\1/p' "$1")
	grep -qE "^[0-9]+ +epoll_p?wait\($made, .*, [1-9][0-9]*(, .*)?\) += " "$1" || echo "the loop never waited"
	grep -E '^[0-9]+ +epoll_(p?wait|ctl)\(' "$1" | grep -vE "epoll_(p?wait|ctl)\($made, "
}

# Descriptors that a fork and exec in another thread would pass on. Two libraries
# open files without O_CLOEXEC and close them at once: jansson its seed, OpenSSL
# its settings. libcurl's pair for curl_multi_wakeup() gets the flag from us.
close_on_exec() {
	awk '
	{ call = $2; sub(/\(.*/, "", call); fd = $NF }
	$0 !~ / = [0-9]+( |$)/ && call !~ /^(socketpair|pipe|fcntl)/ { next }
	call ~ /^(openat|open)$/ && !/O_CLOEXEC/ && !/"\/dev\/urandom"|\/openssl.cnf"/ { print }
	call ~ /^(socket|accept4|eventfd2|timerfd_create|signalfd4|inotify_init1|memfd_create|pidfd_open)$/ && !/CLOEXEC/ { print }
	call ~ /^(accept|dup|dup2|eventfd|inotify_init|pipe|creat|open_by_handle_at)$/ { print }
	call ~ /^(pipe2|dup3)$/ && !/CLOEXEC/ { print }
	/F_DUPFD,/ { print }
	call == "socketpair" && !/CLOEXEC/ {
		fds = $0; sub(/.*\[/, "", fds); sub(/\].*/, "", fds); split(fds, pair, ", ")
		open[pair[1]] = $0; open[pair[2]] = $0
	}
	/F_SETFD, FD_CLOEXEC/ { fd = $0; sub(/.*fcntl\(/, "", fd); sub(/,.*/, "", fd); delete open[fd] }
	END { for (fd in open) print open[fd] }' "$1"
}

# ---- the examples

check() { # EXAMPLE RULE
	local broken
	broken=$("$2" "$dir/$1.trace")
	if [ -z "$broken" ]; then ok; else bad "$1: ${2//_/ }" "$broken"; fi
}

rules='no_thread_and_no_process no_other_wait poll_never_waits one_epoll close_on_exec'

run() { # EXPECTED-OUTPUT EXAMPLE ARGUMENTS...
	local expected=$1 name=$2 rule status
	shift 2
	if [ ! -x "$build/examples/$name" ]; then
		skip 7 "$build/examples/$name is not built"
		return
	fi
	# its output is a file: what is printed is written at the end, all at once
	strace -f -qq -o "$dir/$name.trace" "$build/examples/$name" "$@" >"$dir/$name.out" 2>"$dir/$name.err" </dev/null
	status=$?
	if [ $status = 0 ]; then ok; else bad "$name $*: exit status $status" "$(cat "$dir/$name.err")"; fi
	if [ ! -s "$dir/$name.err" ] && ! grep -qvE "$expected" "$dir/$name.out"; then
		ok
	else
		bad "$name: says what no example says" "$(cat "$dir/$name.err"; grep -vE "$expected" "$dir/$name.out")"
	fi
	for rule in $rules; do
		check "$name" "$rule"
	done
}

# A rule that finds nothing in what breaks it is no rule.
breaks() { # RULE LINE...
	local rule=$1
	shift
	printf '%s\n' '1  epoll_create1(EPOLL_CLOEXEC) = 3' '1  epoll_wait(3, [], 64, 99) = 0' "$@" >"$dir/broken.trace"
	if [ -n "$("$rule" "$dir/broken.trace")" ]; then ok; else bad "the rule ${rule//_/ } allows: $*"; fi
}

breaks no_thread_and_no_process '1  clone3({flags=CLONE_VM|CLONE_THREAD}, 88) = 2'
breaks no_thread_and_no_process '1  vfork( <unfinished ...>'
breaks no_other_wait '1  clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=1, tv_nsec=0}, NULL) = 0'
breaks no_other_wait '1  select(4, [3], NULL, NULL, NULL) = 1 (in [3])'
breaks poll_never_waits '1  poll([{fd=6, events=POLLIN}], 1, 1000) = 0 (Timeout)'
breaks poll_never_waits '1  poll([{fd=6, events=POLLIN}], 1, -1 <unfinished ...>'
breaks one_epoll '1  epoll_create1(EPOLL_CLOEXEC) = 4'
breaks one_epoll '1  epoll_wait(4, [], 64, 5) = 0'
breaks close_on_exec '1  openat(AT_FDCWD, "/etc/x", O_RDONLY) = 5'
breaks close_on_exec '1  socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 5'
breaks close_on_exec '1  socketpair(AF_UNIX, SOCK_STREAM, 0, [6, 7]) = 0' '1  fcntl(6, F_SETFD, FD_CLOEXEC) = 0'
breaks close_on_exec '1  fcntl(3, F_DUPFD, 0) = 5'

# Nothing in the library can print: it does not even know how.
words=$(nm -A "$build/libkubeshim.a" 2>/dev/null |
	grep -E ' U (stdout|stderr|_IO_.*|printf|vprintf|__v?printf_chk|puts|putchar|fputs|fwrite|v?fprintf|__v?fprintf_chk|v?dprintf|perror|psignal|warn|err|syslog)$')
if [ -n "$words" ] || ! [ -f "$build/libkubeshim.a" ]; then bad 'the library prints' "$words"; else ok; fi

# What the examples work on.
prepare() {
	local tries=0
	"$kubeshim" apply -f "$root/test/cluster/dask-crds.yaml" || return 1
	until "$kubeshim" get daskclusters; do
		[ $((tries = tries + 1)) -lt 300 ] || return 1
		sleep 0.1
	done
	"$kubeshim" apply -f "$root/examples/demo.yaml"
}

run '^([a-z0-9.-]+ +[A-Za-z]*|[0-9]+ pods)$' list_pods kube-system
if prepare >"$dir/prepare" 2>&1; then
	name=strace-$$
	run "^created pod $name, uid [0-9a-f-]{36}\$" create_pod "$name"
	run '^scaled mydeployment to 2$' scale_deployment mydeployment 2
	run '^deleted$' delete_daskcluster mycluster
	"$kubeshim" delete "pod/$name" deployment/mydeployment >/dev/null 2>&1
else
	skip 21 "$kubeshim does not make what the other examples work on: $(tail -n 1 "$dir/prepare")"
fi
finish
