#!/bin/sh
# Prints the Debian packages, one a line, whose libraries the given program is linked against.
set -eu

# The package that owns this very path: other packages may carry a library of the same name. Where
# /lib is a link, packages may have been built for either path.
owner_of() {
  dpkg -S "$1" 2>/dev/null || dpkg -S "/usr$1" 2>/dev/null || dpkg -S "${1#/usr}"
}

ldd "$1" | awk '$2 == "=>" { print $3 }' | while read -r library; do
  # A link that update-alternatives made belongs to nobody; what it leads to does.
  { owner_of "$library" || owner_of "$(readlink -f "$library")" || true; } | sed -n '1s/:.*//p'
done | sort -u
