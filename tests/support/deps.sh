#!/usr/bin/env bash
# Installs the Debian packages named as arguments that are missing, and says which.
set -euo pipefail

missing=()
for package in "$@"; do
  if [[ $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null) != "install ok installed" ]]; then
    missing+=("$package")
  fi
done
if ((${#missing[@]} == 0)); then
  exit 0
fi
echo "deps: installing ${missing[*]}"
if ((EUID != 0)); then
  echo "deps: must be root to install packages" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# No service is to start on the machine itself, and none of its services is to be touched.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
