#!/bin/sh
# html.sh DIR [PAGE...]: the pages of this folder, and PAGE, as HTML in DIR, with links between them and an index.
# A function's name in .Xr leads to the page it stands on, and one in NAME and SYNOPSIS to where the page tells of it.
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

title() {
    case $1 in
        7) echo 'About' ;;
        3) echo 'Functions' ;;
        *) echo 'The command line' ;;
    esac
}

{
    echo '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>kubeshim</title>'
    echo '<meta name="viewport" content="width=device-width, initial-scale=1.0">'
    echo '<link rel="stylesheet" href="style.css"></head><body><h1>kubeshim</h1>'
    echo '<p>Begin with <a href="kubeshim.7.html">kubeshim(7)</a>.</p>'
    last=
    for page in "$pages"/*.[0-9] "$@"; do
        echo "$(basename "$page") $page"
    done | sed 's/^\(.*\)\.\([0-9]\) /\2 \1 /' | sort -k1,1r -k2 | while read -r section name page; do
        if [ "$section" != "$last" ]; then
            [ -z "$last" ] || echo '</dl>'
            echo "<h2>$(title "$section")</h2><dl class=\"index\">"
            last=$section
        fi
        description=$(sed -n 's/^\.Nd //p' "$page" | sed 's/&/\&amp;/g; s/</\&lt;/g')
        echo "<dt><a href=\"$name.$section.html\">$name($section)</a></dt><dd>$description</dd>"
    done
    echo '</dl><h2>Every function</h2><p class="every">'
    sort "$out/.moved" | sed 's|^\([^ ]*\)\.3\.html \(.*\)|<a href="\2">\1</a>|'
    echo '</p></body></html>'
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
            FNR == NR {
                for (rest = $0; match(rest, / id="[^"]*"/); rest = substr(rest, RSTART + RLENGTH))
                    here[substr(rest, RSTART + 5, RLENGTH - 6)] = 1
                next
            }
            /<h1 class="Sh"/ { short = /id="(NAME|SYNOPSIS)"/ }
            {
                rest = $0
                line = ""
                while (match(rest, /<a class="(Xr|Sx)" href="[^"]*"/)) {
                    head = substr(rest, RSTART, 13)
                    target = substr(rest, RSTART + 20, RLENGTH - 21)
                    line = line substr(rest, 1, RSTART - 1) head
                    rest = substr(rest, RSTART + RLENGTH)
                    if (target ~ /^#/) {
                        # a section that is not here is of the page that was named before
                        if (!(substr(target, 2) in here))
                            target = page target
                    } else if (target ~ own) {
                        page = target
                        if (target in to)
                            target = to[target]
                    } else {
                        continue # the pages of others are elsewhere
                    }
                    line = line " href=\"" target "\""
                }
                rest = line rest
                line = ""
                while (short && match(rest, /<code class="(Nm|Fn)">kshim_[a-z0-9_]*<\/code>/)) {
                    name = substr(rest, RSTART + 17, RLENGTH - 24)
                    code = substr(rest, RSTART, RLENGTH)
                    line = line substr(rest, 1, RSTART - 1) (name in here ? "<a href=\"#" name "\">" code "</a>" : code)
                    rest = substr(rest, RSTART + RLENGTH)
                }
                line = line rest
                sub(/<body>/, "<body><p class=\"up\"><a href=\"index.html\">All pages</a></p>", line)
                print line
            }' "$made" "$made" >"$out/.new"
    mv "$out/.new" "$made"
done
rm "$out/.moved"
echo "$out/index.html"
