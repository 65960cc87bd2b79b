#!/bin/sh
# Ensures what kubeshim needs to be built (setup.sh build), tested (setup.sh test) or made Debian packages of (setup.sh
# deb), what only some tests need (setup.sh more), or the node of the test cluster (setup.sh node). Silent when all is
# there.
set -u

# Debian's packages, and the same as programs and pkg-config modules for other systems.
build_packages='build-essential pkg-config libcurl4-openssl-dev libjansson-dev libyaml-dev libssl-dev'
build_programs='cc make pkg-config'
build_modules='libcurl jansson yaml-0.1 openssl'
test_packages='libcmocka-dev libnghttp2-dev mandoc valgrind strace openssl curl ca-certificates'
test_programs='mandoc valgrind strace openssl curl flock setsid'
test_modules='cmocka libnghttp2'
deb_packages='debhelper dpkg-dev fakeroot'
more_packages='libuv1-dev libevent-dev libglib2.0-dev libsystemd-dev nghttp2-client lintian clang cmake abigail-tools'
node_programs='containerd ctr runc busybox ip'

say() { echo "setup: $*" >&2; }
die() {
    say "$*"
    exit 1
}
have() { command -v "$1" >/dev/null; }

careful=
case ${1-} in
build)
    packages=$build_packages programs=$build_programs modules=$build_modules
    ;;
test)
    packages="$build_packages $test_packages"
    programs="$build_programs $test_programs"
    modules="$build_modules $test_modules"
    ;;
deb)
    have apt-get || die 'Debian packages are built on Debian'
    packages="$build_packages $deb_packages" programs='' modules=''
    ;;
more)
    # tests of what is missing say so
    if ! have apt-get || { [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; }; then
        exit 0
    fi
    packages="$deb_packages $more_packages" programs='' modules='' careful=--no-remove
    ;;
node)
    if [ "$(id -u)" != 0 ]; then
        say "a node takes root: nothing installed for it"
        exit 0
    fi
    PATH=$PATH:/usr/sbin:/sbin
    # Another containerd than Debian's, such as Docker's, does as well, and does not go together with that.
    packages='' programs=$node_programs modules='' careful=--no-remove
    { have containerd && have ctr; } || packages="$packages containerd"
    have runc || packages="$packages runc"
    { have busybox && ! ldd "$(command -v busybox)" >/dev/null 2>&1; } || packages="$packages busybox-static"
    have ip || packages="$packages iproute2"
    [ -x /opt/cni/bin/ptp ] || packages="$packages containernetworking-plugins"
    ;;
*)
    echo 'usage: setup.sh build|test|deb|more|node' >&2
    exit 2
    ;;
esac
[ $# = 1 ] || die "one argument, please: build, test, deb, more or node"

# The control plane of the live tests is built with Go, unless it is there already. Go older than 1.21 cannot
# fetch the newer one that this takes.
needs_go() {
    [ "$1" = test ] && [ -z "${KUBEBUILDER_ASSETS:-}${KSHIM_TEST_KUBECONFIG:-}" ] &&
        ! { have go && at_least_1_21 "$(GOTOOLCHAIN=local go env GOVERSION)"; } &&
        ! "$(dirname "$0")/cluster/cluster" build >/dev/null 2>&1
}

at_least_1_21() { printf '%s\n' 1.21 "${1#go}" | sort -V -C; }

other_system() {
    missing=
    for program in $programs; do
        have "$program" || missing="$missing $program"
    done
    for module in $modules; do
        pkg-config --exists "$module" 2>/dev/null || missing="$missing $module.pc"
    done
    ! needs_go "$1" || missing="$missing go"
    [ -z "$missing" ] || die "not a Debian system; please install what has these programs and pkg-config modules:$missing"
}

missing_packages() {
    # shellcheck disable=SC2086 # a list of words
    dpkg-query -W -f '${Package} ${db:Status-Status}\n' $packages 2>/dev/null |
        awk -v wanted="$packages" '
            $2 == "installed" { there[$1] = 1 }
            END {
                n = split(wanted, names)
                for (i = 1; i <= n; i++)
                    if (!(names[i] in there)) printf " %s", names[i]
            }'
}

apt() { $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" >&2; }

# Debian's suite of backports serves one where the release's own is too old; it is not added to apt's sources.
install_go() {
    suite='' extra=''
    version=$(apt-cache policy golang-go | sed -n 's/^ *Candidate: \(.*:\)\{0,1\}\([0-9][0-9.]*\).*/\2/p')
    if [ -z "$version" ] || ! at_least_1_21 "$version"; then
        # shellcheck disable=SC1091 # it is beside this
        . "$(dirname "$0")/backports.sh"
        line=$(backports)
        suite=$(echo "$line" | cut -d' ' -f3)
        [ -n "$line" ] || die "no Go of 1.21 or later in PATH, and none in Debian here: please install Go 1.21 or later"
        extra=$(mktemp) || exit 1
        trap 'rm -f "$extra"' EXIT
        cat /etc/apt/sources.list >"$extra" 2>/dev/null
        echo "$line" >>"$extra"
        chmod 644 "$extra"
        say "Debian's own Go is too old: taking it from $suite"
        apt -o Dir::Etc::sourcelist="$extra" update || die "apt-get update failed"
    fi
    apt ${extra:+-o Dir::Etc::sourcelist="$extra"} install -y --no-install-recommends ${suite:+-t "$suite"} golang-go ||
        die "could not install Go: please put Go 1.21 or later into PATH"
}

if ! have dpkg-query || ! have apt-get; then
    other_system "$1"
    exit 0
fi

missing=$(missing_packages)
go=
! needs_go "$1" || go=' golang-go'
[ -n "$missing$go" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    sudo=
elif have sudo && sudo -n true 2>/dev/null; then
    sudo='sudo -n'
else
    die "please run as root: apt-get install$missing$go${go:+ (of 1.21 or later)}"
fi

say "installing with apt-get:$missing$go"
apt update || die "apt-get update failed"
if [ -n "$missing" ]; then
    # shellcheck disable=SC2086 # a list of words
    apt install -y --no-install-recommends $careful $missing || die "apt-get could not install:$missing"
fi
[ -z "$go" ] || install_go
