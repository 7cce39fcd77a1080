#!/usr/bin/env bash
# Runs a command under another kernel, in QEMU by software emulation: no figure from there is a figure.
#
#   vm.sh [-t SECONDS] [-c CPUS] [-m MEMORY] [-M "MODULE..."] [-q "QEMU OPTIONS"] KERNEL COMMAND...
#
# KERNEL is an unpacked Debian kernel package (kernel.sh brings one). The command sees the host's root, read-only
# below a tmpfs: what it writes is gone afterwards. Exit status: the command's; 124: time is over;
# 125: the guest gave no answer. QEMU names another emulator.
set -euo pipefail

seconds=600 cpus=1 memory=2G modules="" options=()
while getopts t:c:m:M:q: option; do
  case $option in
  t) seconds=$OPTARG ;;
  c) cpus=$OPTARG ;;
  m) memory=$OPTARG ;;
  M) modules=$OPTARG ;;
  q) read -ra options <<<"$OPTARG" ;;
  *) exit 2 ;;
  esac
done
shift $((OPTIND - 1))
if (($# < 2)); then
  sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
kernel=$(realpath "$1")
shift
release=$(basename "$(echo "$kernel"/lib/modules/*)")
image=$(find "$kernel/boot" "$kernel/lib/modules/$release" -maxdepth 1 -name 'vmlinuz*' 2>/dev/null | head -n 1)
if [[ -z $image ]]; then
  echo "vm.sh: $kernel: no kernel package is unpacked there" >&2
  exit 2
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# unpack_module FILE TO: modules are compressed differently from release to release.
unpack_module() {
  case $1 in
  *.xz) xz -dc "$1" >"$2" ;;
  *.zst) zstd -qdc "$1" >"$2" ;;
  *) cp "$1" "$2" ;;
  esac
}

# The modules that mounting the host's root takes, in the order in which they go in.
gather_modules() {
  local to=$1 module file name
  : >"$to/order"
  for module in virtio_pci 9pnet_virtio 9p overlay; do
    # What is built in is no failure.
    { modprobe -d "$kernel" -S "$release" --show-depends "$module" 2>/dev/null || true; } |
      awk '$1 == "insmod" { print $2 }' |
      while read -r file; do
        name=$(basename "$file")
        name=${name%.xz}
        name=${name%.zst}
        [[ -e $to/$name ]] && continue
        unpack_module "$file" "$to/$name"
        echo "$name" >>"$to/order"
      done
  done
}

write_init() {
  cat <<'INIT'
#!/bin/busybox sh
b=/bin/busybox
$b mount -t devtmpfs dev /dev
$b mount -t proc proc /proc
while read -r module; do $b insmod /modules/$module || echo "insmod $module failed"; done </modules/order
share=trans=virtio,version=9p2000.L,msize=512000,ro
$b mount -t 9p -o cache=loose,$share root /host && $b mount -t tmpfs top /top &&
  $b mkdir /top/upper /top/work &&
  $b mount -t overlay -o lowerdir=/host,upperdir=/top/upper,workdir=/top/work over /new || $b poweroff -f
release=$($b uname -r)
$b mkdir -p /new/lib/modules/$release
$b mount -t 9p -o cache=loose,$share modules /new/lib/modules/$release
$b mount -t 9p -o $share job /new/mnt
$b mount --move /dev /new/dev
$b umount /proc
exec $b switch_root /new /bin/bash /mnt/job </new/dev/ttyS0 >/new/dev/ttyS0 2>&1
INIT
}

# The first user space, made once for each kernel.
make_initrd() {
  local tree=$work/initrd
  [[ -s $kernel/lib/modules/$release/modules.dep.bin ]] || depmod -b "$kernel" "$release"
  mkdir -p "$tree"/{bin,modules,proc,dev,host,top,new}
  cp /bin/busybox "$tree/bin/"
  gather_modules "$tree/modules"
  write_init >"$tree/init"
  chmod +x "$tree/init"
  (cd "$tree" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/initrd.gz"
  mv "$work/initrd.gz" "$kernel/initrd.gz"
}

# What the guest runs once the root is mounted. Its second serial port carries the exit status alone.
write_job() {
  printf '%q ' "$@" >"$work/job/command"
  cat >"$work/job/job" <<JOB
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
mkdir -p /dev/pts /dev/shm
mount -t devpts pts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup /sys/fs/cgroup
[[ -e /dev/fd ]] || ln -s /proc/self/fd /dev/fd
hostname vm
ip link set lo up
echo 1 >/proc/sys/net/core/bpf_jit_enable
for module in $modules; do modprobe -q "\$module" || echo "vm.sh: there is no module \$module"; done
stty -F /dev/ttyS0 -onlcr
cd "$PWD"
bash -c "\$(cat /mnt/command)" </dev/null
echo "status=\$?" >/dev/ttyS1
sync
exec /bin/busybox poweroff -f
JOB
}

mkdir "$work/job"
[[ -s $kernel/initrd.gz ]] || make_initrd
write_job "$@"
share=security_model=none,readonly=on
status=0
timeout --foreground "$seconds" "${QEMU:-qemu-system-x86_64}" -M q35 -accel tcg,tb-size=512 -cpu max \
  -smp "$cpus" -m "$memory" -nodefaults -display none -no-reboot -serial stdio \
  -chardev "file,id=status,path=$work/status" -serial chardev:status -device virtio-rng-pci \
  -kernel "$image" -initrd "$kernel/initrd.gz" \
  -append "console=ttyS0 quiet panic=-1 mitigations=off nokaslr iomem=relaxed" \
  -virtfs "local,path=/,mount_tag=root,$share,multidevs=remap" \
  -virtfs "local,path=$kernel/lib/modules/$release,mount_tag=modules,$share" \
  -virtfs "local,path=$work/job,mount_tag=job,$share" "${options[@]}" </dev/null || status=$?
((status == 124)) && exit 124
status=$(sed -n 's/^status=\([0-9]*\).*/\1/p' "$work/status" 2>/dev/null)
exit "${status:-125}"
