#!/usr/bin/env bash
# The live tests (collector/tests/live.rs) on this machine's own kernel, or on one booted by vm.sh:
#   .ci/live.sh host | 6.1 | 6.12 | VMLINUZ        (a 64-bit kernel: the programs are this machine's)
# The binary is the same in both cases; it finds the programs it drives in GFPSCOPE_BIN_DIR. --nocapture, because a test that cannot
# run there says so with a line 'SKIPPED: …', and .ci/step counts those.
set -euo pipefail
cd "$(dirname "$0")/.."
kernel=${1:?'which kernel: host, 6.1 or 6.12'}

skip() {
	echo "live: skipped: $*" >&2
	exit 77
}
if [ "$kernel" = host ]; then
	[ "$(id -u)" = 0 ] || skip 'tracing the kernel needs root, and this is user '"$(id -un)"
	[ -e /sys/kernel/btf/vmlinux ] || skip 'this kernel has no BTF (/sys/kernel/btf/vmlinux)'
	[ -e /sys/kernel/tracing/events/kmem ] || skip 'this kernel shows no kmem events in /sys/kernel/tracing'
fi

# The whole workspace's default members are built, not one package: cargo would unify features otherwise, and build much again.
cargo build --release --quiet
cargo build --release --quiet --examples
test=$(cargo test --release --test live --no-run --message-format=json | python3 -c '
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("executable") and message["target"]["src_path"].endswith("collector/tests/live.rs"):
        print(message["executable"])')
[ -x "$test" ] || {
	echo 'live: cargo built no collector/tests/live.rs; cargo test --release --test live --no-run says why' >&2
	exit 1
}

# One directory with every program, on the host as in the guest.
bin=target/ci/bin
mkdir -p "$bin"
for program in collector analyzer replay examples/workload; do
	ln -sfn "$PWD/target/release/$program" "$bin/$(basename "$program")"
done

if [ "$kernel" = host ]; then
	GFPSCOPE_BIN_DIR=$PWD/$bin "$test" --test-threads=1 --include-ignored --nocapture
	# The analyzer beside perf, on a recording of this kernel: the guests have no perf.
	exec cargo test --release --test perf_kmem -- --include-ignored
fi
status=0
.ci/vm.sh --kernel "$kernel" --timeout "${GFPSCOPE_VM_TIMEOUT:-600}" \
	--file "$bin/collector" --file "$bin/analyzer" --file "$bin/replay" --file "$bin/workload" --file "$test:/bin-dir/live" \
	-- 'GFPSCOPE_GUEST=1 GFPSCOPE_BIN_DIR=/bin-dir exec /bin-dir/live --test-threads=1 --include-ignored' || status=$?
# A machine that cannot boot a guest at all has skipped this; the reason is above.
[ "$status" -ne 4 ] || exit 77
exit "$status"
