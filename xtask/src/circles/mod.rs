//! `cargo xtask circles`: checks that no file of a crate's `src` uses a file that uses it, directly or through others,
//! and that no two folders directly below `src` use one another.
//!
//! A use is anything that the compiler must look up in the other file: a name imported from it, or a path that leads
//! into it, also in the arguments of macros. A re-export counts as a use of the file that *defines* the name. A
//! module's file uses the files of the modules that it declares. A file that uses what its own `mod.rs` defines is
//! therefore in a circle with it; a file that uses what this `mod.rs` only re-exports is not. Tests (`#[cfg(test)]`)
//! are left out.

mod graph;
mod modules;
mod names;
mod packages;
mod paths;
#[cfg(test)]
mod tests;

use std::{fs, process::ExitCode};

use clap::Args;

use crate::workspace;
use graph::Graph;
use modules::Modules;

/// No argument: the whole workspace is read, in less than a second.
#[derive(Args)]
#[command(after_help = "\
Each circle is printed with who uses what of whom. To break one: move what both need
into a file of its own, or let the caller pass it in.

Examples:
  cargo xtask circles
  cargo xtask test circles clippy")]
pub struct Arguments {}

/// Prints the circles of every crate, and fails if there is one.
pub fn run(_: &Arguments) -> anyhow::Result<ExitCode> {
    let (mut files, mut found) = (0, 0);
    for crate_root in packages::crate_roots()? {
        let modules = Modules::read(&crate_root, |path| fs::read_to_string(workspace::root().join(path)).ok())?;
        let graph = Graph::new(&modules);
        files += modules.files().len();
        for circle in graph.circles() {
            found += 1;
            println!("circle of {} files:\n{circle}", circle.files());
        }
        for pair in graph.folders_that_use_one_another() {
            found += 1;
            println!("{pair}");
        }
    }
    println!("{files} files, {found} circles");
    Ok(if found == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
