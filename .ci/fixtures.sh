#!/usr/bin/env bash
# Takes the kernel fixtures below trace/fixtures from running kernels: `.ci/fixtures.sh host NAME` from this machine's own,
# `.ci/fixtures.sh 6.1|6.12|6.1-i386` from a kernel booted by vm.sh. `.ci/fixtures.sh demo` records the small trace that the demo
# falls back on, also in a guest: it says nothing about anyone's machine. Not part of `make test`: run by hand for a new kernel, or
# after a change of the trace format.
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1-} in
host) name=${2:?'the fixture needs a name, such as 6.18'} ;;
6.1 | 6.12 | 6.1-i386) name=$1 ;;
demo)
	cargo build --release
	cargo build --release --examples --quiet
	made=$(mktemp -d)
	trap 'rm -rf "$made"' EXIT
	.ci/vm.sh --kernel 6.12 --memory 512 --file target/release/collector --file target/release/examples/workload --out "$made" -- \
		'collector record -o /out/demo -- workload mixed --seconds 3'
	size=$(du -sk --apparent-size "$made/demo" | cut -f1)
	# The repository carries it for good.
	[ "$size" -le 2048 ] || { echo "fixtures: the trace has $size KiB where 2048 are allowed" >&2 && exit 1; }
	rm -rf trace/fixtures/demo
	cp -R "$made/demo" trace/fixtures/demo
	echo "trace/fixtures/demo: $size KiB"
	exit
	;;
*)
	echo "usage: .ci/fixtures.sh host NAME | 6.1 | 6.12 | 6.1-i386 | demo" >&2
	exit 2
	;;
esac
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# Runs in the guest's busybox sh as well as here; $1 is where the files go.
cat >"$out/take.sh" <<'TAKE'
set -e
out=$1
events=/sys/kernel/tracing/events
mkdir -p "$out/kernel/proc" "$out/ftrace"
for format in $events/kmem/*/format; do
	event=$(basename "$(dirname "$format")")
	mkdir -p "$out/kernel/events/kmem/$event"
	cat "$format" >"$out/kernel/events/kmem/$event/format"
done
for file in buddyinfo pagetypeinfo zoneinfo vmstat slabinfo; do
	cat /proc/$file >"$out/kernel/proc/$file"
done
# A short real trace as ftrace prints it, of this shell and what it starts: the heading, and the first and the last events of a small buffer.
# In an instance of its own, so that the trace buffer of a machine in use stays as it is.
tracing=/sys/kernel/tracing/instances/gfpscope-fixture
mkdir $tracing
trap 'rmdir $tracing' EXIT
echo 0 >$tracing/tracing_on
echo 64 >$tracing/buffer_size_kb
echo 1 >$tracing/options/event-fork
echo $$ >$tracing/set_event_pid
for event in mm_page_alloc mm_page_free kmalloc kfree kmem_cache_alloc kmem_cache_free; do echo 1 >$tracing/events/kmem/$event/enable; done
echo 1 >$tracing/tracing_on
dd if=/dev/zero of=/tmp/file bs=64k count=4 2>/dev/null
rm /tmp/file
ls / | cat >/dev/null
echo 0 >$tracing/tracing_on
cat $tracing/trace >"$out/whole.txt"
{
	grep '^#' "$out/whole.txt"
	grep -v '^#' "$out/whole.txt" | head -n 90
	tail -n 90 "$out/whole.txt"
} >"$out/ftrace/trace.txt"
rm "$out/whole.txt"
TAKE

if [ "$1" = host ]; then
	sh "$out/take.sh" "$out"
else
	.ci/vm.sh --kernel "$1" --file "$out/take.sh:/take.sh" --out "$out" -- 'sh /take.sh /out'
fi
mkdir -p trace/fixtures/ftrace
cp "$out/ftrace/trace.txt" "trace/fixtures/ftrace/$name.txt"
rm -rf "trace/fixtures/kernel/$name"
mkdir -p trace/fixtures/kernel
cp -R "$out/kernel" "trace/fixtures/kernel/$name"
echo "trace/fixtures/kernel/$name: $(find "trace/fixtures/kernel/$name" -type f | wc -l) files"
