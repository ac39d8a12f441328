//! `cargo xtask live`: the tests that need a live kernel. They are those of the collector (`collector/tests/live`) and
//! those of the reference allocator's formulas (`replay/reference/tests/live.rs`). On this machine's own kernel the
//! analyzer is also compared with perf and debugfs, which the guests do not have.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, symlink},
    path::{Path, PathBuf},
    process::{self, ExitCode, Stdio},
};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use serde_json::Value;

use crate::workspace::{self, SKIPPED};

/// Which kernel to test on.
#[derive(Args)]
#[command(after_help = "\
`host` needs root, tracefs and BTF. A guest needs QEMU, and its kernel is fetched once
from Debian; its log stays in target/vm/KERNEL/console.log. Where something is missing,
it says what, and ends with status 77.

Examples:
  cargo xtask live host                    this machine's own kernel
  cargo xtask live 6.12                    Debian's 6.12, booted in QEMU
  cargo xtask live /boot/vmlinuz-6.18      a kernel of your own
  GFPSCOPE_VM_TIMEOUT=3600 cargo xtask live 6.1
                                           in at most an hour; 20 minutes otherwise")]
pub struct Arguments {
    /// `host`, `6.1`, `6.12`, or the path of a 64-bit vmlinuz
    kernel: String,
}

/// The commands that a guest runs, one after the other as long as they succeed. The test of kswapd comes before the
/// tests that impair kswapd, and the test of lockdown comes last, because the guest cannot undo either state.
const IN_GUEST: [&str; 4] = [
    "GFPSCOPE_GUEST=1 /bin-dir/model --test-threads=1 --nocapture",
    "GFPSCOPE_GUEST=1 GFPSCOPE_BIN_DIR=/bin-dir /bin-dir/live --include-ignored kswapd_agrees",
    "GFPSCOPE_GUEST=1 GFPSCOPE_BIN_DIR=/bin-dir \
     /bin-dir/live --test-threads=1 --include-ignored --skip lockdown --skip kswapd_agrees",
    "GFPSCOPE_GUEST=1 GFPSCOPE_BIN_DIR=/bin-dir exec /bin-dir/live --include-ignored lockdown",
];

/// The exit status of `collector/tests/vm/boot.sh` if a kernel or a tool is missing.
const CANNOT_BOOT: i32 = 4;

/// Builds the programs and the tests, and runs the tests on the host or in a guest.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let host = arguments.kernel == "host";
    if host && let Some(reason) = why_not_here() {
        eprintln!("live: skipped: {reason}");
        return Ok(ExitCode::from(SKIPPED));
    }
    // The default members are built together and not as one package, whose dependencies would be built again with other
    // features.
    workspace::succeed(&mut workspace::command(&["cargo", "build", "--release", "--quiet"]))?;
    workspace::succeed(&mut workspace::command(&["cargo", "build", "--release", "--quiet", "--examples"]))?;
    let tests = Tests::build()?;
    let programs = programs()?;
    if host { on_host(&tests, &programs) } else { in_guest(&arguments.kernel, &tests, &programs) }
}

/// Returns the reason why this machine's own kernel cannot be tested, or `None` if it can.
fn why_not_here() -> Option<&'static str> {
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if !is_root {
        Some("tracing the kernel needs root")
    } else if !Path::new("/sys/kernel/btf/vmlinux").exists() {
        Some("this kernel has no BTF (/sys/kernel/btf/vmlinux)")
    } else if !Path::new("/sys/kernel/tracing/events/kmem").exists() {
        Some("this kernel shows no kmem events in /sys/kernel/tracing")
    } else {
        None
    }
}

/// The test programs, which are the same on the host and in a guest.
struct Tests {
    collector: PathBuf,
    reference: PathBuf,
}

impl Tests {
    fn build() -> anyhow::Result<Self> {
        let mut cargo = workspace::command(&[
            "cargo",
            "test",
            "--release",
            "--test",
            "live",
            "--no-run",
            "--message-format=json-render-diagnostics",
        ]);
        let built = cargo.stderr(Stdio::inherit()).output().with_context(|| workspace::cannot_start(&cargo))?;
        ensure!(built.status.success(), "cargo cannot build the live tests");
        let messages = String::from_utf8(built.stdout).context("cargo printed what is not UTF-8")?;
        let of = |package: &str| {
            let manifest = workspace::root().join(package).join("Cargo.toml");
            executable(&messages, &manifest).with_context(|| format!("cargo built no test `live` of {package}"))
        };
        Ok(Self { collector: of("collector")?, reference: of("replay/reference")? })
    }
}

/// Returns the test program that cargo reports for a package, in output with one JSON object a line.
fn executable(messages: &str, manifest: &Path) -> Option<PathBuf> {
    let mut messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let made = |message: Value| {
        let of_package = message["manifest_path"].as_str().is_some_and(|path| Path::new(path) == manifest);
        let of_test = message["target"]["name"] == "live";
        (of_package && of_test).then(|| message["executable"].as_str().map(PathBuf::from))?
    };
    messages.find_map(made)
}

/// Creates a folder with links to the programs that the tests run, on the host and in a guest, and returns the links'
/// paths.
fn programs() -> anyhow::Result<[PathBuf; 4]> {
    let folder = workspace::root().join("target/live");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let links = ["collector", "analyzer", "replay", "examples/workload"].map(|program| {
        let built = workspace::root().join("target/release").join(program);
        let link = folder.join(built.file_name().expect("a program has a name"));
        // Two guests may be started at the same time, so a link is replaced at once and never missing.
        let made = link.with_extension(process::id().to_string());
        symlink(&built, &made).and_then(|()| fs::rename(&made, &link)).map(|()| link)
    });
    let [collector, analyzer, replay, workload] = links;
    Ok([collector?, analyzer?, replay?, workload?])
}

fn on_host(tests: &Tests, programs: &[PathBuf]) -> anyhow::Result<ExitCode> {
    // With --nocapture a test that cannot run here prints a line 'SKIPPED: …', which `cargo xtask test` counts.
    workspace::succeed(workspace::command(&[&tests.reference]).arg("--nocapture"))?;
    workspace::succeed(
        workspace::command(&[&tests.collector])
            .args(["--test-threads=1", "--include-ignored", "--skip", "lockdown", "--nocapture"])
            .env("GFPSCOPE_BIN_DIR", programs[0].parent().expect("a program lies in a folder")),
    )?;
    let beside_perf = ["cargo", "test", "--release", "--test", "perf_kmem", "--test", "on_this_host"];
    workspace::succeed(workspace::command(&beside_perf).args([
        "--",
        "--include-ignored",
        "--test-threads=1",
        "--nocapture",
    ]))?;
    Ok(ExitCode::SUCCESS)
}

fn in_guest(kernel: &str, tests: &Tests, programs: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let limit = std::env::var("GFPSCOPE_VM_TIMEOUT").unwrap_or_else(|_| "1200".to_owned());
    // A path is relative to the folder in which the command was typed.
    let path = Path::new(kernel).is_file().then(|| fs::canonicalize(kernel)).transpose()?;
    let kernel = path.unwrap_or_else(|| kernel.into());
    let mut boot = workspace::command(&["collector/tests/vm/boot.sh", "--timeout", &limit]);
    boot.arg("--kernel").arg(kernel);
    for program in programs {
        boot.arg("--file").arg(program);
    }
    for (test, name) in [(&tests.collector, "live"), (&tests.reference, "model")] {
        boot.arg("--file").arg(format!("{}:/bin-dir/{name}", test.display()));
    }
    boot.arg("--").arg(IN_GUEST.join(" && "));
    let status = workspace::status(&mut boot)?;
    match status.code() {
        Some(0) => Ok(ExitCode::SUCCESS),
        // A machine that cannot boot a guest has skipped the tests and said why.
        Some(CANNOT_BOOT) => Ok(ExitCode::from(SKIPPED)),
        _ => bail!("the tests failed in the guest; its output is above ({status})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_program_of_a_package_is_found_among_what_cargo_says() {
        let message = |manifest: &str, target: &str, made: &str| {
            let target = serde_json::json!({ "name": target });
            serde_json::json!({ "manifest_path": manifest, "target": target, "executable": made }).to_string()
        };
        let messages = [
            message("/g/collector/Cargo.toml", "collector", "/t/collector"),
            message("/g/replay/reference/Cargo.toml", "live", "/t/live-1"),
            message("/g/collector/Cargo.toml", "live", "/t/live-2"),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ]
        .join("\n");
        assert_eq!(executable(&messages, Path::new("/g/collector/Cargo.toml")), Some("/t/live-2".into()));
        assert_eq!(executable(&messages, Path::new("/g/replay/reference/Cargo.toml")), Some("/t/live-1".into()));
        assert_eq!(executable(&messages, Path::new("/g/analyzer/Cargo.toml")), None);
    }
}
