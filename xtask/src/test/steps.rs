//! The steps of the tests.

/// One step: a command whose exit status and printed counts decide its verdict.
pub struct Step {
    /// The name of the step on the command line and in the closing table, and of its log file.
    pub name: &'static str,
    /// The program and its arguments, separated by spaces. It runs in the repository's root, and [`TRACE`] stands for a
    /// trace directory.
    pub command: &'static str,
    /// Whether `--fast` runs the step. Such a step needs no root, no browser, no emulator and nothing that
    /// `xtask/setup.sh demo` leaves out.
    pub fast: bool,
    /// Whether the step runs at the same time as the neighbouring steps that also have this set.
    pub beside_others: bool,
}

/// The placeholder in a command for the trace to read: that of the demo, or the bundled one if there is no trace of the
/// demo.
pub const TRACE: &str = "{trace}";

/// All steps, in the order in which a mistake is cheapest to find.
pub const STEPS: &[Step] = &[
    fast("format", "cargo fmt --all --check"),
    // With --locked, a Cargo.lock that does not fit the manifests is found here, before anything is built.
    slow("deny", "cargo deny --locked --log-level error check --allow unused-wrapper licenses bans sources"),
    fast("circles", "cargo xtask circles"),
    fast("clippy", "cargo clippy --release --workspace --exclude collector-ebpf --all-targets --quiet -- -D warnings"),
    slow("docs", "make --no-print-directory docs"),
    // This step comes before anything is recorded with the kept object: it must be the result of compiling its sources.
    slow("ebpf", "cargo xtask ebpf --check"),
    fast("tests", "cargo test --release --no-fail-fast"),
    // This package is no default member of the workspace, so the step before leaves it out.
    fast("xtask", "cargo test --release --package xtask"),
    slow("live", "cargo xtask live host"),
    // A guest uses one thread of the host, so two guests take no longer than one.
    Step { beside_others: true, ..slow("vm-6.12", "cargo xtask live 6.12") },
    Step { beside_others: true, ..slow("vm-6.1", "cargo xtask live 6.1") },
    slow("demo", "xtask/demo.sh"),
    slow("oracles", "target/venv/bin/python analyzer/tests/oracle.py {trace} target/release/analyzer"),
    slow("browser", "target/venv/bin/python analyzer/tests/browser/browser.py {trace} target/release"),
    slow("notebooks", "env GFPSCOPE_TRACE={trace} target/venv/bin/python notebooks/tests/execute.py"),
];

const fn slow(name: &'static str, command: &'static str) -> Step {
    Step { name, command, fast: false, beside_others: false }
}

const fn fast(name: &'static str, command: &'static str) -> Step {
    Step { fast: true, ..slow(name, command) }
}
