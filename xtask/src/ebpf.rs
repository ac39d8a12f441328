//! `cargo xtask ebpf`: compiles the eBPF programs and keeps the object in the repository, so that only those who change
//! the programs need the second toolchain.

#[path = "../../collector-ebpf/object/recipe.rs"]
mod recipe;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail, ensure};
use object::build::elf::{Builder, SectionData};

use self::recipe::{OBJECT, RECIPE, Recipe};
use crate::workspace::{command, root, succeed};

/// Options of `cargo xtask ebpf`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  xtask/setup.sh ebpf          once: the toolchain for eBPF and its linker
  cargo xtask ebpf             after a change of the programs: compiles them, and keeps the object and its recipe
  cargo xtask ebpf --check     what CI does: is the kept object what these sources compile to?")]
pub struct Arguments {
    /// Keep nothing: compare with the kept object. With the toolchain of its recipe the bytes must be equal; with
    /// another one the live tests run on the object compiled here
    #[arg(long)]
    check: bool,
}

/// Compiles the programs, and keeps the object or compares it with the kept one.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let toolchain = env::var("GFPSCOPE_EBPF_TOOLCHAIN").unwrap_or_else(|_| "ebpf".to_owned());
    let (rustc, llvm) = version(&toolchain)?;
    let linker = stdout(Command::new("bpf-linker").arg("--version")).context(ADVICE)?.trim().to_owned();
    let object = compile(&toolchain)?;
    let sources = recipe::sources(root()).context("the eBPF programs cannot be read")?;
    let made = Recipe { rustc, llvm, linker, sources, object: recipe::sha256(&object) };
    if arguments.check { check(&made, &object) } else { keep(&made, &object) }
}

/// The advice to the user if a tool is missing.
const ADVICE: &str = "`xtask/setup.sh ebpf` installs the toolchain for eBPF and bpf-linker";

/// Returns the version of `rustc` in a toolchain, and the version of its LLVM.
fn version(toolchain: &str) -> anyhow::Result<(String, String)> {
    let text = stdout(Command::new("rustup").args(["run", toolchain, "rustc", "-vV"])).context(ADVICE)?;
    let line = |prefix: &str| text.lines().find_map(|line| line.strip_prefix(prefix)).unwrap_or("unknown").to_owned();
    Ok((format!("rustc {}", line("rustc ")), line("LLVM version: ")))
}

/// Compiles the programs. Everything that depends on this machine is left out of the object: paths are mapped to fixed
/// ones, and the DWARF sections, which the kernel does not read, are dropped (BTF stays).
fn compile(toolchain: &str) -> anyhow::Result<Vec<u8>> {
    let target = root().join("target/ebpf");
    let sysroot = stdout(Command::new("rustup").args(["run", toolchain, "rustc", "--print", "sysroot"]))?;
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")));
    let registry = home.context("cargo's home is not known")?.join("registry/src");
    let mut mapped =
        vec![(root().to_owned(), "/gfpscope"), (Path::new(sysroot.trim()).join("lib/rustlib/src/rust"), "/rust")];
    // The crates lie in one folder for each registry, whose name depends on where the crates came from.
    succeed(&mut command(&["cargo", "fetch", "--quiet", "--locked"]))?;
    for folder in fs::read_dir(&registry).with_context(|| format!("{} cannot be read", registry.display()))? {
        mapped.push((folder?.path(), "/crates"));
    }
    let mut flags: Vec<String> = [
        "--cfg=bpf_target_arch=\"x86_64\"",
        "-Cdebuginfo=2", // the linker makes BTF of it
        "-Clinker=bpf-linker",
        "-Clink-arg=--btf",
    ]
    .map(str::to_owned)
    .into();
    flags.extend(mapped.iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())));

    let mut cargo = command(&[
        "rustup",
        "run",
        toolchain,
        "cargo",
        "build",
        "--release",
        "--locked",
        "--package",
        "collector-ebpf",
    ]);
    cargo.args(["--bins", "-Zbuild-std=core", "--target=bpfel-unknown-none", "--target-dir"]).arg(&target);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    // The toolchain may be a stable one, but building `core` is unstable in all toolchains.
    cargo.env("RUSTC_BOOTSTRAP", "1");
    // `cargo xtask` puts the libraries of its own toolchain first on the path, which do not fit the other compiler.
    cargo.env_remove("LD_LIBRARY_PATH");
    succeed(&mut cargo).context(ADVICE)?;
    without_dwarf(&fs::read(target.join("bpfel-unknown-none/release/collector-ebpf"))?)
}

/// Returns the object without its `.debug_*` sections.
fn without_dwarf(object: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut builder = Builder::read(object).context("the linker's object is no ELF file")?;
    for section in &mut builder.sections {
        let name = section.name.as_slice();
        section.delete = name.starts_with(b".debug_") || name.starts_with(b".rel.debug_");
    }
    builder.delete_orphans();
    // LLVM keeps the names of sections in `.strtab`, together with those of symbols; the builder needs a table for
    // each.
    let names = builder.sections.add();
    names.name = b".shstrtab"[..].into();
    names.sh_type = object::elf::SHT_STRTAB;
    names.sh_addralign = 1;
    names.data = SectionData::SectionString;
    let mut stripped = Vec::new();
    builder.write(&mut stripped)?;
    Ok(stripped)
}

/// Writes the object and its recipe into the repository.
fn keep(made: &Recipe, object: &[u8]) -> anyhow::Result<()> {
    fs::write(root().join(OBJECT), object)?;
    fs::write(root().join(RECIPE), made.to_string())?;
    println!(
        "{OBJECT}: {} bytes, built by {} with LLVM {}; commit it together with {RECIPE}",
        object.len(),
        made.rustc,
        made.llvm
    );
    Ok(())
}

/// Errors if the kept object is not the result of compiling the sources, as far as the toolchain can tell.
fn check(made: &Recipe, object: &[u8]) -> anyhow::Result<()> {
    let kept = Recipe::read(root()).map_err(anyhow::Error::msg)?;
    ensure!(
        made.sources == kept.sources,
        "the eBPF programs have changed since {OBJECT} was built from them: run `cargo xtask ebpf`, and commit what it writes"
    );
    if (&made.rustc, &made.llvm, &made.linker) == (&kept.rustc, &kept.llvm, &kept.linker) {
        if made.object != kept.object {
            let found = root().join("target/ebpf/collector-ebpf.o");
            fs::write(&found, object)?;
            bail!(
                "{OBJECT} is not what these sources compile to with the toolchain that built it: compare it with {}; \
                 if a dependency has changed, `cargo xtask ebpf` keeps the new one",
                found.display()
            );
        }
        println!(
            "{OBJECT} is, byte for byte, what its sources compile to: {} bytes, SHA-256 {}",
            object.len(),
            made.object
        );
        return Ok(());
    }
    println!("this toolchain is another one than that of the recipe, so the bytes need not be equal:");
    println!("  kept:  {}, LLVM {}, {}", kept.rustc, kept.llvm, kept.linker);
    println!("  here:  {}, LLVM {}, {}", made.rustc, made.llvm, made.linker);
    println!("the live tests run on the object compiled here; `cargo xtask live host` runs them on the kept one");
    let found = root().join("target/ebpf/collector-ebpf.o");
    fs::write(&found, object)?;
    let mut live = Command::new(env::current_exe()?);
    succeed(live.args(["live", "host"]).current_dir(root()).env("GFPSCOPE_EBPF_OBJECT", &found))
}

/// Returns the output of a command. Errors if the command cannot be started or fails.
fn stdout(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("cannot start {}", command.get_program().display()))?;
    ensure!(
        output.status.success(),
        "{} failed: {}",
        command.get_program().display(),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8(output.stdout)?)
}
