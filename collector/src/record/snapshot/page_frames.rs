//! What each page frame is used for.

use std::thread::{self, JoinHandle};

use trace::{FrameRun, SnapshotWindow, Writer, Zone};

use crate::{
    Error,
    kernel::{KPageFlags, monotonic_ns},
};

/// Reads in a thread of its own what each page frame is used for: that takes a moment (a second for 32 GiB), and the
/// rings must not wait for it.
pub struct FrameReader(Option<JoinHandle<Frames>>);

/// The rows that were read, and the time that it took.
pub struct Frames {
    window: SnapshotWindow,
    runs: Vec<FrameRun>,
}

impl Frames {
    /// Writes the rows.
    ///
    /// # Errors
    /// The writer's.
    pub fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer
            .append(std::slice::from_ref(&self.window))
            .and_then(|()| writer.append(&self.runs))
            .map_err(|(error, _)| error.into())
    }
}

impl FrameReader {
    /// Starts to read. The frames of a zone that the system refuses to tell are left out, and all of them where it
    /// starts no thread.
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

    /// A reader of nothing, where the page frames are not wanted.
    pub const fn none() -> Self {
        Self(None)
    }

    /// The rows when they are there, once. With `wait` it waits for them.
    pub fn rows(&mut self, wait: bool) -> Option<Frames> {
        self.0.take_if(|thread| wait || thread.is_finished())?.join().ok()
    }
}
