#!/usr/bin/env bash
# Every check there is, in the order in which a mistake is cheapest to find. A failed step does not stop the ones after it.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
rm -rf target/ci
mkdir -p target/ci

step() { .ci/step "$@" || true; } # the summary decides

step format cargo fmt --all --check
# --locked: a Cargo.lock that does not fit the manifests is found here, before anything is built.
step deny cargo deny --locked --log-level error check --allow unused-wrapper licenses bans sources
step clippy cargo clippy --release --workspace --exclude collector-ebpf --all-targets --quiet -- -D warnings
step docs make --no-print-directory docs
step tests cargo test --release --no-fail-fast
step live .ci/live.sh host
# A guest runs on one thread of the host, so two of them take no longer than one.
step vm-6.12 .ci/live.sh 6.12 >target/ci/vm-6.12.output &
step vm-6.1 .ci/live.sh 6.1
wait
cat target/ci/vm-6.12.output
step demo .ci/demo.sh

# What follows reads the demo's trace, or the bundled one where the demo had to fall back on it.
export GFPSCOPE_TRACE=$PWD/target/demo/trace
[ -d "$GFPSCOPE_TRACE" ] || GFPSCOPE_TRACE=$PWD/trace/fixtures/demo
step oracles target/venv/bin/python analyzer/tests/oracle.py "$GFPSCOPE_TRACE" target/release/analyzer
step browser target/venv/bin/python .ci/browser.py "$GFPSCOPE_TRACE" target/release
step notebooks target/venv/bin/python .ci/notebooks.py

.ci/summary
