#!/usr/bin/env bash
# Installs what one part of the work needs, and nothing that is already there: a second run takes a second.
#
#   xtask/setup.sh demo    what building with Rust needs, and tracefs: enough for `make demo`
#   xtask/setup.sh ebpf    the toolchain and the linker of the eBPF programs: only for who changes these
#   xtask/setup.sh test    both, and everything that the tests, the benchmarks and the notebooks run on
#
# On a Debian-like machine, as root, it installs; anywhere else it says what is missing and how to get it, and exits 1.
set -euo pipefail
cd "$(dirname "$0")/.."

BPF_LINKER=0.13.0
CARGO_DENY=0.20.2
state=target/setup
mkdir -p "$state"
# Where cargo install puts bpf-linker and cargo-deny.
PATH=${CARGO_HOME:-${HOME-}/.cargo}/bin:$PATH

say() { printf 'setup: %s\n' "$*" >&2; }
missing=()
need() { missing+=("$1"); }
give_up_if_missing() {
	[ ${#missing[@]} -gt 0 ] || return 0
	say 'this machine lacks:'
	printf '  - %s\n' "${missing[@]}" >&2
	exit 1
}

debian=no
if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then debian=yes; fi
can_install=no
if [ "$debian" = yes ] && [ "$(id -u)" = 0 ]; then can_install=yes; fi

updated=no
update_package_lists() {
	[ "$updated" = no ] || return 0
	updated=yes
	apt-get update -qq || say "'apt-get update' had errors; going on with the package lists it could read"
}
installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ]; }
# packaged PACKAGE: this machine's package sources have it. A machine that was never updated has no lists yet.
packaged() {
	! apt-cache show "$1" >/dev/null 2>&1 || return 0
	[ "$can_install" = yes ] || return 1
	update_package_lists
	apt-cache show "$1" >/dev/null 2>&1
}
# apt_install PACKAGE…: installs those that are missing; where it may not, notes them. Unknown names are an error.
apt_install() {
	local package wanted=()
	for package in "$@"; do
		installed "$package" || wanted+=("$package")
	done
	[ ${#wanted[@]} -gt 0 ] || return 0
	if [ "$can_install" = no ]; then
		need "Debian packages: as root, apt-get install --no-install-recommends ${wanted[*]}"
		return 0
	fi
	say "installing ${wanted[*]}"
	update_package_lists
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" \
		>"$state/apt.log" 2>&1 || {
		tail -n 20 "$state/apt.log" >&2
		say "apt-get could not install ${wanted[*]}; its whole output is in $state/apt.log"
		exit 1
	}
}

# ---- what building needs ---------------------------------------------------------------------------------------------

rust() {
	local wanted found
	wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
	if ! command -v cargo >/dev/null || ! command -v rustc >/dev/null; then
		need "cargo and rustc, $wanted or newer: rustup, the installer of the Rust project, brings both"
		give_up_if_missing
	fi
	found=$(rustc --version | sed -n 's/^rustc \([0-9.]*\).*/\1/p')
	printf '%s\n' "$wanted" "$found" | sort --version-sort --check=quiet ||
		need "rustc $wanted or newer, and $(command -v rustc) is $found: rustup update stable"
}

# Rust links with the C compiler's driver, and SQLite is a C file. That a program comes out is what counts: a compiler
# without the C library's headers and start files is one of the ways to have half of it.
c_compiler() {
	links_c && return
	if [ "$debian" = yes ]; then
		apt_install gcc libc6-dev
	else
		need "a C compiler called cc and the C library's headers, from this distribution's packages"
	fi
	[ ${#missing[@]} -gt 0 ] || links_c ||
		need "a C compiler that works: $state/cc.log has what cc said to a program of one line"
}
links_c() {
	command -v cc >/dev/null || return 1
	printf '#include <stdio.h>\nint main(void) { return puts("") < 0; }\n' |
		cc -x c - -o "$state/links-c" >"$state/cc.log" 2>&1 && rm -f "$state/links-c"
}

# mounted TYPE PLACE CONSEQUENCE
mounted() {
	[ "$(id -u)" = 0 ] || return 0
	mountpoint -q "$2" || mount -t "$1" "$1" "$2" 2>/dev/null || say "$1 cannot be mounted at $2: $3"
}
tracefs() { mounted tracefs /sys/kernel/tracing 'the collector will not work, importing and analysing traces will'; }

# ---- what changing the eBPF programs needs ---------------------------------------------------------------------------
# A toolchain with the sources of `core` (for -Z build-std), and a bpf-linker with the LLVM of its rustc. Whichever is
# chosen is linked as the rustup toolchain `ebpf`, so that it is found without any environment.

sources_of() { [ -f "$1/lib/rustlib/src/rust/library/core/Cargo.toml" ]; }
llvm_major_of() { "$1/bin/rustc" -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p'; }
# llvm_obtainable MAJOR: bpf-linker knows that LLVM, and its development files are there or packaged.
llvm_obtainable() {
	case $1 in 21 | 22 | 23) ;; *) return 1 ;; esac
	[ "$debian" = no ] || [ -d "/usr/lib/llvm-$1/include/llvm-c" ] || packaged "llvm-$1-dev"
}
builds_ebpf() { [ -x "$1/bin/rustc" ] && sources_of "$1" && llvm_obtainable "$(llvm_major_of "$1")"; }

# Sets `sysroot` and `took`. Debian's rustc-web comes first, because the object that the repository keeps is built with
# it: the same programs then give the same object. A nightly toolchain serves where that package is not to be had.
choose_toolchain() {
	local name candidate
	if [ "$debian" = yes ]; then
		# rustc-web replaces the packages rustc and rustup: where one of them is installed, that was somebody's choice.
		if [ "$can_install" = yes ] && ! installed rustc && ! installed rustup && packaged rustc-web; then
			apt_install rustc-web cargo-web rust-web-src
		fi
		if builds_ebpf /usr; then
			sysroot=/usr took="Debian's $(/usr/bin/rustc --version | cut -d' ' -f1,2)"
			return
		fi
	fi
	while read -r name _; do
		candidate=$(rustup run "$name" rustc --print sysroot 2>/dev/null) || continue
		if builds_ebpf "$candidate"; then
			sysroot=$candidate took="the rustup toolchain $name"
			return
		fi
	done < <(rustup toolchain list 2>/dev/null | grep '^nightly' || true)
	need "a toolchain for eBPF, on LLVM 21, 22 or 23: rustup toolchain install nightly --component rust-src$(
		[ "$debian" = no ] || [ "$can_install" = yes ] ||
			echo '; or, as root, apt-get install --no-install-recommends rustc-web cargo-web rust-web-src'
	)"
}

linker_fits() {
	[ "$(bpf-linker --version 2>/dev/null || true)" = "bpf-linker $BPF_LINKER" ] || return 1
	# A linker that is linked statically shows no LLVM here; whether it fits is for check_ebpf to find out.
	local linked
	linked=$(ldd "$(command -v bpf-linker)" 2>/dev/null | sed -n 's/.*libLLVM[^0-9]*\([0-9]*\)\..*/\1/p' | head -n 1)
	[ -z "$linked" ] || [ "$linked" = "$llvm" ]
}

bpf_linker() {
	! linker_fits || return 0
	local prefix
	if [ "$debian" = yes ]; then
		apt_install "llvm-$llvm-dev"
		prefix=/usr/lib/llvm-$llvm
	else
		prefix=$(llvm-config --prefix 2>/dev/null || true)
		[ "$(llvm-config --version 2>/dev/null | cut -d. -f1)" = "$llvm" ] ||
			need "the development files of LLVM $llvm, with llvm-config on the PATH"
	fi
	give_up_if_missing
	say "building bpf-linker $BPF_LINKER with LLVM $llvm (about two minutes)"
	LLVM_PREFIX=$prefix CARGO_PROFILE_RELEASE_OPT_LEVEL=1 cargo install --quiet --force --locked \
		bpf-linker --version "$BPF_LINKER" --no-default-features --features "llvm-$llvm" --target-dir "$state/build"
	linker_fits || {
		say "cargo installed bpf-linker, but the one on the PATH is another: $(command -v bpf-linker || echo none)"
		say "put cargo's bin folder first on the PATH"
		exit 1
	}
}

# The check that counts: a BPF object comes out. It is repeated only when one of the two parts has changed.
check_ebpf() {
	local recipe check=$state/ebpf-check machine
	recipe="$("$sysroot/bin/rustc" --version) | $(bpf-linker --version) | LLVM $llvm"
	recipe="$recipe | $(stat -Lc '%s %Y' "$(command -v bpf-linker)")"
	[ "$(cat "$state/ebpf-checked" 2>/dev/null || true)" != "$recipe" ] || return 0
	say "checking that $took and bpf-linker build a BPF object"
	rm -rf "$check"
	mkdir -p "$check/src"
	cat >"$check/Cargo.toml" <<-'TOML'
		[package]
		name = "ebpf-check"
		edition = "2021"
		[workspace]
		[profile.dev]
		panic = "abort"
	TOML
	cat >"$check/src/main.rs" <<-'RUST'
		#![no_std]
		#![no_main]
		#[no_mangle]
		#[link_section = "socket"]
		pub extern "C" fn check() -> u32 { 0 }
		#[panic_handler]
		fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
	RUST
	(cd "$check" && RUSTC_BOOTSTRAP=1 RUSTFLAGS='-C linker=bpf-linker' CARGO_TARGET_DIR=build \
		rustup run ebpf cargo build --quiet -Z build-std=core --target bpfel-unknown-none)
	# e_machine of an eBPF object is 247.
	machine=$(od -An -j18 -N2 -tu2 "$check/build/bpfel-unknown-none/debug/ebpf-check" | tr -d ' ')
	[ "$machine" = 247 ] || {
		say "the linker made an object of machine type $machine where 247 is eBPF"
		exit 1
	}
	rm -rf "$check"
	echo "$recipe" >"$state/ebpf-checked"
}

ebpf() {
	sysroot='' took=''
	if command -v rustup >/dev/null; then
		choose_toolchain
	else
		need 'rustup: the eBPF programs are built by a second toolchain, which rustup selects'
	fi
	give_up_if_missing
	llvm=$(llvm_major_of "$sysroot")
	[ "$(rustup run ebpf rustc --print sysroot 2>/dev/null || true)" = "$sysroot" ] ||
		rustup toolchain link ebpf "$sysroot"
	bpf_linker
	check_ebpf
	say "the eBPF programs are built by $took with LLVM $llvm"
}

# ---- what testing needs ----------------------------------------------------------------------------------------------

# rustup reports a missing component only when it is used; asked for here, where the answer can say what to do.
rust_components() {
	cargo fmt --version >/dev/null 2>&1 || need 'rustfmt: rustup component add rustfmt'
	cargo clippy --version >/dev/null 2>&1 || need 'clippy: rustup component add clippy'
}

system_packages() {
	if [ "$debian" = yes ]; then
		apt_install binutils python3 python3-venv \
			linux-perf libcap2-bin `# what the live tests compare the collector with` \
			chromium chromium-driver `# what the report is opened in` \
			qemu-system-x86 busybox-static cpio gzip # the kernel matrix
		return
	fi
	local tool
	for tool in strip python3 perf capsh qemu-system-x86_64 busybox cpio gzip ldd chromedriver; do
		command -v "$tool" >/dev/null || need "the program $tool, from this distribution's packages"
	done
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null ||
		command -v google-chrome >/dev/null || need "Chromium, from this distribution's packages"
}

cargo_deny() {
	[ "$(cargo deny --version 2>/dev/null || true)" != "cargo-deny $CARGO_DENY" ] || return 0
	say "building cargo-deny $CARGO_DENY (about two minutes)"
	# Its own release profile spends minutes on link-time optimisation, for a program that here runs for a second.
	CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
		cargo install --quiet --force --locked cargo-deny --version "$CARGO_DENY" \
		--no-default-features --target-dir "$state/build"
}

python_packages() {
	! cmp -s notebooks/requirements.txt target/venv/installed.txt || return 0
	say 'installing the Python packages of notebooks/requirements.txt into target/venv'
	rm -rf target/venv
	# Debian's own python3 if it is there: it is the one whose venv module the package list above installs.
	local python=python3
	[ "$debian" = no ] || python=/usr/bin/python3
	"$python" -m venv target/venv
	target/venv/bin/pip install --quiet --disable-pip-version-check --requirement notebooks/requirements.txt
	cp notebooks/requirements.txt target/venv/installed.txt
}

# ---- the parts -------------------------------------------------------------------------------------------------------

case ${1-} in
demo)
	rust
	c_compiler
	give_up_if_missing
	tracefs
	;;
ebpf)
	rust
	c_compiler
	ebpf
	;;
test)
	rust
	rust_components
	c_compiler
	system_packages
	ebpf
	cargo_deny
	python_packages
	tracefs
	mounted debugfs /sys/kernel/debug 'the test that reads extfrag_index will be skipped'
	;;
*)
	echo 'usage: xtask/setup.sh demo | ebpf | test' >&2
	exit 2
	;;
esac
# Nothing to free: the builds are installed, and a changed version starts from nothing anyway.
rm -rf "$state/build"
say "ready for ${1}"
