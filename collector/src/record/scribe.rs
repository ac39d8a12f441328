//! The thread that writes. A disk may stall (the system call alone, and the sync of a segment that is full), and
//! compressing takes longer than emptying the rings: neither shall make the rings overflow.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use trace::Writer;

use crate::{Error, journal::Pen};

/// So many bytes may wait for the disk, some seconds of a busy machine; then the one who brings more waits, too.
const MOST: usize = 256 << 20;

type Work = Box<dyn FnOnce(&mut Pen) -> Result<(), Error> + Send>;

/// Writes in the order in which it is told to.
pub(super) struct Scribe {
    queue: Sender<(usize, Work)>,
    thread: JoinHandle<Pen>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    progress: Mutex<Waiting>,
    moved: Condvar,
    bytes: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    bytes: usize,
    failure: Option<Error>,
}

impl Shared {
    fn progress(&self) -> MutexGuard<'_, Waiting> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scribe {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`Error::System`]
    pub fn start(mut pen: Pen) -> Result<Self, Error> {
        let (queue, works) = mpsc::channel::<(usize, Work)>();
        let shared = Arc::new(Shared::default());
        let run = {
            let shared = Arc::clone(&shared);
            move || {
                for (bytes, work) in works {
                    let result = work(&mut pen);
                    shared.bytes.store(pen.writer.bytes(), Ordering::Relaxed);
                    let mut progress = shared.progress();
                    progress.bytes -= bytes;
                    progress.failure = progress.failure.take().or(result.err());
                    shared.moved.notify_all();
                }
                pen
            }
        };
        let thread = thread::Builder::new()
            .name("writer".to_owned())
            .spawn(run)
            .map_err(|error| Error::System { action: "start a thread", error })?;
        Ok(Self { queue, thread, shared })
    }

    /// Has something written that takes so many bytes of memory until then.
    ///
    /// # Errors
    /// The first error of what was written before.
    pub fn write(
        &self,
        bytes: usize,
        work: impl FnOnce(&mut Pen) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        // Nothing is that small: so that nothing waits where no bytes do.
        let bytes = bytes + 1;
        let result = self.wait_for(MOST.saturating_sub(bytes));
        self.shared.progress().bytes += bytes;
        // It ends only with this queue, or by a panic, which `end` passes on.
        let _panicked = self.queue.send((bytes, Box::new(work)));
        result
    }

    /// Waits until all is written.
    ///
    /// # Errors
    /// The first error since the last time that one was told.
    pub fn flush(&self) -> Result<(), Error> {
        self.wait_for(0)
    }

    fn wait_for(&self, bytes: usize) -> Result<(), Error> {
        let mut progress = self.shared.progress();
        while progress.bytes > bytes && !self.thread.is_finished() {
            // A second at most: a thread that panicked moves nothing any more.
            (progress, _) = self
                .shared
                .moved
                .wait_timeout(progress, Duration::from_secs(1))
                .unwrap_or_else(PoisonError::into_inner);
        }
        progress.failure.take().map_or(Ok(()), Err)
    }

    /// Bytes of the trace so far.
    pub fn bytes(&self) -> u64 {
        self.shared.bytes.load(Ordering::Relaxed)
    }

    /// Ends it, when all is written.
    pub fn end(self) -> Writer {
        drop(self.queue);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)).writer
    }
}
