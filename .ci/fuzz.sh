#!/usr/bin/env bash
# Fuzzes what parses, and the reference allocator: fuzz.sh [SECONDS for each target, 600 by default]. Not a part of `make test`, for it never ends
# by itself; what it finds becomes a test.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-600}

command -v cargo-fuzz >/dev/null || {
	echo 'fuzz: building cargo-fuzz' >&2
	cargo install --quiet --locked cargo-fuzz
}
# libFuzzer's instrumentation is unstable in every toolchain; AddressSanitizer needs a nightly one, and safe code does not need it.
export RUSTC_BOOTSTRAP=1
corpora=$PWD/target/fuzz

# fuzz CRATE TARGET LENGTH SEED…: begins with the seeds, and with what earlier runs have found out.
fuzz() {
	local crate=$1 target=$2 length=$3
	shift 3
	mkdir -p "$corpora/$target"
	[ $# -eq 0 ] || cp "$@" "$corpora/$target"
	printf '\n==== %s, %s s\n' "$target" "$seconds"
	(cd "$crate" && cargo fuzz run --sanitizer none --target-dir "$corpora/build" "$target" "$corpora/$target" -- -max_total_time="$seconds" -max_len="$length" -rss_limit_mb=4096 -print_final_stats=1)
}

fuzz analyzer text 65536 trace/fixtures/ftrace/*.txt
seed=$corpora/seed.data
mkdir -p "$corpora"
if command -v perf >/dev/null && perf record -q -a -R -c 1 -m 64 -e kmem:mm_page_alloc,kmem:mm_page_free,kmem:kmalloc,kmem:kfree -o "$seed" -- true 2>/dev/null; then
	fuzz analyzer perf_data 262144 "$seed"
else
	echo 'fuzz: perf cannot record here, so the reader of perf.data has to begin with nothing' >&2
	fuzz analyzer perf_data 262144
fi
fuzz replay/reference calls 65536
