//! What the kept eBPF object was built from, and with what. `collector/build.rs` and `cargo xtask ebpf` share this file.

use std::{
    fmt::{self, Write as _},
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

/// Everything that is compiled into the object and is this project's own, relative to the workspace.
pub const SOURCES: [&str; 3] = ["collector-ebpf/Cargo.toml", "collector-ebpf/src", "trace/src/records"];
/// The object, relative to the workspace.
pub const OBJECT: &str = "collector-ebpf/object/collector-ebpf.o";
/// The recipe, relative to the workspace: lines of `KEY = "VALUE"`.
pub const RECIPE: &str = "collector-ebpf/object/recipe.toml";

/// What `recipe.toml` tells about the object.
#[derive(Debug, PartialEq, Eq)]
pub struct Recipe {
    /// What `rustc --version` of the toolchain said.
    pub rustc: String,
    /// The version of LLVM in that toolchain, which is the one that `bpf-linker` was built with.
    pub llvm: String,
    /// What `bpf-linker --version` said.
    pub linker: String,
    /// SHA-256 of the [`SOURCES`], as [`sources`] counts it.
    pub sources: String,
    /// SHA-256 of the object.
    pub object: String,
}

impl Recipe {
    /// Reads the recipe that is kept in the repository at `root`.
    ///
    /// # Errors
    /// A sentence: the file cannot be read, or lacks a line.
    pub fn read(root: &Path) -> Result<Self, String> {
        let text =
            fs::read_to_string(root.join(RECIPE)).map_err(|error| format!("{RECIPE} cannot be read: {error}"))?;
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='));
            line.map(|value| value.trim().trim_matches('"').to_owned())
                .ok_or_else(|| format!("{RECIPE} has no `{key}`"))
        };
        Ok(Self {
            rustc: value("rustc")?,
            llvm: value("llvm")?,
            linker: value("linker")?,
            sources: value("sources")?,
            object: value("object")?,
        })
    }
}

impl fmt::Display for Recipe {
    /// The text of the recipe's file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rustc, llvm, linker, sources, object } = self;
        writeln!(f, "# What collector-ebpf.o was built from, and with what. `cargo xtask ebpf` writes both files.")?;
        let lines = [("rustc", rustc), ("llvm", llvm), ("linker", linker), ("sources", sources), ("object", object)];
        lines.into_iter().try_for_each(|(key, value)| writeln!(f, "{key} = \"{value}\""))
    }
}

/// SHA-256 of the programs' sources: of each file's path and bytes, in the order of their paths.
///
/// # Errors
/// A file or folder that cannot be read.
pub fn sources(root: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    for source in SOURCES {
        list(root, Path::new(source), &mut files)?;
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let bytes = fs::read(root.join(&file))?;
        hash.update(format!("{} {}\n", file.display(), bytes.len()));
        hash.update(bytes);
    }
    Ok(hex(hash))
}

/// SHA-256 of bytes, in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(Sha256::new_with_prefix(bytes))
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn list(root: &Path, path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !root.join(path).is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(root.join(path))? {
        list(root, &path.join(entry?.file_name()), files)?;
    }
    Ok(())
}
