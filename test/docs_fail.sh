#!/bin/sh
# test/docs.sh can fail: each of its checks of names is shown a copy of the pages, the headers and the map with one
# mistake, and has to tell of it, and of nothing else.
set -u
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/.." || exit 1
build=$(realpath "${BUILD:-build}")
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

copy() {
    rm -rf "$work/tree"
    mkdir -p "$work/tree/built/man"
    cp -R include man test lib examples bench README.md "$work/tree" # README.md links to some of them
    cp "$build/man/kubeshim_kinds.7" "$work/tree/built/man"
    ln -s "$build/libkubeshim.so" "$work/tree/built/libkubeshim.so"
}

parts=--names
# breaks CHECK SCRIPT FILE: `sed SCRIPT` of FILE lets CHECK fail; further names of checks stand behind it, with | between.
breaks() {
    copy
    sed "$2" "$work/tree/$3" >"$work/new"
    if cmp -s "$work/new" "$work/tree/$3"; then
        echo "FAILED: nothing was changed in $3 by $2"
        failed=$((failed + 1))
        return
    fi
    cp "$work/new" "$work/tree/$3"
    sh "$work/tree/test/docs.sh" $parts built >"$work/out" 2>&1
    told=$(sed -n 's/^FAILED: //p' "$work/out" | paste -s -d'|')
    if [ "$told" = "$1" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $3, $2: \"$told\" in place of \"$1\""
    fi
}

copy
if sh "$work/tree/test/docs.sh" --html built >"$work/out" 2>&1; then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
    echo 'FAILED: a copy without a mistake'
    cat "$work/out"
fi

map='headers and lib/kubeshim.map agree'
symbols='headers and the symbols of the shared library agree'
named='every public function is in NAME of exactly one page'
on_page='every function is declared and described on its page, and on no other'
prototypes='the prototypes in SYNOPSIS are those of the headers'
linked='each function gets a link page'
nothing='pages and README.md name nothing that does not exist'

breaks "$map" '/kshim_loop_run;/d' lib/kubeshim.map
breaks "$map" 's/kshim_loop_run;/&\n\tkshim_loop_jump;/' lib/kubeshim.map
breaks "$named|$on_page|$linked" '/^\.Nm kshim_timer_set /d' man/kshim_timer.3
breaks "$prototypes" 's/^\.Fn kshim_timer_set ".*/.Fn kshim_timer_set "kshim_timer *timer" "int ms"/' man/kshim_timer.3
breaks "$nothing" 's/^A watch$/A kshim_watch_none/' man/kubeshim.7
breaks "$nothing" 's/kshim_error_copy/kshim_error_clone/' README.md
breaks "$map|$symbols|$named|$prototypes|$linked" 's/^KSHIM_END_DECLS/KSHIM_API void kshim_loop_jump(kshim_loop *loop);\n&/' \
    include/kubeshim/loop.h
breaks 'every constant is on a page|kubeshim_errors(7) tells of every code' 's/KSHIM_EHTTP = 23/KSHIM_ELATER = 24,\n\t&/' \
    include/kubeshim/error.h
breaks 'every constant is on a page' 's/KSHIM_CHANGE_ADDED,/&\n\tKSHIM_CHANGE_MOVED,/' include/kubeshim/cache.h
breaks 'comments in the headers name nothing that does not exist' 's/kshim_call_cancel(), or/kshim_call_stop(), or/' \
    include/kubeshim/error.h
breaks 'kubeshim_kinds(7) has every built-in kind' 's/^\.It Dv KSHIM_CRON_JOB$/.It Cron jobs/' built/man/kubeshim_kinds.7
breaks 'kubeshim_errors(7) tells of every code' '/^\.Dl the server doesn.t have/d' man/kubeshim_errors.7
breaks 'kubeshim_security(7) names tests that exist' 's/test_wrong_ca/test_wrong_cat/' man/kubeshim_security.7
parts=--html
breaks 'every .Xr leads somewhere|the pages as HTML, and the links between them' 's/^\.Xr kubeshim_loops 7/.Xr kubeshim_hoops 7/' \
    man/kshim_loop.3
breaks 'the pages as HTML, and the links between them' 's/Sx RETRIES/Sx REFLEXES/' man/kshim_client.3
parts=--names
breaks 'no empty line of an example is one that mandoc drops' 's/^$/\\\&/' man/kshim_timer.3
breaks 'every link in README.md leads somewhere' 's/(bench\/REPORT.md)/(bench\/RAPPORT.md)/' README.md
breaks 'README.md leads to every page' 's/(man\/kshim_timer.3)/(man\/kshim_loop.3)/' README.md

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
