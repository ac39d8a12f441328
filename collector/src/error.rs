use std::{io, path::PathBuf};

use trace::GfpTable;

/// Why this host cannot be captured, or a capture could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not privileged.
    #[error(
        "capturing needs root: eBPF programs that read kernel memory may be loaded with CAP_BPF and CAP_PERFMON only. Run it with sudo"
    )]
    NotRoot,
    /// Lockdown in its strictest mode.
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
        /// its group
        group: &'static str,
        /// its name
        name: &'static str,
        /// what was found instead
        reason: String,
    },
    /// A tracepoint lacks a field.
    #[error(
        "the tracepoint {tracepoint} of this kernel has no field {field}, so gfpscope does not understand it; please report the file events/*/{tracepoint}/format"
    )]
    NoField {
        /// the tracepoint
        tracepoint: String,
        /// the field
        field: &'static str,
    },
    /// A file of the kernel's cannot be read.
    #[error("cannot read {path}: {error}", path = path.display())]
    Read {
        /// the file
        path: PathBuf,
        /// what the system said
        error: io::Error,
    },
    /// A file of the kernel's has an unknown layout.
    #[error("cannot understand {path}: {reason}", path = path.display())]
    Unknown {
        /// the file
        path: PathBuf,
        /// what was expected
        reason: String,
    },
    /// The kernel refuses eBPF.
    #[error("the kernel refuses {what}: {reason}{hint}", hint = bpf_hint(reason))]
    Bpf {
        /// what was tried
        what: String,
        /// all causes
        reason: String,
    },
    /// Nobody to show it to.
    #[error(
        "this is shown on a terminal, and standard input or output is none. For text there is `collector stat --interval 1`"
    )]
    NoTerminal,
    /// A wrong option.
    #[error("{0}")]
    Option(String),
    /// The trace.
    #[error(transparent)]
    Trace(#[from] trace::Error),
    /// The command to run.
    #[error("cannot run `{command}`: {error}")]
    Command {
        /// as given
        command: String,
        /// what the system said
        error: io::Error,
    },
    /// Something that the operating system refuses.
    #[error("cannot {action}: {error}")]
    System {
        /// what was tried
        action: &'static str,
        /// what it said
        error: io::Error,
    },
}

impl Error {
    /// A name or number that stands for no GFP flag here.
    pub(crate) fn unknown_gfp(part: &str, table: &GfpTable) -> Self {
        let known: Vec<_> = table.entries().map(|(name, _)| name).collect();
        Self::Option(format!("`{part}` is no GFP flag of this kernel; it knows {}", known.join(", ")))
    }

    /// An eBPF step that failed, with all its causes in one line.
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

fn bpf_hint(reason: &str) -> &'static str {
    if reason.contains("not permitted") || reason.contains("os error 1)") {
        // https://docs.kernel.org/admin-guide/LSM/: lockdown in mode `confidentiality` forbids BPF to read kernel
        // memory.
        ". If you are root, look at /sys/kernel/security/lockdown: in mode `confidentiality` no eBPF program may read kernel memory; in a container, CAP_BPF and CAP_PERFMON must be given to it"
    } else {
        ""
    }
}
