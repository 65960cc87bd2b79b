#!/bin/bash
# The tarball and the Debian packages: made, looked at by lintian, and used in a clean root.
#
# The clean root holds nothing but what the packages depend on, and libc's headers. apt is asked what an empty system would
# take for them, and fetches that from the sources that this machine has (once: it stays in build/deb-root/). These are
# unpacked by dpkg-deb and entered in the root's own list of packages as installed; no script of theirs is run. Then
# dpkg itself installs ours there (dpkg --root), dependencies and all, the compiler builds against that root alone
# (--sysroot), and chroot runs what it made. Without root, unshare gives the user what looks like it.
set -u
cd "$(dirname "$0")/.." || exit 1
. test/checks.sh

version=$(sed -n 's/^VERSION := //p' Makefile)

versions_agree() {
	grep -q "^kubeshim ($version) " debian/changelog || { echo "debian/changelog does not begin with $version"; return 1; }
	[ "$(sed -n 's/^\([0-9.]*\), .*/\1/p' CHANGES | head -n 1)" = "$version" ] || { echo "CHANGES does not begin with $version"; return 1; }
	grep -q "^#define KSHIM_VERSION \"$version\"\$" include/kubeshim/version.h || { echo "version.h is not of $version"; return 1; }
}

# What a tarball's own `make dist` packs is the same again.
dist_repeats() {
	make --no-print-directory dist && tar -xzf "build/kubeshim-$version.tar.gz" -C "$root" || return
	(cd "$root/kubeshim-$version" && make --no-print-directory dist) || return
	diff <(tar -tzf "build/kubeshim-$version.tar.gz") <(tar -tzf "$root/kubeshim-$version/build/kubeshim-$version.tar.gz")
}

check "Makefile, version.h, CHANGES and debian/changelog name one version" versions_agree
check "make dist, and again from the tarball" dist_repeats
if ! have apt-get || ! have dpkg-buildpackage || ! have dh || ! have fakeroot; then
	skip "Debian packages" "dpkg-dev, debhelper or fakeroot is missing"
	summary
fi
check "make deb" make --no-print-directory deb || summary
debs=$(ls "$PWD"/build/deb/*.deb | grep -v dbgsym)
soname=$(sed -n 's/^SOVERSION := //p' Makefile)
check "runtime, development and tools, the first named by the soname" \
	diff <(printf '%s\n' kubeshim libkubeshim-dev "libkubeshim$soname") <(sed 's|.*/||; s/_.*//' <<<"$debs")
if have lintian; then
	check "lintian finds nothing" sh -c '! lintian --allow-root --fail-on error,warning build/deb/*.changes 2>&1 | grep .'
else
	skip "lintian" "not there"
fi

# ---- the clean root

arch=$(dpkg --print-architecture)
cache=$PWD/build/deb-root
clean=$root/clean
as_root=
[ "$(id -u)" = 0 ] || as_root='unshare --map-root-user'
if [ -n "$as_root" ] && ! $as_root true 2>/dev/null; then
	skip "a clean root" "chroot takes root, and unshare is not allowed"
	summary
fi

# In an empty system: apt_get OPTION...
apt_get() {
	# shellcheck disable=SC2086 # a list of words
	apt-get -y -qq --no-install-recommends -o Dir::State::status="$cache/status" -o Debug::NoLocking=1 \
		-o Dir::Cache::archives="$cache/archives" -o APT::Sandbox::User=root "$@" install $debs libc6-dev
}

fetch_dependencies() {
	mkdir -p "$cache/archives/partial" && : >"$cache/status" && apt_get --download-only
}

# Unpacks what apt would take, and enters it into the list of packages.
unpack_dependencies() {
	local deb
	mkdir -p "$clean/var/lib/dpkg/info" "$clean/var/lib/dpkg/updates" || return
	for deb in $(apt_get --simulate | sed -n '/kubeshim/d; s/^Inst \([^ ]*\) (\([^ ]*\) .*/\1_\2/p' | sed 's/:/%3a/g'); do
		deb=$(ls "$cache/archives/$deb"_*.deb) && dpkg-deb -x "$deb" "$clean" || return
		dpkg-deb -f "$deb" | sed 's/^Package: .*/&\nStatus: install ok installed/'
		echo
	done >"$clean/var/lib/dpkg/status"
}

install_ours() {
	# shellcheck disable=SC2086
	PATH=$PATH:/usr/sbin:/sbin $as_root dpkg --root="$clean" --force-not-root --log=/dev/null -i $debs &&
		[ "$(grep -c '^Package: .*kubeshim' "$clean/var/lib/dpkg/status")" = 3 ] &&
		! grep -A1 '^Package: .*kubeshim' "$clean/var/lib/dpkg/status" | grep '^Status:' | grep -v ' ok installed$'
}

multiarch=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
flags() { PKG_CONFIG_SYSROOT_DIR=$clean PKG_CONFIG_LIBDIR=$clean/usr/lib/$multiarch/pkgconfig:$clean/usr/share/pkgconfig pkg-config "$@"; }
# in_root KUBECONFIG COMMAND...
in_root() { env -i KUBECONFIG="$1" PATH="$PATH:/usr/sbin:/sbin" $as_root chroot "$clean" "${@:2}"; }

# build NAME CC FLAG...: of the examples that the package brings.
build() {
	local name=$1
	shift
	"$@" --sysroot="$clean" "$clean/usr/share/doc/libkubeshim-dev/examples/$name.c" -o "$clean/$name" $more
}

runs() {
	# there is no server for it, and it says why
	in_root /none "/$1" >"$root/out" 2>&1
	grep "^$1: KUBECONFIG: no such file: /none$" "$root/out" || { cat "$root/out"; return 1; }
}

lists_namespaces() {
	cp "$KUBECONFIG" "$clean/kubeconfig" && in_root /kubeconfig /usr/bin/kubeshim get namespaces -o name |
		grep '^namespace/kube-system$'
}

leaves_nothing() {
	PATH=$PATH:/usr/sbin:/sbin $as_root dpkg --root="$clean" --force-not-root --log=/dev/null --purge "libkubeshim$soname" libkubeshim-dev kubeshim &&
		! find "$clean/usr" "$clean/etc" -name '*kubeshim*' 2>/dev/null | grep .
}

if ! fetch_dependencies >"$root/log" 2>&1; then
	sed 's/^/  /' "$root/log" | tail -n 5
	skip "a clean root" "apt cannot fetch what the packages depend on"
	summary
fi
check "what they depend on is unpacked" unpack_dependencies
check "dpkg installs them in a clean root of $arch" install_ours || summary
more=$(flags --cflags --libs kubeshim)
check "pkg-config finds the library there" test -n "$more"
check "a program is built there, shared" build list_pods cc
check "and runs there" runs list_pods
more="$(flags --cflags kubeshim) -Wl,-Bstatic $(flags --libs-only-l kubeshim) -Wl,-Bdynamic $(flags --libs libcurl jansson yaml-0.1 openssl)"
check "a program is built there, static" build poll_loop cc
check "and runs there" runs poll_loop
check "the command line runs there" in_root /none /usr/bin/kubeshim --help
if [ -n "${KUBECONFIG:-}" ]; then
	check "and asks a server" lists_namespaces
else
	skip "the command line from the clean root" "KUBECONFIG is not set, so there is no API server to ask"
fi
check "a page of section 3 is there" test -s "$clean/usr/share/man/man3/kshim_loop_new.3.gz"
check "removed, they leave nothing" leaves_nothing
summary
