# Two commands matter: `make demo` and `make test`. Both do all the set-up that a fresh Debian-like machine needs.

# The toolchain that builds the eBPF object (collector/build.rs); `make setup` links it under this name.
export GFPSCOPE_EBPF_TOOLCHAIN ?= ebpf
# Where cargo install puts bpf-linker and cargo-deny.
export PATH := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)

.PHONY: help setup demo test bench fuzz vm docs

help:
	@echo 'make demo    record this machine for some seconds, analyse and replay what was recorded'
	@echo 'make test    every check: format, lints, licences, unit tests, live tests here and on other kernels, the report in a browser, notebooks'
	@echo 'make bench   what recording costs beside perf and bpftrace, how fast a trace is read, and the reference allocator per operation'
	@echo '             (LLFREE_BENCH=PROGRAM make bench: beside LLFree, if its benchmark has been built)'
	@echo 'make fuzz    ten minutes each for what parses and for the reference allocator (SECONDS=60 make fuzz: a minute)'
	@echo 'make vm      the live tests on Linux 6.1 and 6.12, booted in QEMU'
	@echo 'make docs    the documentation of every crate, into target/doc'
	@echo 'make setup   install what the above need (they call it themselves)'

setup:
	@.ci/setup.sh

demo: setup
	@.ci/demo.sh

test: setup
	@.ci/test.sh

bench: setup
	cargo build --release
	cargo build --release --examples
	target/venv/bin/python .ci/bench.py target/release
	target/venv/bin/python .ci/cost.py target/release
	target/venv/bin/python .ci/rate.py target/release
	target/venv/bin/python .ci/bench_analyzer.py target/release
	target/venv/bin/python .ci/bench_reference.py target/release
	target/release/replay bench --fragmentation

fuzz: setup
	.ci/fuzz.sh $(SECONDS)

vm: setup
	.ci/live.sh 6.1
	.ci/live.sh 6.12

# --release, as everywhere: the dependencies that clippy has checked are then not checked again.
docs:
	RUSTDOCFLAGS='-D warnings' cargo doc --release --workspace --exclude collector-ebpf --no-deps --quiet
