//! The reader of what each page frame is used for.

use std::thread::{self, JoinHandle};

use trace::{FrameRun, SnapshotWindow, Writer, Zone};

use crate::{
    Error,
    kernel::{KPageFlags, monotonic_ns},
};

/// Reads what each page frame is used for, in a thread of its own, because reading takes a moment (about a second for
/// 32 GiB) and the rings must be emptied in the meantime.
pub struct FrameReader(Option<JoinHandle<Frames>>);

/// The rows that were read, and the time in which they were read.
pub struct Frames {
    window: SnapshotWindow,
    runs: Vec<FrameRun>,
}

impl Frames {
    /// Writes the rows.
    ///
    /// # Errors
    /// The error of the writer.
    pub fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer
            .append(std::slice::from_ref(&self.window))
            .and_then(|()| writer.append(&self.runs))
            .map_err(|(error, _)| error.into())
    }
}

impl FrameReader {
    /// Starts to read. The frames of a zone that cannot be read are left out. If the thread cannot be started, all
    /// frames are left out.
    pub fn start(flags: KPageFlags, zones: Vec<Zone>) -> Self {
        let read = move || {
            let (time, snapshot) = (monotonic_ns(), 0);
            let runs = zones
                .iter()
                .filter_map(|zone| flags.runs(zone.start_pfn, zone.start_pfn + zone.spanned).ok())
                .flatten();
            let mut runs: Vec<_> = runs
                .map(|run| FrameRun { time, snapshot, pfn: run.pfn, pages: run.pages, class: run.class.to_owned() })
                .collect();
            // The spans of zones may overlap.
            runs.sort_by_key(|run| run.pfn);
            runs.dedup_by_key(|run| run.pfn);
            Frames {
                window: SnapshotWindow { time, snapshot, end: monotonic_ns(), source: "kpageflags".to_owned() },
                runs,
            }
        };
        Self(thread::Builder::new().name("kpageflags".to_owned()).spawn(read).ok())
    }

    /// Returns a reader that reads nothing, for recordings without page frames.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Returns the rows once they have been read, and only the first time. With `wait`, waits until they have been
    /// read.
    pub fn rows(&mut self, wait: bool) -> Option<Frames> {
        self.0.take_if(|thread| wait || thread.is_finished())?.join().ok()
    }
}
