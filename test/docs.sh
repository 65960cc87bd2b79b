#!/bin/sh
# Checks the pages, README.md and the headers against each other, and compiles every example in them.
# usage: docs.sh [--names | --html] [BUILD], from anywhere; BUILD (default: build) holds libkubeshim.a. With --names, or
# --html for the HTML too, no example is compiled. test/docs_fail.sh shows that it can fail.
set -u
LC_ALL=C
export LC_ALL

cd "$(dirname "$0")/.." || exit 1
parts=
case ${1-} in
--*)
    parts=$1
    shift
    ;;
esac
build=${1:-build}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

CC=${CC:-cc}
CXX=${CXX:-c++}
passed=0 failed=0 skipped=0

# ok NAME FILE: passed if FILE, the complaints, is empty.
ok() {
    if [ -s "$2" ]; then
        failed=$((failed + 1))
        echo "FAILED: $1"
        sed 's/^/    /' "$2"
    else
        passed=$((passed + 1))
    fi
}

# only A B TEXT: the lines of A that are not in B, as complaints.
only() {
    sort -u "$1" >"$work/a"
    sort -u "$2" | comm -23 "$work/a" - | sed "s|\$|: $3|"
}

kinds=$build/man/kubeshim_kinds.7 # made from the rows
pages="$(ls man/*.[0-9]) $kinds"
section3=$(ls man/*.3)
headers=$(ls include/kubeshim/*.h)
adapters=$(ls include/kubeshim/adapters/*.h)
loops=man/kubeshim_loops.7 # the page of all adapters
modules='libcurl jansson yaml-0.1 openssl'
# shellcheck disable=SC2046,SC2086 # lists of words, here and below
set -- $(pkg-config --cflags $modules)
cflags="-Iinclude $*"

# module ADAPTER: what pkg-config calls its host.
module() {
    case $1 in
    glib) echo glib-2.0 ;;
    sd_event) echo libsystemd ;;
    *) echo "$1" ;;
    esac
}

# host FILE WHAT: sets $host_module to that of the adapter that FILE includes, or to nothing; fails, aloud, if it is
# not there.
host() {
    host_module=$(sed -n 's|^#include <kubeshim/adapters/\(.*\)\.h>|\1|p' "$1")
    [ -n "$host_module" ] || return 0
    host_module=$(module "$host_module")
    pkg-config --exists "$host_module" && return
    skipped=$((skipped + 1))
    echo "SKIPPED: $2: pkg-config knows no $host_module"
    return 1
}

# host_cflags: for a program that includes the adapter; the host's headers are not ours to complain about.
host_cflags() { [ -z "$host_module" ] || pkg-config --cflags "$host_module" | sed 's/-I *\([^ ]\)/-isystem \1/g'; }

# ---- What the headers declare: "function|prototype", and every name in them.

# code FILE...: without its comments.
code() {
    cat "$@" | awk '
        { text = text $0 "\n" }
        END {
            while ((at = index(text, "/*"))) {
                printf "%s ", substr(text, 1, at - 1)
                rest = substr(text, at + 2)
                text = substr(rest, index(rest, "*/") + 2)
            }
            printf "%s", text
        }'
}

# shellcheck disable=SC2086
code $headers | awk '
    { text = text $0 "\n" }
    END {
        gsub(/#define KSHIM_API[^\n]*/, "", text)
        gsub(/[ \t\n]+/, " ", text)
        while (match(text, /KSHIM_API /)) {
            text = substr(text, RSTART + RLENGTH)
            proto = substr(text, 1, index(text, ";") - 1)
            match(proto, /kshim_[a-z0-9_]+ ?\(/)
            name = substr(proto, RSTART, RLENGTH - 1)
            print name "|" proto
        }
    }' >"$work/protos"
cut -d'|' -f1 "$work/protos" | sort >"$work/functions"
# shellcheck disable=SC2086
code $headers $adapters | grep -o '\bkshim_[a-z0-9_]*\|\bKSHIM_[A-Z0-9_]*' | sort -u >"$work/names"
{
    ls man
    basename "$kinds"
} | sed -n 's/\.[0-9]$//p' | sort >"$work/pages"

[ "$(wc -l <"$work/functions")" -gt 100 ] || echo 'not even 100 functions were found in them' >"$work/out"
touch "$work/out"
ok 'the headers can be read' "$work/out"

uniq -d "$work/functions" | sed 's/$/: declared twice/' >"$work/out"
ok 'every public function is declared once' "$work/out"

for file in $headers $adapters; do
    grep -o '\bkshim_[a-z0-9_]*\|\bKSHIM_[A-Z0-9_]*' "$file" | grep -v '^kshim_$\|^KSHIM_$' | sort -u |
        comm -23 - "$work/names" | sed "s|\$|: in a comment of $file, but declared nowhere|"
done >"$work/out"
ok 'comments in the headers name nothing that does not exist' "$work/out"

# ---- The map of exported names.

sed -n 's/^[[:space:]]*\(kshim_[a-z0-9_]*\);.*/\1/p' lib/kubeshim.map | sort >"$work/exported"
{
    only "$work/functions" "$work/exported" 'declared in the headers, but not in lib/kubeshim.map'
    only "$work/exported" "$work/functions" 'in lib/kubeshim.map, but not declared in the headers'
    uniq -d "$work/exported" | sed 's/$/: twice in lib\/kubeshim.map/'
} >"$work/out"
ok 'headers and lib/kubeshim.map agree' "$work/out"

if [ -e "$build/libkubeshim.so" ]; then
    nm -D --defined-only "$build/libkubeshim.so" | sed -n 's/.* T \(kshim_[^@]*\).*/\1/p' | sort >"$work/symbols"
    {
        only "$work/functions" "$work/symbols" 'declared in the headers, but no symbol of the library'
        only "$work/symbols" "$work/functions" 'a symbol of the library, but not declared in the headers'
    } >"$work/out"
    ok 'headers and the symbols of the shared library agree' "$work/out"
fi

# ---- The pages.

# shellcheck disable=SC2086
mandoc -T lint -W warning $pages >"$work/out" 2>&1
ok 'the pages are clean to mandoc' "$work/out"

# shellcheck disable=SC2086
grep -n '^\\&$' $pages >"$work/out"
ok 'no empty line of an example is one that mandoc drops' "$work/out"

# Names in NAME, but for the page's own; "function page".
for page in $section3; do
    own=$(basename "$page" .3)
    awk -v own="$own" -v page="$page" '
        /^\.Sh /{ in_name = $2 == "NAME" }
        in_name && $1 == ".Nm" && $2 != own { print $2, page }' "$page"
done | sort >"$work/in_name"
cut -d' ' -f1 "$work/in_name" | sort >"$work/named"
{
    only "$work/functions" "$work/named" 'on no page (.Nm in NAME)'
    only "$work/named" "$work/functions" '.Nm in NAME, but no public function'
    uniq -d "$work/named" | sed 's/$/: in NAME of more than one page/'
} >"$work/out"
ok 'every public function is in NAME of exactly one page' "$work/out"

# .Fn and .Fo name what is on the page; other pages' functions are .Xr.
for page in $pages; do
    awk -v page="$page" '
        /^\.Sh /{ section = $2 }
        { line = $0; gsub(/"/, "", line); n = split(line, word, " ") }
        line ~ /^\./ {
            for (i = 1; i < n; i++)
                if (word[i] ~ /^\.?F[no]$/ && word[i + 1] ~ /^kshim_/)
                    print word[i + 1], page, section == "SYNOPSIS" ? "SYNOPSIS" : "text"
        }' "$page"
done | sort >"$work/fn"
grep -v " $loops " "$work/fn" | cut -d' ' -f1,2 | sort -u >"$work/fn_pages"
grep ' SYNOPSIS$' "$work/fn" | grep -v " $loops " | cut -d' ' -f1,2 | sort >"$work/fn_synopsis"
grep ' text$' "$work/fn" | grep -v " $loops " | cut -d' ' -f1,2 | sort -u >"$work/fn_text"
{
    only "$work/in_name" "$work/fn_synopsis" 'in NAME, but not in SYNOPSIS (.Fn or .Fo)'
    only "$work/in_name" "$work/fn_text" 'in NAME, but nowhere described (.Fn)'
    only "$work/fn_pages" "$work/in_name" '.Fn or .Fo, but not in NAME of this page (of others: .Xr)'
    uniq -d "$work/fn_synopsis" | sed 's/$/: twice in SYNOPSIS/'
} >"$work/out"
ok 'every function is declared and described on its page, and on no other' "$work/out"

# The prototypes in SYNOPSIS, in the form of $work/protos.
for page in $section3 $loops; do
    awk '
        function arguments(line,   out, arg) {
            out = ""
            while (match(line, /"[^"]*"|[^ "]+/)) {
                arg = substr(line, RSTART, RLENGTH)
                line = substr(line, RSTART + RLENGTH)
                gsub(/"/, "", arg)
                out = out (out == "" ? "" : ", ") arg
            }
            return out
        }
        function put(   text) {
            text = type " " name "(" args ")"
            gsub(/\* /, "*", text)
            print name "|" text
        }
        /^\.Sh /{ on = $2 == "SYNOPSIS" }
        !on { next }
        $1 == ".Ft" { type = arguments(substr($0, 5)); gsub(/, /, " ", type) }
        $1 == ".Fn" { name = $2; line = $0; sub(/^\.Fn +[^ ]+ */, "", line); args = arguments(line); put() }
        $1 == ".Fo" { name = $2; args = "" }
        $1 == ".Fa" { args = args (args == "" ? "" : ", ") arguments(substr($0, 5)) }
        $1 == ".Fc" { put() }' "$page"
done | sort >"$work/synopses"
# An adapter's functions that end in _ready are for its host.
# shellcheck disable=SC2086
sed -n 's/^static inline \(.*)\)$/\1/p' $adapters | sed 's/^[^(]*\(kshim_[a-z_]*\)(.*/\1|&/; s/(/ (/; s/ (/(/' |
    grep -v '_ready|' | sort >"$work/adapting"
{
    [ "$(wc -l <"$work/adapting")" -ge 8 ] || echo 'not even 8 functions were found in the adapters'
    cut -d'|' -f1 "$work/adapting" | while read -r name; do
        grep -q "^\.F[no] $name" "$loops" || echo "$name: not on $loops"
    done
    grep " $loops SYNOPSIS$" "$work/fn" | cut -d' ' -f1 | sort >"$work/a"
    grep " $loops text$" "$work/fn" | cut -d' ' -f1 | sort -u >"$work/b"
    only "$work/a" "$work/b" "in SYNOPSIS, but nowhere described on $loops"
} >"$work/out"
ok 'every function of an adapter is described' "$work/out"
sort "$work/protos" "$work/adapting" >"$work/sorted"
{
    only "$work/sorted" "$work/synopses" 'the headers have this, no SYNOPSIS does' | cut -d'|' -f2
    only "$work/synopses" "$work/sorted" 'a SYNOPSIS has this, the headers do not' | cut -d'|' -f2
} >"$work/out"
ok 'the prototypes in SYNOPSIS are those of the headers' "$work/out"

# Any word that looks like one of our names is one.
for file in $pages README.md; do
    sed '/^\.Dt /d' "$file" | grep -o '\bkshim_[a-z0-9_]*\|\bKSHIM_[A-Z0-9_]*' | grep -v '^kshim_$\|^KSHIM_$\|^KSHIM_TEST_' |
        sort -u >"$work/words"
    sort -u "$work/names" "$work/pages" | comm -23 "$work/words" - | sed "s|\$|: in $file, but in no header|"
done >"$work/out"
ok 'pages and README.md name nothing that does not exist' "$work/out"

# Every name that a program may write is explained somewhere: constants too.
# Include guards, and what the headers themselves are made with, are no such names.
# shellcheck disable=SC2086
cat $pages | grep -o '\bKSHIM_[A-Z0-9_]*' | sort -u >"$work/words"
grep '^KSHIM_' "$work/names" |
    grep -v '^KSHIM_[A-Z_]*_H$\|^KSHIM_API$\|^KSHIM_BEGIN_DECLS$\|^KSHIM_END_DECLS$\|^KSHIM_KIND_\|^KSHIM_VERSION_' |
    comm -23 - "$work/words" | sed 's/$/: in the headers, but on no page/' >"$work/out"
ok 'every constant is on a page' "$work/out"

# What is made from the rows has all of them, and each code of an error its cause and a message.
sed -n 's/^#define \(KSHIM_[A-Z_]*\) kshim_kind_builtin(.*/\1/p' include/kubeshim/kind.h | sort >"$work/a_kinds"
sed -n 's/^\.It Dv \(KSHIM_[A-Z_]*\)$/\1/p' "$kinds" | sort >"$work/b_kinds"
{
    only "$work/a_kinds" "$work/b_kinds" "in include/kubeshim/kind.h, but not on $kinds"
    only "$work/b_kinds" "$work/a_kinds" "on $kinds, but not in include/kubeshim/kind.h"
    uniq -d "$work/b_kinds" | sed "s|\$|: twice on $kinds|"
} >"$work/out"
ok 'kubeshim_kinds(7) has every built-in kind' "$work/out"

code include/kubeshim/error.h | sed -n 's/^[[:space:]]*\(KSHIM_E[A-Z]*\) = [0-9]*.*/\1/p' | sort >"$work/a_codes"
awk '/^\./ { on = on && !/^\.(It|El|Ss|Sh)/ }
    /^\.It Dv KSHIM_E[A-Z]*$/ { code = $3; text = 0; on = 1; next }
    on && !/^\./ { text++ }
    on && /^\.Dl / && text { print code }
    on && code == "KSHIM_EHTTP" && text == 1 { print code }' man/kubeshim_errors.7 | sort -u >"$work/b_codes"
{
    [ -s "$work/a_codes" ] || echo 'no code was found in include/kubeshim/error.h'
    only "$work/a_codes" "$work/b_codes" 'on man/kubeshim_errors.7 without a cause and a message (.It, text, .Dl)'
    only "$work/b_codes" "$work/a_codes" 'on man/kubeshim_errors.7, but not in include/kubeshim/error.h'
} >"$work/out"
ok 'kubeshim_errors(7) tells of every code' "$work/out"

# What is promised names tests that exist.
awk '$1 == ".Pa" { file = $2; print file "|" }
    $1 == ".Ql" && $2 ~ /^[a-z_]+$/ && $3 !~ /[a-z]/ && file { print file "|" $2 }
    /^\.(It|Ss|Sh)/ { file = "" }' man/kubeshim_security.7 | grep '^test/.*/\|^test/.*\.\|^lib/' >"$work/promised"
{
    [ "$(grep -c '|test_' "$work/promised")" -ge 10 ] || echo 'not even 10 tests were found on it'
    while IFS='|' read -r file name; do
        [ -e "$file" ] || echo "$file: on man/kubeshim_security.7, but not there"
        [ -z "$name" ] || grep -q "^static void $name(" "$file" || echo "$name: no test in $file, says man/kubeshim_security.7"
    done <"$work/promised"
} >"$work/out"
ok 'kubeshim_security(7) names tests that exist' "$work/out"

# .Xr of ours leads somewhere.
for page in $pages; do
    awk -v page="$page" '
        /^\./ { for (i = 1; i < NF; i++) if ($i ~ /^\.?Xr$/ && $(i + 1) ~ /^k(shim_|ubeshim)/) print $(i + 1) "." $(i + 2) }
        ' "$page" | sort -u >"$work/refs"
    {
        sed 's/$/.3/' "$work/named"
        ls man
        basename "$kinds"
    } | sort -u | comm -23 "$work/refs" - | sed "s|\$|: .Xr in $page leads nowhere|"
done >"$work/out"
ok 'every .Xr leads somewhere' "$work/out"

# Links in README.md.
grep -o '](\([^)#]*\)' README.md | sed 's/^](//' | grep -v '^[a-z]*://' | while read -r target; do
    [ -e "$target" ] || echo "$target: linked in README.md, but not there"
done >"$work/out"
ok 'every link in README.md leads somewhere' "$work/out"

for page in man/*.[37]; do
    grep -q "$page" README.md || echo "$page: not mentioned in README.md"
done >"$work/out"
ok 'README.md leads to every page' "$work/out"

sh man/links.sh "$work/installed" >"$work/out" 2>&1 || echo 'links.sh failed' >>"$work/out"
sed 's/$/.3/' "$work/functions" | sort >"$work/wanted"
ls "$work/installed/man3" 2>/dev/null | sort >"$work/made"
{
    only "$work/wanted" "$work/made" 'links.sh makes no link page'
    only "$work/made" "$work/wanted" 'links.sh makes a link page of no function'
    for link in "$work"/installed/man3/*; do
        target=$(sed -n 's|^\.so man3/||p' "$link" 2>/dev/null)
        [ -f "man/${target:-none}" ] || echo "$(basename "$link"): leads to no page"
    done
} >>"$work/out"
ok 'each function gets a link page' "$work/out"

finish() {
    if [ $skipped != 0 ]; then
        echo "$passed passed, $failed failed, $skipped skipped"
    else
        echo "$passed passed, $failed failed"
    fi
    [ "$failed" = 0 ]
    exit
}
[ "$parts" != --names ] || finish

# As HTML: links between the pages lead somewhere, to the place too.
sh man/html.sh "$work/html" "$kinds" >"$work/out" 2>&1 && : >"$work/out"
for page in $pages; do
    [ -s "$work/html/$(basename "$page").html" ] || echo "$page: not made"
done >>"$work/out"
grep -o 'href="[^"]*"' "$work"/html/*.html | sed 's|^.*/\([^/]*\):href="\(.*\)"$|\1 \2|' | grep -v ' [a-z]*:' | sort -u |
    while read -r page target; do
        file=${target%%#*}
        file=${file:-$page}
        [ -e "$work/html/$file" ] || echo "$page: leads to $target, which is not there"
        [ "$file" = "$target" ] || grep -q "id=\"${target#*#}\"" "$work/html/$file" ||
            echo "$page: leads to $target, which has no such place"
    done >>"$work/out"
ok 'the pages as HTML, and the links between them' "$work/out"

[ "$parts" != --html ] || finish

# ---- Examples: each into a file NAME.c, if it begins with #include.

mkdir "$work/examples"
for page in $pages; do
    awk -v out="$work/examples/$(basename "$page")" '
        /^\.Sh /{ on = $2 == "EXAMPLES" || $2 == "FIRST" }
        on && /^\.Bd -literal/ { file = out "-" ++count ".c"; next }
        file && /^\.Ed/ { close(file); file = "" }
        file { sub(/^\\&/, ""); gsub(/\\e/, "\\"); print >file }' "$page"
done
awk -v out="$work/examples/README" '
    file && /^```/ { close(file); file = ""; next }
    /^```c$/ { file = out "-" ++count ".c"; next }
    file { print >file }' README.md
examples=
for file in "$work"/examples/*.c; do
    case $(grep -m 1 . "$file") in
    '#include'*) examples="$examples $file" ;;
    esac
done
for page in $section3 man/kubeshim.7 README.md; do
    case $examples in
    *"$(basename "$page" .md)"-*) ;;
    *) echo "$page: no example that begins with #include" ;;
    esac
done >"$work/out"
ok 'every page of section 3, kubeshim.7 and README.md have an example' "$work/out"

libs=$(pkg-config --libs $modules)
for file in $examples; do
    name=$(basename "$file" .c)
    host "$file" "the example $name" || continue
    # shellcheck disable=SC2046,SC2086
    "$CC" -std=c11 ${host_module:+-D_GNU_SOURCE} -Wall -Wextra -Werror -fsyntax-only $cflags $(host_cflags) "$file" >"$work/out" 2>&1 ||
        echo "$name does not compile" >>"$work/out"
    ok "the example $name compiles" "$work/out"
    grep -q '^int main(' "$file" || continue
    # shellcheck disable=SC2046,SC2086
    "$CC" -std=c11 ${host_module:+-D_GNU_SOURCE} $cflags $(host_cflags) "$file" "$build/libkubeshim.a" $libs \
        $([ -z "$host_module" ] || pkg-config --libs "$host_module") -o "$work/program" >"$work/out" 2>&1 ||
        echo "$name does not link" >>"$work/out"
    ok "the example $name links with $build/libkubeshim.a" "$work/out"
done

# ---- Each header alone.

# libuv's own header takes what -std=c99 alone hides.
for header in $headers $adapters; do
    name=${header#include/}
    echo "#include <$name>" >"$work/alone.c"
    echo 'typedef int not_empty;' >>"$work/alone.c"
    cp "$work/alone.c" "$work/alone.cc"
    host "$work/alone.c" "<$name> alone" || continue
    # shellcheck disable=SC2046,SC2086
    "$CC" -std=c99 ${host_module:+-D_GNU_SOURCE} -pedantic -Wall -Wextra -Wstrict-prototypes -Werror -fsyntax-only \
        $cflags $(host_cflags) "$work/alone.c" >"$work/out" 2>&1 || echo 'failed' >>"$work/out"
    ok "<$name> compiles alone as C99" "$work/out"
    # shellcheck disable=SC2046,SC2086
    "$CXX" -std=c++11 -pedantic -Wall -Wextra -Werror -fsyntax-only $cflags $(host_cflags) "$work/alone.cc" \
        >"$work/out" 2>&1 || echo 'failed' >>"$work/out"
    ok "<$name> compiles alone as C++" "$work/out"
done

finish
