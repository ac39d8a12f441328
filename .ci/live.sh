#!/usr/bin/env bash
# The live tests (collector/tests/live, and replay/reference/tests/live.rs: the model's formulas) on this machine's own kernel, or on one
# booted by vm.sh:
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
built=$(cargo test --release --test live --no-run --message-format=json | python3 -c '
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("executable"):
        print(message["target"]["src_path"], message["executable"])')
# program SOURCE: what cargo made of it.
program() {
	local path
	path=$(sed -n "s|^.*/$1 ||p" <<<"$built")
	[ -x "$path" ] || {
		echo "live: cargo built no $1; cargo test --release --test live --no-run says why" >&2
		exit 1
	}
	echo "$path"
}
test=$(program collector/tests/live/main.rs)
model=$(program replay/reference/tests/live.rs)

# One directory with every program, on the host as in the guest.
bin=target/ci/bin
mkdir -p "$bin"
for program in collector analyzer replay examples/workload; do
	ln -sfn "$PWD/target/release/$program" "$bin/$(basename "$program")"
done

if [ "$kernel" = host ]; then
	"$model" --nocapture
	GFPSCOPE_BIN_DIR=$PWD/$bin "$test" --test-threads=1 --include-ignored --skip lockdown --nocapture
	# The analyzer beside perf and debugfs, on recordings of this kernel: the guests have no perf.
	exec cargo test --release --test perf_kmem --test on_this_host -- --include-ignored --test-threads=1 --nocapture
fi
# kswapd before what wears it out, lockdown after all else: there is no way back from either.
status=0
.ci/vm.sh --kernel "$kernel" --timeout "${GFPSCOPE_VM_TIMEOUT:-1200}" \
	--file "$bin/collector" --file "$bin/analyzer" --file "$bin/replay" --file "$bin/workload" --file "$test:/bin-dir/live" --file "$model:/bin-dir/model" \
	-- 'GFPSCOPE_GUEST=1 /bin-dir/model --test-threads=1 --nocapture && GFPSCOPE_GUEST=1 GFPSCOPE_BIN_DIR=/bin-dir /bin-dir/live --include-ignored kswapd_agrees && GFPSCOPE_GUEST=1 GFPSCOPE_BIN_DIR=/bin-dir /bin-dir/live --test-threads=1 --include-ignored --skip lockdown --skip kswapd_agrees && GFPSCOPE_GUEST=1 GFPSCOPE_BIN_DIR=/bin-dir exec /bin-dir/live --include-ignored lockdown' || status=$?
# A machine that cannot boot a guest at all has skipped this; the reason is above.
[ "$status" -ne 4 ] || exit 77
exit "$status"
