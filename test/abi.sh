#!/bin/bash
# The shared library against that of the last tag: what was there is there still, as it was (abidiff; additions are fine).
# With another soname anything may change.
set -u
cd "$(dirname "$0")/.." || exit 1
. test/checks.sh

what="the binary interface, against the last tag"
have abidiff || { skip "$what" "there is no abidiff"; summary; }
tag=$(git describe --tags --abbrev=0 2>/dev/null) || { skip "$what" "there is no tag"; summary; }
old=build/abi/$tag

build_old() {
	[ ! -e "$old/done" ] || return 0
	rm -rf "$old" && mkdir -p "$old" && git archive "$tag" | tar -x -C "$old" &&
		make --no-print-directory -C "$old" -j2 CFLAGS='-O1 -g' && touch "$old/done"
}

soname() { readelf -d "$1" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p'; }

keeps_the_interface() {
	abidiff --no-added-syms --headers-dir1 "$old/include" --headers-dir2 include "$old/build/libkubeshim.so" \
		build/abi/new/libkubeshim.so
}

check "$tag is built" build_old || summary
check "this is built" make --no-print-directory -j2 BUILD=build/abi/new CFLAGS='-O1 -g' || summary
if [ "$(soname "$old/build/libkubeshim.so")" != "$(soname build/abi/new/libkubeshim.so)" ]; then
	skip "$what" "the soname is another"
else
	check "nothing that $tag had is gone or changed" keeps_the_interface
fi
summary
