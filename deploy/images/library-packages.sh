#!/bin/sh
# Prints the Debian packages, one a line, whose libraries the given program is linked against.
set -eu

ldd "$1" | awk '$2 == "=>" { print $3 }' | while read -r library; do
  dpkg -S "*/$(basename "$library")" | sed -n '1s/:.*//p'
done | sort -u
