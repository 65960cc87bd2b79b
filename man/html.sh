#!/bin/sh
# html.sh DIR [PAGE...]: the pages of this folder, and PAGE, as HTML in DIR, with links between them and an index.
# A function's name in .Xr leads to the page it stands on.
set -eu

[ $# -ge 1 ] || {
    echo 'usage: html.sh DIR [PAGE...]' >&2
    exit 2
}
out=$1
shift
pages=$(dirname "$0")
mkdir -p "$out"
cp "$pages/style.css" "$out/style.css"

for page in "$pages"/*.[0-9] "$@"; do
    mandoc -T html -O style=style.css,man=%N.%S.html "$page" >"$out/$(basename "$page").html"
done

# "kshim_query_list.3.html kshim_query.3.html#kshim_query_list": where a function is found, if not on a page of its own
# name; the place on the page, if mandoc made one.
for page in "$pages"/*.3; do
    own=$(basename "$page" .3)
    awk -v own="$own" '/^\.Sh /{ in_name = $2 == "NAME" } in_name && $1 == ".Nm" && $2 != own { print $2 }' "$page" |
        while read -r name; do
            place=
            ! grep -q "id=\"$name\"" "$out/$own.3.html" || place="#$name"
            echo "$name.3.html $own.3.html$place"
        done
done >"$out/.moved"

{
    echo '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>kubeshim</title>'
    echo '<link rel="stylesheet" href="style.css"></head><body><h1>kubeshim</h1><dl class="index">'
    for page in "$pages"/*.[0-9] "$@"; do
        echo "$(basename "$page") $page"
    done | sed 's/^\(.*\)\.\([0-9]\) /\2 \1 /' | sort -k1,1r -k2 | while read -r section name page; do
        description=$(sed -n 's/^\.Nd //p' "$page" | sed 's/&/\&amp;/g; s/</\&lt;/g')
        echo "<dt><a href=\"$name.$section.html\">$name($section)</a></dt><dd>$description</dd>"
    done
    echo '</dl></body></html>'
} >"$out/index.html"

for page in "$pages"/*.[0-9] "$@"; do
    made=$out/$(basename "$page").html
    awk -v moved="$out/.moved" '
            BEGIN {
                while ((getline line <moved) > 0) {
                    split(line, part, " ")
                    to[part[1]] = part[2]
                }
                own = "^(kubeshim|kshim_)"
            }
            {
                rest = $0
                line = ""
                while (match(rest, /<a class="Xr" href="[^"]*"/)) {
                    target = substr(rest, RSTART + 20, RLENGTH - 21)
                    line = line substr(rest, 1, RSTART - 1)
                    # the pages of others are elsewhere
                    if (target !~ own)
                        line = line "<a class=\"Xr\""
                    else
                        line = line "<a class=\"Xr\" href=\"" (target in to ? to[target] : target) "\""
                    rest = substr(rest, RSTART + RLENGTH)
                }
                line = line rest
                sub(/<body>/, "<body><p class=\"up\"><a href=\"index.html\">All pages</a></p>", line)
                print line
            }' "$made" >"$out/.new"
    mv "$out/.new" "$made"
done
rm "$out/.moved"
echo "$out/index.html"
