#!/usr/bin/env bash
# Builds the images of all services, tagged sluice/<service>:<version>. Where no registry gives the
# base images, on local stand-ins for them.
#
#   SLUICE_IMAGE_PREFIX   before the service's name; sluice/ unless set
#   SLUICE_IMAGE_VERSION  the tag; the version in package.json unless set
#   SLUICE_IMAGES         which to build, all unless set
#   NODE_IMAGE            the base image
#   WORKER                an image with the mediasoup worker (local-worker.sh); obtained unless set.
#                         local: of this machine's own worker, if it runs the base's distribution
#   DOCKER                the Docker command line
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. deploy/images/docker-cli.sh
node_image=${NODE_IMAGE:-node:24-bookworm-slim}
prefix=${SLUICE_IMAGE_PREFIX:-sluice/}
version=${SLUICE_IMAGE_VERSION:-$(node -p 'require("./package.json").version')}
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)

deploy/images/local-bases.sh
if [[ ${WORKER:-} == local ]]; then
  WORKER=
  if grep -qs '^VERSION_CODENAME=bookworm$' /etc/os-release; then
    WORKER=sluice-worker:local
    deploy/images/local-worker.sh "$WORKER"
  fi
fi

arguments=(
  --file deploy/images/Dockerfile
  --network host
  --build-arg "NODE_IMAGE=$node_image"
  --build-arg "VERSION=$version"
  --build-arg "REVISION=$revision"
)
if [[ -n ${WORKER:-} ]]; then arguments+=(--build-arg "WORKER=$WORKER"); fi
# Registries and certificates of this machine; as secrets, they leave no trace in the images.
if [[ -f $HOME/.npmrc ]]; then arguments+=(--secret "id=npmrc,src=$HOME/.npmrc"); fi
authorities=${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}
if [[ -f $authorities ]]; then arguments+=(--secret "id=ca,src=$authorities"); fi

for service in ${SLUICE_IMAGES:-gateway stream-directory media-worker}; do
  docker build "${arguments[@]}" --target "$service" --tag "$prefix$service:$version" .
done
docker image ls --filter "reference=$prefix*:$version" --format '{{.Repository}}:{{.Tag}} {{.Size}}'
