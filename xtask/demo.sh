#!/usr/bin/env bash
# Records this very machine for some seconds under a mixed workload, and shows what the three programs make of it.
# Where the kernel cannot be traced, it says why and takes the small real trace kept in the repository.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${GFPSCOPE_DEMO_SECONDS:-6}
out=target/demo
bundled=trace/fixtures/demo

show() {
	printf '\n$ %s\n' "$*"
	"$@"
}

cargo build --release
cargo build --release --examples --quiet
PATH=$PWD/target/release:$PATH
# `sudo` has a PATH of its own, so the collector is named in full.
collector=target/release/collector
sudo=()
reason=''
if [ "$(id -u)" != 0 ]; then
	if sudo -n true 2>/dev/null; then
		sudo=(sudo -n)
	else
		reason="this is user $(id -un), and tracing the kernel needs root"
	fi
fi
if [ -z "$reason" ]; then
	show ${sudo[@]+"${sudo[@]}"} "$collector" probe ||
		reason='this host cannot be traced, for the reason that collector probe gives above'
fi

rm -rf "$out"
mkdir -p "$out"
if [ -z "$reason" ]; then
	trace=$out/trace
	show ${sudo[@]+"${sudo[@]}"} "$collector" record -o "$trace" -- \
		target/release/examples/workload mixed --seconds "$seconds"
elif [ -n "${CI-}" ]; then
	# Where everything must run, falling back in silence would hide that nothing was recorded.
	echo "demo: $reason" >&2
	exit 1
else
	printf '\n%s.\nGoing on with %s, a real trace of another machine.\n' "$reason" "$bundled"
	trace=$bundled
fi

show analyzer info "$trace"
show analyzer stat "$trace" --by zone,order
show replay run "$trace" --json "$out/replay.json"
show analyzer report "$trace" --replay "$out/replay.json" -o "$out/report.html"
show analyzer plot "$trace" --replay "$out/replay.json" -o "$out/charts"

for made in "$out/report.html" "$out/replay.json"; do
	[ -s "$made" ] || {
		echo "demo: $made was not written" >&2
		exit 1
	}
done
printf '\nThe trace:   %s\nThe report:  %s  (one file; open it in a browser)\nThe charts:  %s\n' \
	"$trace" "$PWD/$out/report.html" "$out/charts"
