//! The file system tracefs, in which the kernel shows the formats of its tracepoints.

use std::{fs, io, path::PathBuf};

use trace::{Program, TracepointFormat};

use crate::Error;

/// The mounted tracefs.
#[derive(Debug, Clone)]
pub struct Tracefs(PathBuf);

impl Tracefs {
    /// Finds tracefs among the mounts, or at the usual mount points, of which the one in debugfs is that of older
    /// systems.
    ///
    /// # Errors
    /// [`Error::NoTracefs`]
    pub fn find() -> Result<Self, Error> {
        let mounts = procfs::mounts().unwrap_or_default();
        let mounted =
            mounts.iter().find(|mount| mount.fs_vfstype == "tracefs").map(|mount| PathBuf::from(&mount.fs_file));
        let known = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"].map(PathBuf::from);
        let found = mounted.into_iter().chain(known).find(|path| path.join("events").is_dir());
        found.map(Self).ok_or(Error::NoTracefs)
    }

    /// Returns the text of a tracepoint's `format` file.
    ///
    /// # Errors
    /// [`Error::NoTracepoint`]
    pub fn format_text(&self, group: &'static str, name: &'static str) -> Result<String, Error> {
        let path = self.0.join("events").join(group).join(name).join("format");
        fs::read_to_string(&path).map_err(|error| {
            let reason = match error.kind() {
                io::ErrorKind::NotFound => "no such file in tracefs".to_owned(),
                _ => error.to_string(),
            };
            Error::NoTracepoint { group, name, reason }
        })
    }

    /// Returns the parsed format of a program's tracepoint.
    ///
    /// # Errors
    /// [`Error::NoTracepoint`] if the format cannot be read, [`Error::Trace`] if it cannot be parsed.
    pub fn format(&self, program: Program) -> Result<TracepointFormat, Error> {
        let (group, name) = program.tracepoint();
        Ok(TracepointFormat::parse(&self.format_text(group, name)?)?)
    }
}
