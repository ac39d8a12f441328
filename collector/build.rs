//! Chooses the eBPF object that the collector carries: the one kept in the repository, if it was built from these very sources.
//!
//! Nothing is compiled here, so a stable toolchain is all that a build needs. Whoever changes the programs builds the object anew with
//! `cargo xtask ebpf`, which needs a second toolchain.

#[path = "../collector-ebpf/object/recipe.rs"]
mod recipe;

use std::{env, fs, path::PathBuf};

use recipe::{OBJECT, RECIPE, Recipe, SOURCES};

/// Names another object to carry: CI tests one that was built just now, by whatever toolchain is there.
const OTHER_OBJECT: &str = "GFPSCOPE_EBPF_OBJECT";

fn main() {
    println!("cargo::rerun-if-env-changed={OTHER_OBJECT}");
    match object() {
        Ok(object) => println!("cargo::rustc-env=EBPF_OBJECT={}", object.display()),
        Err(sentence) => println!("cargo::error={sentence}"),
    }
}

fn object() -> Result<PathBuf, String> {
    if let Some(other) = env::var_os(OTHER_OBJECT) {
        let other = PathBuf::from(other);
        println!("cargo::rerun-if-changed={}", other.display());
        return other.canonicalize().map_err(|error| format!("{OTHER_OBJECT} names {}: {error}", other.display()));
    }
    let manifest = env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo sets CARGO_MANIFEST_DIR")?;
    let root = PathBuf::from(manifest).parent().ok_or("the collector lies in a workspace")?.to_owned();
    for file in SOURCES.into_iter().chain([OBJECT, RECIPE]) {
        println!("cargo::rerun-if-changed={}", root.join(file).display());
    }
    let recipe = Recipe::read(&root)?;
    let sources = recipe::sources(&root).map_err(|error| format!("the eBPF programs cannot be read: {error}"))?;
    if sources != recipe.sources {
        return Err(format!(
            "the eBPF programs ({}) have changed since {OBJECT} was built from them: run `cargo xtask ebpf`, which builds it anew \
             (`xtask/setup.sh ebpf` installs the toolchain that it needs)",
            SOURCES.join(", ")
        ));
    }
    let object = root.join(OBJECT);
    let bytes = fs::read(&object).map_err(|error| format!("{OBJECT} cannot be read: {error}"))?;
    if recipe::sha256(&bytes) != recipe.object {
        return Err(format!(
            "{OBJECT} is not the one that {RECIPE} describes: take both from one commit, or run `cargo xtask ebpf`"
        ));
    }
    Ok(object)
}
