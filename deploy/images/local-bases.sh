#!/usr/bin/env bash
# Makes local stand-ins, under their usual names, for the base images that no registry gives to this
# machine: Debian by debootstrap, Node.js from its npm package, NATS and HAProxy from Debian's
# packages. What is there already stays. Needs root, debootstrap, npm and a Docker engine.
#
# Exit code 3: there are none, and this machine cannot make them.
#
# They serve to build and test on a machine without a registry. Images for others are built on the
# real ones.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/docker-cli.sh"

suite=bookworm
debian_image=debian:${suite}-slim
node_image=${NODE_IMAGE:-node:24-bookworm-slim}
nats_image=${NATS_IMAGE:-nats:2.12-alpine}
haproxy_image=${HAPROXY_IMAGE:-haproxy:3.2}
debian_mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
node_version=${NODE_VERSION:-24.21.0}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

say() { printf 'local-bases: %s\n' "$1"; }

is_there() { docker image inspect "$1" >/dev/null 2>&1; }

# Whether the image can be had from a registry; asks for nothing else.
can_pull() { timeout 60 docker pull --quiet "$1" >/dev/null 2>&1; }

wanted() {
  is_there "$1" && { say "$1 is there"; return 1; }
  can_pull "$1" && { say "$1 pulled"; return 1; }
  say "$1 cannot be pulled, making a stand-in"
}

debian_base() {
  if ((EUID != 0)) || ! command -v debootstrap >/dev/null; then
    say 'a stand-in for Debian needs root and debootstrap'
    exit 3
  fi
  debootstrap --variant=minbase "$suite" "$scratch/debian" "$debian_mirror" >"$scratch/debootstrap.log" 2>&1 ||
    { cat "$scratch/debootstrap.log" >&2; return 1; }
  rm -rf "$scratch"/debian/var/cache/apt/archives/*.deb "$scratch"/debian/var/lib/apt/lists/*
  tar -C "$scratch/debian" -c . | docker import --change 'CMD ["bash"]' - "$debian_image" >/dev/null
}

node_base() {
  npm install --prefix "$scratch/node" --no-save --no-audit --no-fund "node@$node_version" >/dev/null
  mkdir -p "$scratch/node-context"
  cp "$scratch/node/node_modules/node/bin/node" "$scratch/node-context/node"
  # Its npm comes from the registry as well: the package brings node alone.
  npm install --prefix "$scratch/node-context" --global --no-audit --no-fund npm@11 >/dev/null
  build_stand_in "$node_image" "$scratch/node-context" <<DOCKERFILE
FROM $debian_image
COPY node /usr/local/bin/node
COPY lib/node_modules /usr/local/lib/node_modules
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
 && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx \
 && groupadd --gid 1000 node && useradd --uid 1000 --gid node --create-home node
CMD ["node"]
DOCKERFILE
}

nats_base() {
  mkdir -p "$scratch/nats"
  build_stand_in "$nats_image" "$scratch/nats" <<DOCKERFILE
FROM $debian_image
RUN apt-get update && apt-get install -y --no-install-recommends nats-server && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
ENTRYPOINT ["nats-server"]
DOCKERFILE
}

haproxy_base() {
  mkdir -p "$scratch/haproxy"
  build_stand_in "$haproxy_image" "$scratch/haproxy" <<DOCKERFILE
FROM $debian_image
RUN apt-get update && apt-get install -y --no-install-recommends haproxy && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
USER haproxy
CMD ["haproxy", "-W", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]
DOCKERFILE
}

# Reads the Dockerfile from its standard input.
build_stand_in() {
  docker build --quiet --network=host --tag "$1" --file - "$2" >/dev/null
}

if wanted "$node_image"; then
  if wanted "$debian_image"; then debian_base; fi
  node_base
fi
for image in "$nats_image" "$haproxy_image"; do
  if wanted "$image"; then
    if ! is_there "$debian_image"; then debian_base; fi
    case $image in
      "$nats_image") nats_base ;;
      *) haproxy_base ;;
    esac
  fi
done
