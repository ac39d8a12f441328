# Two commands matter: `make demo` and `make test`. Both do all the set-up that a fresh Debian-like machine needs.
# What a developer runs many times a day is `cargo xtask`; its --help shows examples.

.PHONY: help setup demo test bench fuzz vm docs

help:
	@echo 'make demo    record this machine for some seconds, analyse and replay what was recorded'
	@echo 'make test    every check: format, lints, licences, unit tests, live tests here and on other kernels,'
	@echo '             the report in a browser, notebooks (cargo xtask test --fast: a few minutes, without root)'
	@echo 'make bench   what recording costs beside perf and bpftrace, how fast a trace is read, and the reference'
	@echo '             allocator per operation (LLFREE_BENCH=PROGRAM make bench: beside LLFree, if it has been built)'
	@echo 'make fuzz    ten minutes each for what parses and for the reference allocator (SECONDS=60 make fuzz: a minute)'
	@echo 'make vm      the live tests on Linux 6.1 and 6.12, booted in QEMU'
	@echo 'make docs    the documentation of every crate, into target/doc'
	@echo 'make setup   install what the tests need; make demo needs less, and each command installs what it needs'

setup:
	@xtask/setup.sh test

demo:
	@xtask/setup.sh demo
	@xtask/demo.sh

test: setup
	@cargo xtask test

bench: setup
	@cargo xtask bench

fuzz:
	@xtask/setup.sh demo
	@cargo xtask fuzz $(SECONDS)

vm: setup
	@cargo xtask live 6.1
	@cargo xtask live 6.12

# --release, as everywhere: the dependencies that clippy has checked are then not checked again.
docs:
	RUSTDOCFLAGS='-D warnings' cargo doc --release --workspace --exclude collector-ebpf --no-deps --quiet
