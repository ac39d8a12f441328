#!/usr/bin/env bash
# Installs what building, testing and the notebooks need, and nothing that is already there: a second run takes a second.
#
# On a Debian-like machine, as root, it installs; anywhere else it prints what is missing and how to get it, and exits 1.
set -euo pipefail
cd "$(dirname "$0")/.."

BPF_LINKER=0.13.0
CARGO_DENY=0.20.2
state=target/setup
mkdir -p "$state"

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

# apt_install PACKAGE…: installs those that are missing; where it may not, notes them. Unknown names are an error in both cases.
updated=no
apt_install() {
	local package wanted=()
	for package in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || wanted+=("$package")
	done
	[ ${#wanted[@]} -gt 0 ] || return 0
	if [ "$can_install" = no ]; then
		need "Debian packages: as root, apt-get install --no-install-recommends ${wanted[*]}"
		return 0
	fi
	say "installing ${wanted[*]}"
	if [ "$updated" = no ]; then
		apt-get update -qq || say "'apt-get update' had errors; going on with the package lists it could read"
		updated=yes
	fi
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" >"$state/apt.log" 2>&1 || {
		tail -n 20 "$state/apt.log" >&2
		say "apt-get could not install ${wanted[*]}; its whole output is in $state/apt.log"
		exit 1
	}
}

# ---- Rust --------------------------------------------------------------------------------------------------------------

command -v cargo >/dev/null || need 'cargo and rustc, 1.95 or newer, installed with rustup'
command -v rustup >/dev/null || need 'rustup: the eBPF object is built by a second toolchain, which rustup selects'
give_up_if_missing
# rustup reports a missing component only when it is used; asked for here, where the answer can say what to do.
cargo fmt --version >/dev/null 2>&1 || need 'rustfmt: rustup component add rustfmt'
cargo clippy --version >/dev/null 2>&1 || need 'clippy: rustup component add clippy'

# ---- system packages ---------------------------------------------------------------------------------------------------

if [ "$debian" = yes ]; then
	apt_install gcc libc6-dev binutils python3 python3-venv \
		linux-perf libcap2-bin `# what the live tests compare the collector with` \
		chromium chromium-driver `# what the report is opened in` \
		qemu-system-x86 busybox-static cpio gzip # the kernel matrix
else
	for tool in gcc strip python3 perf capsh qemu-system-x86_64 busybox cpio gzip ldd chromedriver; do
		command -v "$tool" >/dev/null || need "the program $tool, from this distribution's packages"
	done
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
		need "Chromium, from this distribution's packages"
fi

# ---- toolchain for the eBPF object --------------------------------------------------------------------------------------
# It needs the sources of `core` (for -Z build-std) and a bpf-linker with the LLVM of its rustc. Whichever toolchain is chosen is
# linked as the rustup toolchain `ebpf`, so that a plain `cargo build` finds it without any environment.

sources_of() { [ -f "$1/lib/rustlib/src/rust/library/core/Cargo.toml" ]; }
llvm_major_of() { "$1/bin/rustc" -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p'; }

# llvm_obtainable MAJOR: bpf-linker can be built with it: its version knows that LLVM, whose development files are there or packaged.
llvm_obtainable() {
	case $1 in 21 | 22 | 23) ;; *) return 1 ;; esac
	[ "$debian" = no ] || [ -d "/usr/lib/llvm-$1/include/llvm-c" ] || apt-cache show "llvm-$1-dev" >/dev/null 2>&1
}

sysroot='' took=''
while read -r name _; do
	candidate=$(rustup run "$name" rustc --print sysroot 2>/dev/null) || continue
	if sources_of "$candidate" && llvm_obtainable "$(llvm_major_of "$candidate")"; then
		sysroot=$candidate took="the rustup toolchain $name"
		break
	fi
done < <(rustup toolchain list 2>/dev/null | grep '^nightly' || true)

if [ -z "$sysroot" ]; then
	if [ "$debian" = yes ] && { [ -x /usr/bin/rustc ] && sources_of /usr; }; then
		: # installed by an earlier run
	elif [ "$debian" = yes ] && [ "$can_install" = yes ]; then
		apt_install rustc-web cargo-web rust-web-src
	else
		need 'a toolchain for eBPF: rustup toolchain install nightly --component rust-src'"$([ "$debian" = no ] ||
			echo "; or, as root, apt-get install --no-install-recommends rustc-web cargo-web rust-web-src")"
	fi
	sysroot=/usr took="Debian's $(/usr/bin/rustc --version 2>/dev/null || echo rustc)"
fi
give_up_if_missing
sources_of "$sysroot" || {
	say "$sysroot has no sources of the core library; rustup toolchain install nightly --component rust-src brings a toolchain that has"
	exit 1
}
llvm=$(llvm_major_of "$sysroot")
llvm_obtainable "$llvm" || {
	say "$took is built on LLVM $llvm; bpf-linker $BPF_LINKER needs LLVM 21, 22 or 23 and its development files"
	exit 1
}
[ "$(rustup run ebpf rustc --print sysroot 2>/dev/null || true)" = "$sysroot" ] || rustup toolchain link ebpf "$sysroot"

linker_fits() {
	[ "$(bpf-linker --version 2>/dev/null || true)" = "bpf-linker $BPF_LINKER" ] || return 1
	# A linker that is linked statically shows no LLVM here; whether it fits is for the check below to find out.
	local linked
	linked=$(ldd "$(command -v bpf-linker)" 2>/dev/null | sed -n 's/.*libLLVM[^0-9]*\([0-9]*\)\..*/\1/p' | head -n 1)
	[ -z "$linked" ] || [ "$linked" = "$llvm" ]
}
if ! linker_fits; then
	if [ "$debian" = yes ]; then
		apt_install "llvm-$llvm-dev"
		prefix=/usr/lib/llvm-$llvm
	else
		prefix=$(llvm-config --prefix 2>/dev/null || true)
		[ "$(llvm-config --version 2>/dev/null | cut -d. -f1)" = "$llvm" ] || need "the development files of LLVM $llvm, with llvm-config on the PATH"
	fi
	give_up_if_missing
	say "building bpf-linker $BPF_LINKER with LLVM $llvm (about two minutes)"
	LLVM_PREFIX=$prefix CARGO_PROFILE_RELEASE_OPT_LEVEL=1 cargo install --quiet --force --locked bpf-linker --version "$BPF_LINKER" \
		--no-default-features --features "llvm-$llvm" --target-dir "$state/build"
	linker_fits || {
		say "cargo installed bpf-linker, but the one on the PATH is another: $(command -v bpf-linker || echo none); put cargo's bin folder first on the PATH"
		exit 1
	}
fi

# The check that counts: a BPF object comes out. Repeated only when one of the two parts has changed.
recipe="$("$sysroot/bin/rustc" --version) | $(bpf-linker --version) | LLVM $llvm | $(stat -Lc '%s %Y' "$(command -v bpf-linker)")"
if [ "$(cat "$state/ebpf-checked" 2>/dev/null || true)" != "$recipe" ]; then
	say "checking that $took and bpf-linker build a BPF object"
	check=$state/ebpf-check
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
fi
echo ebpf >"$state/ebpf-toolchain"

# ---- cargo-deny --------------------------------------------------------------------------------------------------------

if [ "$(cargo deny --version 2>/dev/null || true)" != "cargo-deny $CARGO_DENY" ]; then
	say "building cargo-deny $CARGO_DENY (about two minutes)"
	# Its own release profile spends minutes on link-time optimisation, for a program that here runs for a second.
	CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
		cargo install --quiet --force --locked cargo-deny --version "$CARGO_DENY" --no-default-features --target-dir "$state/build"
fi

# ---- Python ------------------------------------------------------------------------------------------------------------

if ! cmp -s notebooks/requirements.txt target/venv/installed.txt; then
	say 'installing the Python packages of notebooks/requirements.txt into target/venv'
	rm -rf target/venv
	# Debian's own python3 if it is there: it is the one whose venv module the package list above installs.
	python=python3
	[ "$debian" = no ] || python=/usr/bin/python3
	"$python" -m venv target/venv
	target/venv/bin/pip install --quiet --disable-pip-version-check --requirement notebooks/requirements.txt
	cp notebooks/requirements.txt target/venv/installed.txt
fi

# ---- kernel file systems -----------------------------------------------------------------------------------------------

if [ "$(id -u)" = 0 ]; then
	mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing ||
		say 'tracefs cannot be mounted here: the collector will not work, importing and analysing traces will'
	mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug ||
		say 'debugfs cannot be mounted here'
fi
# Nothing to free: the builds are installed, and a changed version starts from nothing anyway.
rm -rf "$state/build"
say "ready; the eBPF object is built by $took with LLVM $llvm"
