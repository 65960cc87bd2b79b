#!/bin/bash
# Another compiler's warnings: all that is built, and the tests, by clang with -Werror.
set -u
cd "$(dirname "$0")/.." || exit 1
. test/checks.sh

have clang || { skip "clang" "not there"; summary; }
make_all() {
	make --no-print-directory -j2 BUILD=build/clang CC=clang CFLAGS='-O0 -Werror' "$@"
}
check "clang builds the library, the examples and the command line without a warning" make_all all
check "clang builds the tests without a warning" make_all check-programs
check "and what it built runs" build/clang/test/unit/test_loop
summary
