#!/usr/bin/env bash
# Brings the newest Debian kernel of a series, unpacked for vm.sh, and prints where. Usage: kernel.sh 6.1 FOLDER
set -euo pipefail

series=$1 folder=$2
# 6.1.0-50-amd64 and 6.12.117+deb12-amd64: the plain, signed builds.
package=$(apt-cache search --names-only "^linux-image-${series//./\\.}\.[0-9][^-]*(-[0-9]+)?-amd64\$" |
  awk '{ print $1 }' | sort -V | tail -n 1)
if [[ -z $package ]]; then
  echo "kernel.sh: no kernel $series among the packages (apt-get update first?)" >&2
  exit 1
fi
unpacked=$folder/$package
if [[ ! -e $unpacked/done ]]; then
  mkdir -p "$unpacked"
  (cd "$unpacked" && apt-get download -qq "$package" 2>/dev/null && dpkg -x ./*.deb . && rm ./*.deb)
  touch "$unpacked/done"
fi
realpath "$unpacked"
