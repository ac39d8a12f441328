//! The crates of the workspace.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::workspace;

/// Returns the root file of every library and program in a `src` folder of the workspace, as cargo lists them. The
/// paths are relative to the repository's root.
pub fn crate_roots() -> anyhow::Result<Vec<PathBuf>> {
    let mut cargo = workspace::command(&["cargo", "metadata", "--no-deps", "--format-version", "1"]);
    let output = cargo.output().with_context(|| workspace::cannot_start(&cargo))?;
    ensure!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata printed no JSON")?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut roots = Vec::new();
    for package in list(&metadata["packages"]) {
        let manifest = package["manifest_path"].as_str().map(Path::new);
        let src = manifest.and_then(Path::parent).context("a package without a manifest")?.join("src");
        let targets = list(&package["targets"]);
        let files = targets.iter().filter_map(|target| target["src_path"].as_str()).map(Path::new);
        let of_src = files.filter(|file| file.starts_with(&src));
        roots.extend(of_src.map(|file| file.strip_prefix(workspace::root()).unwrap_or(file).to_owned()));
    }
    Ok(roots)
}
