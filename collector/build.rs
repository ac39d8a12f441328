//! Compiles the eBPF programs with a toolchain of their own: the BPF target needs a `core` built from source, which
//! stable does not do.

use std::{env, process::Command};

use anyhow::{Context as _, bail};
use aya_build::{Package, Toolchain, build_ebpf};

fn main() -> anyhow::Result<()> {
    const TOOLCHAIN: &str = "GFPSCOPE_EBPF_TOOLCHAIN";
    println!("cargo:rerun-if-env-changed={TOOLCHAIN}");
    let toolchain = env::var(TOOLCHAIN).unwrap_or_else(|_| "ebpf".to_owned());
    let found = Command::new("rustup").args(["run", &toolchain, "rustc", "--version"]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        bail!(
            "there is no rustup toolchain `{toolchain}` for the eBPF programs: run `make setup`, or name one with rust-src in {TOOLCHAIN}"
        );
    }
    // SAFETY: a build script has one thread here.
    // The toolchain may be a stable one; building `core` is unstable in all of them.
    unsafe {
        env::set_var("RUSTC_BOOTSTRAP", "1");
        // What the inner cargo says becomes warnings of this build; that it compiles is none.
        env::set_var("CARGO_TERM_QUIET", "true");
    }
    let programs = Package { name: "collector-ebpf", root_dir: "../collector-ebpf", ..Package::default() };
    build_ebpf([programs], Toolchain::Custom(&toolchain)).context("cannot build the eBPF programs")
}
