#!/bin/bash
# Installs into a folder and uses what is there as another project would: through pkg-config, shared and static,
# from C, C++ and CMake.
set -u
cd "$(dirname "$0")/.." || exit 1
. test/checks.sh

exports_only_kshim() {
	local others
	others=$(nm -D --defined-only "$root/opt/kubeshim/lib/libkubeshim.so" | awk '{ print $3 }' | grep -vE '^(kshim_|KUBESHIM_)' |
		grep -v '^$')
	[ -z "$others" ] || { echo "$others"; return 1; }
	nm -D --defined-only "$root/opt/kubeshim/lib/libkubeshim.so" | grep -q ' kshim_loop_new'
}

static_names_are_ours() {
	! nm -g --defined-only "$root/opt/kubeshim/lib/libkubeshim.a" 2>/dev/null | awk 'NF == 3 { print $3 }' | grep -vE '^kshim_'
}

no_writable_globals() {
	# what no_memory says is never written to: see lib/error.c
	! objdump -t "$root/opt/kubeshim/lib/libkubeshim.a" 2>/dev/null | grep -E ' O (\.data|\.bss|\.data\.rel\.local|\*COM\*)[[:space:]]' |
		grep -v no_memory
}

check "make install" make --no-print-directory BUILD="$build" install DESTDIR= PREFIX="$root/opt/kubeshim"
export PKG_CONFIG_PATH=$root/opt/kubeshim/lib/pkgconfig
cat >"$root/program.c" <<'END'
#include <kubeshim/kubeshim.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	kshim_loop *loop = kshim_loop_new();

	kshim_loop_run(loop);
	kshim_loop_free(loop);
	puts(kshim_version());
	return strcmp(kshim_version(), KSHIM_VERSION) != 0;
}
END
cp "$root/program.c" "$root/program.cc"
flags() { pkg-config "$@" kubeshim; }
check "a program links with the shared library" cc "$root/program.c" $(flags --cflags --libs) -o "$root/shared"
check "and runs" env LD_LIBRARY_PATH="$root/opt/kubeshim/lib" "$root/shared"
check "a program links with the static library" cc "$root/program.c" $(flags --cflags) "$root/opt/kubeshim/lib/libkubeshim.a" \
	$(pkg-config --libs libcurl jansson yaml-0.1 openssl) -o "$root/static"
check "and runs" "$root/static"
check "a C++ program links" c++ "$root/program.cc" $(flags --cflags --libs) -o "$root/cxx"
check "the soname is versioned" sh -c "readelf -d '$root/opt/kubeshim/lib/libkubeshim.so' | grep -q 'SONAME.*libkubeshim.so.0'"
check "the shared library exports kshim_ names alone" exports_only_kshim
check "the static library's names are ours" static_names_are_ours
check "there is no mutable global" no_writable_globals
for adapter in include/kubeshim/adapters/*.h; do
	check "$(basename "$adapter") is installed" cmp "$adapter" "$root/opt/kubeshim/$adapter"
done
check "pages are found" test -s "$root/opt/kubeshim/share/man/man3/kshim_loop_new.3"
check "the page that is made from the kinds is there" test -s "$root/opt/kubeshim/share/man/man7/kubeshim_kinds.7"
check "the command line is there" test -x "$root/opt/kubeshim/bin/kubeshim"

# README.md's lines for CMake, in the smallest project.
cmake_program() {
	mkdir "$root/cmake" && {
		echo 'cmake_minimum_required(VERSION 3.18)'
		echo 'project(example C)'
		echo 'add_executable(program ../program.c)'
		sed -n '/^```cmake$/,/^```$/{/^```/d;p}' README.md
	} >"$root/cmake/CMakeLists.txt" || return
	grep -q kubeshim "$root/cmake/CMakeLists.txt" || { echo 'README.md has no lines for CMake'; return 1; }
	cmake -S "$root/cmake" -B "$root/cmake/build" && cmake --build "$root/cmake/build" &&
		LD_LIBRARY_PATH=$root/opt/kubeshim/lib "$root/cmake/build/program"
}
if have cmake; then
	check "a CMake project finds it, builds and runs" cmake_program
else
	skip "CMake" "there is no cmake"
fi
summary
