#!/bin/sh
# links.sh DIR: for each function that a page of section 3 names, a link page DIR/man3/NAME.3 that shows that page.
# DIR is the installed man folder, as in $(DESTDIR)$(MANDIR); the pages themselves are installed by `make install`.
set -eu

[ $# = 1 ] || {
    echo 'usage: links.sh DIR' >&2
    exit 2
}
pages=$(dirname "$0")
mkdir -p "$1/man3"
for page in "$pages"/*.3; do
    name=$(basename "$page" .3)
    awk '/^\.Sh /{ in_name = $2 == "NAME" } in_name && $1 == ".Nm" { print $2 }' "$page" | while read -r function; do
        [ "$function" = "$name" ] || echo ".so man3/$name.3" >"$1/man3/$function.3"
    done
done
