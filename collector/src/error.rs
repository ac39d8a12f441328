//! The errors, as sentences for the user which name the cause and then what to do.

use std::{io, path::PathBuf};

use trace::GfpTable;

/// An error that keeps this host from being captured, or that ends a capture.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The process lacks privileges.
    #[error(
        "capturing needs root: eBPF programs that read kernel memory may be loaded with CAP_BPF and CAP_PERFMON only. Run it with sudo"
    )]
    NotRoot,
    /// The kernel is locked down in mode `confidentiality`.
    #[error(
        "the kernel is locked down (confidentiality, see /sys/kernel/security/lockdown), and lets no one read its memory: neither eBPF nor tracefs works. Boot it with lockdown=integrity or without; traces of other machines can be analysed here"
    )]
    Lockdown,
    /// tracefs is not mounted.
    #[error(
        "tracefs is not mounted, and the kernel's tracepoint formats are read there. Run `mount -t tracefs tracefs /sys/kernel/tracing`"
    )]
    NoTracefs,
    /// The kernel lacks a tracepoint.
    #[error("this kernel has no tracepoint {group}:{name} ({reason}); it is needed for the events that were asked for")]
    NoTracepoint {
        /// The group of the tracepoint.
        group: &'static str,
        /// The name of the tracepoint.
        name: &'static str,
        /// The reason why the tracepoint's format cannot be read.
        reason: String,
    },
    /// A tracepoint lacks a field.
    #[error(
        "the tracepoint {tracepoint} of this kernel has no field {field}, so gfpscope does not understand it; please report the file events/*/{tracepoint}/format"
    )]
    NoField {
        /// The name of the tracepoint.
        tracepoint: String,
        /// The name of the field.
        field: &'static str,
    },
    /// A file of the kernel cannot be read.
    #[error("cannot read {path}: {error}", path = path.display())]
    Read {
        /// The path of the file.
        path: PathBuf,
        /// The operating system's error.
        error: io::Error,
    },
    /// A file of the kernel has an unknown layout.
    #[error("cannot understand {path}: {reason}", path = path.display())]
    Unknown {
        /// The path of the file.
        path: PathBuf,
        /// The part of the layout that is unknown.
        reason: String,
    },
    /// The kernel refuses something that eBPF needs.
    #[error("the kernel refuses {what}: {reason}{hint}", hint = bpf_hint(reason))]
    Bpf {
        /// The operation that was tried.
        what: String,
        /// The error and all of its causes, in one line.
        reason: String,
    },
    /// The live view has no terminal.
    #[error(
        "this is shown on a terminal, and standard input or output is none. For text there is `collector stat --interval 1`"
    )]
    NoTerminal,
    /// An option asks for something that this host does not have.
    #[error("{0}")]
    Option(String),
    /// The trace cannot be written, or the kernel's tables cannot be parsed.
    #[error(transparent)]
    Trace(#[from] trace::Error),
    /// The command to run cannot be started.
    #[error("cannot run `{command}`: {error}")]
    Command {
        /// The name of the program, as the user gave it.
        command: String,
        /// The operating system's error.
        error: io::Error,
    },
    /// The operating system refuses something.
    #[error("cannot {action}: {error}")]
    System {
        /// The operation that was tried.
        action: &'static str,
        /// The operating system's error.
        error: io::Error,
    },
}

impl Error {
    /// Returns the error for a name or number that stands for no GFP flag of this kernel.
    pub(crate) fn unknown_gfp(part: &str, table: &GfpTable) -> Self {
        let known: Vec<_> = table.entries().map(|(name, _)| name).collect();
        Self::Option(format!("`{part}` is no GFP flag of this kernel; it knows {}", known.join(", ")))
    }

    /// Returns a function that makes the error of a failed eBPF operation, with all of its causes in one line.
    pub(crate) fn bpf(what: impl Into<String>) -> impl FnOnce(&dyn std::error::Error) -> Self {
        let what = what.into();
        move |error| {
            let mut reason = error.to_string();
            let mut cause = error.source();
            while let Some(inner) = cause {
                let text = inner.to_string();
                if !reason.contains(&text) {
                    reason = format!("{reason}: {text}");
                }
                cause = inner.source();
            }
            Self::Bpf { what, reason }
        }
    }
}

/// Returns a hint for the user if the kernel forbids eBPF; empty for other reasons.
fn bpf_hint(reason: &str) -> &'static str {
    if reason.contains("not permitted") || reason.contains("os error 1)") {
        // https://docs.kernel.org/admin-guide/LSM/: lockdown in mode `confidentiality` forbids BPF to read kernel
        // memory.
        ". If you are root, look at /sys/kernel/security/lockdown: in mode `confidentiality` no eBPF program may read kernel memory; in a container, CAP_BPF and CAP_PERFMON must be given to it"
    } else {
        ""
    }
}
