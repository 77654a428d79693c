# For sourcing: makes `docker` a Docker command line with BuildKit, since a machine may have several.
# Docker before 23 brings BuildKit itself; later ones need the plugin buildx.

export DOCKER_BUILDKIT=1

has_buildkit() {
  local version
  "$1" buildx version >/dev/null 2>&1 && return 0
  version=$("$1" version --format '{{.Client.Version}}' 2>/dev/null) || return 1
  ((${version%%.*} < 23))
}

docker_program=
for candidate in "${DOCKER:-docker}" /usr/bin/docker; do
  if has_buildkit "$candidate"; then docker_program=$candidate; break; fi
done
if [[ -z $docker_program ]]; then
  echo 'There is no Docker with BuildKit here, or its engine does not answer. Install docker-buildx.' >&2
  exit 1
fi

docker() { command "$docker_program" "$@"; }
