#!/bin/sh
# Installs Debian's ffmpeg with what it is linked against, and nothing else of what its packages depend
# on: drivers of graphics cards and models of speech, which no camera needs, are twice its size.
set -eu

here=$(dirname "$0")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

packages() { dpkg-query --show --showformat='${Package}\n' | sort -u; }

packages >"$scratch/before"
apt-get install -y --no-install-recommends ffmpeg
{ echo ffmpeg; sh "$here/library-packages.sh" /usr/bin/ffmpeg; } | sort -u >"$scratch/needed"
packages | comm -23 - "$scratch/before" | comm -23 - "$scratch/needed" |
  xargs -r dpkg --purge --force-depends

ffmpeg -hide_banner -version >/dev/null
