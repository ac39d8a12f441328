//! `cargo xtask fuzz`: fuzzes the parsers and the reference allocator. It is no step of the tests, because fuzzing
//! never ends by itself. A failure that it finds becomes a test.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use anyhow::Context as _;
use clap::Args;

use crate::workspace;

/// How long to fuzz.
#[derive(Args)]
#[command(after_help = "\
Three targets, one after the other: the importer of text (ftrace, perf script), the
reader of perf.data, and calls to the reference allocator. What a run has found out
stays in target/fuzz, and the next one begins with it.

Examples:
  cargo xtask fuzz         ten minutes each
  cargo xtask fuzz 60      a minute each")]
pub struct Arguments {
    /// Seconds for each target
    #[arg(default_value_t = 600)]
    seconds: u64,
}

/// Fuzzes each target in turn. Errors at the first target in which a failure is found.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut version = workspace::command(&["cargo", "fuzz", "--version"]);
    let installed = version.stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !installed.is_ok_and(|status| status.success()) {
        eprintln!("fuzz: building cargo-fuzz");
        workspace::succeed(&mut workspace::command(&["cargo", "install", "--quiet", "--locked", "cargo-fuzz"]))?;
    }
    let fuzzer = Fuzzer { seconds: arguments.seconds, folder: workspace::root().join("target/fuzz") };
    fuzzer.fuzz("analyzer", "text", 1 << 16, &texts()?)?;
    fuzzer.fuzz("analyzer", "perf_data", 1 << 18, fuzzer.record_with_perf()?.as_slice())?;
    fuzzer.fuzz("replay/reference", "calls", 1 << 16, &[])?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the paths of the files with the output of ftrace on several kernels.
fn texts() -> anyhow::Result<Vec<PathBuf>> {
    let folder = workspace::root().join("trace/fixtures/ftrace");
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "txt")).collect())
}

struct Fuzzer {
    seconds: u64,
    /// The folder of the builds and the corpora.
    folder: PathBuf,
}

impl Fuzzer {
    /// Fuzzes a target of a crate with inputs of at most `longest` bytes. It begins with the seeds and with the corpus
    /// of earlier runs.
    fn fuzz(&self, of_crate: &str, target: &str, longest: u32, seeds: &[PathBuf]) -> anyhow::Result<()> {
        let corpus = self.folder.join(target);
        fs::create_dir_all(&corpus).with_context(|| format!("cannot create {}", corpus.display()))?;
        for seed in seeds {
            let copy = corpus.join(seed.file_name().expect("a seed is a file"));
            fs::copy(seed, copy).with_context(|| format!("cannot copy {}", seed.display()))?;
        }
        println!("\n==== {target}, {} s", self.seconds);
        let mut cargo = Command::new("cargo");
        cargo.current_dir(workspace::root().join(of_crate));
        // The instrumentation of libFuzzer is unstable in every toolchain. AddressSanitizer would need a nightly
        // toolchain, and safe code does not need it.
        cargo.env("RUSTC_BOOTSTRAP", "1").args(["fuzz", "run", "--sanitizer", "none", "--target-dir"]);
        cargo.arg(self.folder.join("build")).arg(target).arg(corpus).arg("--");
        cargo.arg(format!("-max_total_time={}", self.seconds)).arg(format!("-max_len={longest}"));
        workspace::succeed(cargo.args(["-rss_limit_mb=4096", "-print_final_stats=1"]))
    }

    /// Makes a short recording with perf as a seed. Returns `None` if perf cannot record.
    fn record_with_perf(&self) -> anyhow::Result<Option<PathBuf>> {
        const EVENTS: &str = "kmem:mm_page_alloc,kmem:mm_page_free,kmem:kmalloc,kmem:kfree";
        fs::create_dir_all(&self.folder).with_context(|| format!("cannot create {}", self.folder.display()))?;
        let seed = self.folder.join("seed.data");
        let mut perf = workspace::command(&["perf", "record", "-q", "-a", "-R", "-c", "1", "-m", "64", "-e", EVENTS]);
        let recorded = perf.arg("-o").arg(&seed).args(["--", "true"]).stderr(Stdio::null()).status();
        let recorded = recorded.is_ok_and(|status| status.success()) && Path::new(&seed).exists();
        if !recorded {
            eprintln!("fuzz: perf cannot record here, so the reader of perf.data has to begin with nothing");
        }
        Ok(recorded.then_some(seed))
    }
}
