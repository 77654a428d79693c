#!/usr/bin/env bash
# Makes an image of the mediasoup worker that this machine has or builds, to give to `docker build`
# as WORKER: images are then built without compiling it once more. This machine must run the
# distribution that the images are based on.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. deploy/images/docker-cli.sh
tag=${1:?usage: local-worker.sh TAG}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

worker=$(node deploy/setup/worker.mjs)
install -D -m 0755 "$worker" "$scratch/worker/mediasoup-worker"
sh deploy/images/library-packages.sh "$worker" >"$scratch/worker/packages"
tar -C "$scratch" -c worker | docker import - "$tag" >/dev/null
