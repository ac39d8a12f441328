#!/usr/bin/env bash
# Boots a Debian kernel in QEMU with a tiny initramfs, runs one command in it as root, and says how that ended.
#
# The verdict is the guest's own: it must write exactly one result line on a serial port of its own. No line, two lines,
# a kernel panic, an oops, a lock-up or a guest that runs past the limit are failures, whatever the command printed.
#
# Exit status: 0 the command succeeded; 1 it failed; 2 wrong usage; 3 the machine failed (panic, lock-up, time limit, no
# verdict); 4 a kernel or a tool is missing.
set -euo pipefail

usage() {
	cat <<'TEXT'
usage: collector/tests/vm/boot.sh --kernel 6.1|6.12|6.1-i386|VMLINUZ [OPTION]… -- 'COMMAND'

  --kernel K            a kernel Debian packages (the newest of that series is fetched once), or the path of a vmlinuz
  --file PATH[:GUEST]   put a file or directory into the guest (default GUEST: /bin-dir/NAME); programs are stripped of
                        debug information and bring their shared libraries. May be repeated
  --out DIR             after the command, bring what it left in the guest's /out to DIR
  --memory MIB          default 2048
  --cpus N              default 2
  --timeout SECONDS     wall-clock limit for the whole run, default 300
  --append WORDS        more kernel command line

The command runs under busybox sh, as root, with proc, sysfs, devtmpfs, tracefs, debugfs, bpf and tmpfs mounted. Its
output appears here as it is written; the guest's kernel log is kept in target/vm/KERNEL/console.log.
TEXT
}

die() {
	local status=$1
	shift
	printf 'vm: %s\n' "$*" >&2
	exit "$status"
}

root=$(cd "$(dirname "$0")/../../.." && pwd)
cache=$root/target/vm

kernel='' out='' memory=2048 cpus=2 limit=300 append=''
files=()
while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=${2-} && shift ;;
	--file) files+=("${2-}") && shift ;;
	--out) out=${2-} && shift ;;
	--memory) memory=${2-} && shift ;;
	--cpus) cpus=${2-} && shift ;;
	--timeout) limit=${2-} && shift ;;
	--append) append=${2-} && shift ;;
	-h | --help) usage && exit 0 ;;
	--) shift && break ;;
	*) usage >&2 && die 2 "'$1' is not an option" ;;
	esac
	shift || die 2 'the last option lacks its value'
done
[ -n "$kernel" ] || { usage >&2 && die 2 '--kernel is missing'; }
[ $# -gt 0 ] || { usage >&2 && die 2 'there is no command after --'; }
command=$*

for tool in qemu-system-x86_64 cpio gzip strip ldd; do
	command -v "$tool" >/dev/null || die 4 "$tool is not installed; run 'xtask/setup.sh test'"
done

work=$(mktemp -d "${TMPDIR:-/tmp}/gfpscope-vm.XXXXXX")
qemu='' tail_pid=''
cleanup() {
	[ -z "$qemu" ] || kill "$qemu" 2>/dev/null || true
	[ -z "$tail_pid" ] || kill "$tail_pid" 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# ---- kernels -------------------------------------------------------------------------------------------------------

# apt for another architecture, with state of its own: adding a foreign architecture to this machine only to unpack two
# packages would change what every later apt command does.
foreign_apt() {
	local state=$cache/apt-i386
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
	: >"$state/status"
	local tool=$1
	shift
	"$tool" -o APT::Architecture=i386 -o APT::Architectures::=i386 \
		-o Dir::State="$state" -o Dir::State::Lists="$state/lists" -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache" -o APT::Sandbox::User=root "$@"
}
native_apt() {
	local tool=$1
	shift
	"$tool" -o APT::Sandbox::User=root "$@"
}

# newest_package APT PATTERN: the newest package name that matches, or nothing.
newest_package() {
	"$1" apt-cache search --names-only "$2" | cut -d' ' -f1 | sort -V | tail -n 1
}

# fetch_package APT PATTERN DIR: downloads the newest matching package and unpacks it below DIR.
fetch_package() {
	local apt=$1 pattern=$2 dir=$3 name
	command -v apt-get >/dev/null ||
		die 4 "this machine has no apt to fetch '$pattern' with; give --kernel the path of a vmlinuz"
	name=$(newest_package "$apt" "$pattern")
	if [ -z "$name" ]; then
		# One source that cannot be read must not hide a package that another one has.
		"$apt" apt-get update -qq || printf "vm: 'apt-get update' had errors; going on with what it could read\n" >&2
		name=$(newest_package "$apt" "$pattern")
	fi
	[ -n "$name" ] ||
		die 4 "no package matches '$pattern' in this machine's package sources; give --kernel the path of a vmlinuz"
	printf 'vm: fetching %s\n' "$name" >&2
	mkdir -p "$dir.part"
	(cd "$dir.part" && "$apt" apt-get download -qq "$name" && dpkg -x ./*.deb . && rm -f ./*.deb) ||
		die 4 "$name could not be downloaded and unpacked"
	rm -rf "$dir"
	# The rename comes last, so that an interrupted download is never taken for a kernel.
	mv "$dir.part" "$dir"
}

busybox=/bin/busybox
case $kernel in
6.1) apt=native_apt pattern='^linux-image-6\.1\.[^ ]*-cloud-amd64$' label=6.1 ;;
6.12) apt=native_apt pattern='^linux-image-6\.12\.[^ ]*-cloud-amd64$' label=6.12 ;;
6.1-i386) apt=foreign_apt pattern='^linux-image-6\.1\.[0-9]+-[0-9]+-686-pae$' label=6.1-i386 ;;
*)
	[ -f "$kernel" ] || die 2 "'$kernel' is neither a known kernel series nor a file"
	apt='' label=custom vmlinuz=$kernel
	;;
esac
mkdir -p "$cache/$label"
if [ -n "$apt" ]; then
	[ -d "$cache/$label/package" ] || fetch_package "$apt" "$pattern" "$cache/$label/package"
	vmlinuz=$(echo "$cache/$label"/package/boot/vmlinuz-*)
	[ -f "$vmlinuz" ] ||
		die 4 "the kernel package in $cache/$label/package has no boot/vmlinuz-*; remove that folder and try again"
fi
if [ "$label" = 6.1-i386 ]; then
	[ -d "$cache/$label/busybox" ] || fetch_package foreign_apt '^busybox-static$' "$cache/$label/busybox"
	busybox=$cache/$label/busybox/bin/busybox
fi
[ -x "$busybox" ] || die 4 "$busybox is not there; run 'xtask/setup.sh test' (package busybox-static)"
if ldd "$busybox" >/dev/null 2>&1; then
	die 4 "$busybox needs shared libraries; the guest wants the package busybox-static"
fi

# ---- initramfs -----------------------------------------------------------------------------------------------------

tree=$work/tree
mkdir -p "$tree"/{bin,bin-dir,dev,proc,sys,tmp,root,run,etc,out}
cp "$busybox" "$tree/bin/busybox"
echo 'root:x:0:0:root:/root:/bin/sh' >"$tree/etc/passwd"
echo 'root:x:0:' >"$tree/etc/group"

# put_file PATH GUEST: copies it, and if it is a program, strips it and adds the libraries it is linked with.
put_file() {
	local path=$1 guest=$2 library
	[ -e "$path" ] || die 2 "'$path', asked for with --file, does not exist"
	mkdir -p "$tree/$(dirname "$guest")"
	cp -RL "$path" "$tree/$guest"
	[ -f "$path" ] || return 0
	[ "$(head -c 4 "$path" | tail -c 3)" = ELF ] || return 0
	# Debug information is most of a Rust program and nothing in the guest reads it.
	strip --strip-debug "$tree/$guest" 2>/dev/null || true
	# ldd fails on what is linked statically, or not a program at all: such a file needs no libraries.
	while read -r library; do
		[ -e "$tree/$library" ] || { mkdir -p "$tree/$(dirname "$library")" && cp -L "$library" "$tree/$library"; }
	done < <(ldd "$path" 2>/dev/null | grep -o '/[^ ]*')
}
for file in ${files[@]+"${files[@]}"}; do
	case $file in
	*:*) put_file "${file%%:*}" "${file#*:}" ;;
	*) put_file "$file" "/bin-dir/$(basename "$file")" ;;
	esac
done
printf '%s\n' "$command" >"$tree/command"

# Four serial ports: ttyS0 the kernel's log, ttyS1 the command's output, ttyS2 the result line, ttyS3 the files to bring
# back. They are apart, because a kernel message in the middle of a line must spoil neither a verdict nor a file.
cat >"$tree/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin:/bin-dir HOME=/root TERM=dumb TMPDIR=/tmp
mount -t devtmpfs devtmpfs /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tracefs tracefs /sys/kernel/tracing
mount -t debugfs debugfs /sys/kernel/debug
mount -t bpf bpf /sys/fs/bpf
mkdir -p /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs /tmp
mkdir -p /dev/pts && mount -t devpts devpts /dev/pts
mkdir -p /dev/shm && mount -t tmpfs tmpfs /dev/shm
ip link set lo up
hostname gfpscope-vm
for port in 1 2 3; do stty -F /dev/ttyS$port raw -echo; done
cd /root
sh /command </dev/null >/dev/ttyS1 2>&1
status=$?
[ ! -e /want-out ] || tar -C /out -czf /dev/ttyS3 .
if [ $status -eq 0 ]; then echo success >/dev/ttyS2; else echo "failure $status" >/dev/ttyS2; fi
poweroff -f
INIT
chmod +x "$tree/init"
[ -z "$out" ] || : >"$tree/want-out"
(cd "$tree" && find . -print0 | cpio --null --create --format=newc --owner=0:0 --quiet) | gzip -1 >"$work/initrd.gz"

# ---- boot ----------------------------------------------------------------------------------------------------------

# boot ACCELERATOR LIMIT INITRD: runs the guest to its end; its four ports are files in $work. Returns timeout's status.
boot() {
	local accel=$1 limit=$2 initrd=$3
	rm -f "$work"/{console.log,output.log,result,files.tar.gz}
	touch "$work/output.log"
	timeout --kill-after=5 "$limit" qemu-system-x86_64 \
		-accel "$accel" -cpu max -m "$memory" -smp "$cpus" \
		-display none -monitor none -nodefaults -no-user-config -no-reboot \
		-serial "file:$work/console.log" -serial "file:$work/output.log" \
		-serial "file:$work/result" -serial "file:$work/files.tar.gz" \
		-kernel "$vmlinuz" -initrd "$initrd" \
		-append "console=ttyS0 panic=-1 oops=panic loglevel=4 nokaslr $append" </dev/null 2>"$work/qemu.log" &
	qemu=$!
	local status=0
	wait "$qemu" || status=$?
	qemu=''
	return "$status"
}

# KVM may be there and still not work (a host without nested virtualisation): only a boot that comes to its verdict
# tells. The answer is kept for as long as this host is up.
accelerator() {
	local stamp answer
	stamp=$(cat /proc/sys/kernel/random/boot_id)
	if [ -f "$cache/accel" ] && read -r answer boot_id <"$cache/accel" && [ "${boot_id-}" = "$stamp" ]; then
		echo "$answer"
		return
	fi
	# One thread for all virtual CPUs: with a thread each, QEMU lets one run instructions that another is patching, and
	# attaching to a tracepoint under load ends in an int3 that no one handles, or in a lock-up.
	answer=tcg,thread=single
	if [ -w /dev/kvm ]; then
		local probe=$work/probe
		mkdir -p "$probe"/{bin,dev,proc,sys,tmp,root,run,etc,out}
		cp "$busybox" "$probe/bin/busybox"
		cp "$tree/init" "$probe/init"
		echo true >"$probe/command"
		(cd "$probe" && find . -print0 | cpio --null --create --format=newc --owner=0:0 --quiet) | gzip -1 >"$work/probe.gz"
		if boot kvm 20 "$work/probe.gz" && [ "$(cat "$work/result" 2>/dev/null)" = success ]; then answer=kvm; fi
	fi
	echo "$answer $stamp" >"$cache/accel"
	echo "$answer"
}

accel=$(accelerator)
printf 'vm: %s with %s, %s MiB, %s CPUs, initramfs %s KiB\n' "$(basename "$vmlinuz")" "$accel" "$memory" "$cpus" \
	"$(($(stat -c %s "$work/initrd.gz") / 1024))" >&2

started=$(date +%s)
touch "$work/output.log"
tail --follow=name --retry --quiet --lines=+1 "$work/output.log" 2>/dev/null &
tail_pid=$!
status=0
boot "$accel" "$limit" "$work/initrd.gz" || status=$?
seconds=$(($(date +%s) - started))
sleep 1.2 # tail looks once a second
kill "$tail_pid" 2>/dev/null || true
wait "$tail_pid" 2>/dev/null || true
tail_pid=''

for log in console.log output.log qemu.log result; do
	cp "$work/$log" "$cache/$label/$log" 2>/dev/null || : >"$cache/$label/$log"
done

# ---- verdict -------------------------------------------------------------------------------------------------------

machine_failed() {
	printf 'vm: %s after %s s: %s\n' "$label" "$seconds" "$1" >&2
	tail -n 25 "$work/console.log" 2>/dev/null | tr -d '\r' | sed 's/^/    | /' >&2 || true
	head -n 5 "$work/qemu.log" 2>/dev/null | sed 's/^/    | /' >&2 || true
	exit 3
}
# A kernel message starts with its time; the command's own output is on another port, so it cannot be mistaken for one.
signs='Kernel panic|soft lockup|hard LOCKUP|BUG: |Oops: |Internal error'
trouble=$(grep -aoE "\\[ *[0-9]+\\.[0-9]+\\] .*($signs).*" "$work/console.log" 2>/dev/null | head -n 1 | tr -d '\r' || true)
[ -z "$trouble" ] || machine_failed "the guest's kernel reported: $trouble"
case $status in
0) ;;
124 | 137) machine_failed "the guest did not finish within $limit s" ;;
*) machine_failed "qemu ended with status $status" ;;
esac
lines=$(grep -c '' "$work/result" 2>/dev/null || true)
[ "${lines:-0}" -eq 1 ] || machine_failed "the guest wrote ${lines:-0} result lines where exactly one is a verdict"
result=$(cat "$work/result")

if [ -n "$out" ]; then
	mkdir -p "$out"
	tar -C "$out" -xzf "$work/files.tar.gz" || machine_failed "the files of the guest's /out did not arrive whole"
fi
case $result in
success)
	printf 'vm: %s: success in %s s\n' "$label" "$seconds" >&2
	;;
failure\ *)
	printf 'vm: %s: the command failed with status %s after %s s; kernel log: %s\n' \
		"$label" "${result#failure }" "$seconds" "$cache/$label/console.log" >&2
	exit 1
	;;
*) machine_failed "the guest's result line was '$result'" ;;
esac
