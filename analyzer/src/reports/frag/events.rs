//! The events of the family `frag`, to be read beside the page events.

use std::vec;

use trace::{FragEvent, Kind, Problem, Trace};

/// What an event of the family tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moved {
    /// `zone_locked`: a block left `free_area`
    Out,
    /// `pcpu_drain`: a block came back from a pcp list
    Back,
    /// `extfrag`: a block was taken from another migratetype's list
    Fallback,
}

/// The events in time order, one batch of them in memory.
pub(super) struct FragEvents<'a> {
    kinds: [(Option<u8>, Moved); 3],
    batches: Box<dyn Iterator<Item = Result<Vec<FragEvent>, Problem>> + 'a>,
    batch: vec::IntoIter<FragEvent>,
    /// what could not be read so far
    pub problems: Vec<Problem>,
}

impl<'a> FragEvents<'a> {
    /// Starts before the first event.
    pub fn of(trace: &'a Trace) -> Self {
        let kinds = [(Kind::ZoneLocked, Moved::Out), (Kind::PcpuDrain, Moved::Back), (Kind::ExtFrag, Moved::Fallback)];
        let kinds = kinds.map(|(kind, moved)| (trace.header.kinds.get(kind.name()).copied(), moved));
        Self { kinds, batches: Box::new(trace.rows()), batch: Vec::new().into_iter(), problems: Vec::new() }
    }

    /// Returns the next event, unless it happened after `time`.
    pub fn until(&mut self, time: u64) -> Option<(Moved, FragEvent)> {
        loop {
            while self.batch.as_slice().is_empty() {
                match self.batches.next()? {
                    Ok(rows) => self.batch = rows.into_iter(),
                    Err(problem) => self.problems.push(problem),
                }
            }
            self.batch.as_slice().first().filter(|event| event.time <= time)?;
            let event = self.batch.next()?;
            // Another kind would be that of a later version.
            if let Some((_, moved)) = self.kinds.iter().find(|(kind, _)| *kind == Some(event.kind)) {
                return Some((*moved, event));
            }
        }
    }
}
