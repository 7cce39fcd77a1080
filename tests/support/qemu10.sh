#!/usr/bin/env bash
# Brings QEMU 10 of bookworm-backports, which has a working igb, unpacked, and prints the command that runs it: what
# is installed is left alone. Usage: qemu10.sh FOLDER. Fails where the packages can't be had.
set -euo pipefail

folder=$(realpath "$1")/qemu-10
if [[ ! -x $folder/qemu ]]; then
  mkdir -p "$folder"/{lists/partial,cache/archives/partial,root}
  echo 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm-backports main' \
    >"$folder/sources.list"
  options=(-qq -o "Dir::Etc::SourceList=$folder/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$folder/lists" -o "Dir::Cache=$folder/cache" -o APT::Sandbox::User=root)
  cd "$folder"
  apt-get "${options[@]}" update >&2
  apt-get "${options[@]}" download qemu-system-{x86,common,data} >&2
  apt-get -qq -o APT::Sandbox::User=root download seabios >&2
  for package in ./*.deb; do
    dpkg -x "$package" root
  done
  rm ./*.deb
  cat >qemu.new <<RUN
#!/bin/sh
QEMU_MODULE_DIR=$folder/root/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || echo x86_64-linux-gnu)/qemu \\
  exec $folder/root/usr/bin/qemu-system-x86_64 -L $folder/root/usr/share/qemu -L $folder/root/usr/share/seabios "\$@"
RUN
  chmod +x qemu.new
  ./qemu.new --version >&2
  mv qemu.new qemu
fi
echo "$folder/qemu"
