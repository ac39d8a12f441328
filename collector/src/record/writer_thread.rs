//! The thread that writes the trace. Writing to a disk and syncing a full segment may stall, and compressing takes
//! longer than emptying the rings. The thread keeps either from making the rings overflow.

use std::{
    panic,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use trace::Writer;

use crate::{Error, merge::TraceWriter};

/// The number of bytes that may wait for the disk, which is some seconds of a busy machine. Beyond that, the caller of
/// [`WriterThread::write`] waits.
const MOST_WAITING: usize = 256 << 20;

type Job = Box<dyn FnOnce(&mut TraceWriter) -> Result<(), Error> + Send>;

/// A thread that runs write jobs in the order in which it gets them.
pub(super) struct WriterThread {
    /// The channel to the thread, for each job and the number of bytes of memory that the job holds.
    jobs: Sender<(usize, Job)>,
    thread: JoinHandle<TraceWriter>,
    shared: Arc<Shared>,
}

/// The state that the thread and its owner share.
#[derive(Default)]
struct Shared {
    backlog: Mutex<Backlog>,
    /// Notified when a job is done.
    job_done: Condvar,
    /// The number of bytes of the trace so far.
    written: AtomicU64,
}

/// The jobs that are not done yet.
#[derive(Default)]
struct Backlog {
    /// The number of bytes of memory that the jobs hold.
    bytes: usize,
    /// The first error that was not returned to a caller yet.
    failure: Option<Error>,
}

impl Shared {
    fn backlog(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WriterThread {
    /// Starts the thread. It gets the privileges that the calling thread has now.
    ///
    /// # Errors
    /// [`Error::System`]
    pub fn start(mut trace: TraceWriter) -> Result<Self, Error> {
        let (jobs, queue) = mpsc::channel::<(usize, Job)>();
        let shared = Arc::new(Shared::default());
        let run = {
            let shared = Arc::clone(&shared);
            move || {
                for (bytes, job) in queue {
                    let result = job(&mut trace);
                    shared.written.store(trace.writer.bytes(), Ordering::Relaxed);
                    let mut backlog = shared.backlog();
                    backlog.bytes -= bytes;
                    backlog.failure = backlog.failure.take().or(result.err());
                    shared.job_done.notify_all();
                }
                trace
            }
        };
        let thread = thread::Builder::new()
            .name("writer".to_owned())
            .spawn(run)
            .map_err(|error| Error::System { action: "start a thread", error })?;
        Ok(Self { jobs, thread, shared })
    }

    /// Queues a job that holds `bytes` bytes of memory until it is done.
    ///
    /// # Errors
    /// The first error of an earlier job that was not returned yet.
    pub fn write(
        &self,
        bytes: usize,
        job: impl FnOnce(&mut TraceWriter) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        // A job counts as at least one byte, so that a backlog of zero means that no job waits.
        let bytes = bytes + 1;
        let result = self.wait_for(MOST_WAITING.saturating_sub(bytes));
        self.shared.backlog().bytes += bytes;
        // The thread ends only with this queue, or by a panic, which `end` resumes.
        let _panicked = self.jobs.send((bytes, Box::new(job)));
        result
    }

    /// Waits until all jobs are done.
    ///
    /// # Errors
    /// The first error of a job that was not returned yet.
    pub fn flush(&self) -> Result<(), Error> {
        self.wait_for(0)
    }

    /// Waits until the backlog has at most `bytes` bytes.
    fn wait_for(&self, bytes: usize) -> Result<(), Error> {
        let mut backlog = self.shared.backlog();
        while backlog.bytes > bytes && !self.thread.is_finished() {
            // The wait is limited to a second, because a thread that has panicked notifies nobody.
            (backlog, _) = self
                .shared
                .job_done
                .wait_timeout(backlog, Duration::from_secs(1))
                .unwrap_or_else(PoisonError::into_inner);
        }
        backlog.failure.take().map_or(Ok(()), Err)
    }

    /// Returns the number of bytes of the trace so far.
    pub fn bytes(&self) -> u64 {
        self.shared.written.load(Ordering::Relaxed)
    }

    /// Waits until all jobs are done, ends the thread, and returns the writer.
    pub fn end(self) -> Writer {
        drop(self.jobs);
        self.thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic)).writer
    }
}
