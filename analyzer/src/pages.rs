//! The page events, frees matched with allocations.

use polars::prelude::DataFrame;
use trace::{Header, NO_PFN, PageEvent, Problem, Row as _, Trace};

use crate::{
    Error,
    columns::{u8s, u16s, u32s, u32s_if_there, u64s},
    fast_hash::NumberMap,
    frames::{self, Progress},
    live::{Allocation, LiveFrames, Taken},
    matched::{Actor, Class, Row, UNKNOWN},
    names::Names,
    observer::Observer,
    profile::{Asker, Profile, Profiles},
    tasks::Recent,
};

/// Reads all page events once, in time order, and shows them to every observer, frees matched with their allocations.
///
/// # Errors
/// If the columns are not what the format says.
pub(crate) fn observe(
    names: &Names<'_>,
    trace: &Trace,
    progress: Progress<'_>,
    observers: &mut [&mut dyn Observer],
) -> Result<Vec<Problem>, Error> {
    let mut matcher = Matcher::new(names, observers);
    let problems = frames::for_each(trace, PageEvent::TABLE, None, progress, |frame| matcher.frame(&frame, observers))?;
    for taken in matcher.live.still_live() {
        let row = matcher.row(trace.header.clock.end_ns, 0, Class::Allocated, &taken);
        for observer in observers.iter_mut() {
            observer.still_live(&row);
        }
    }
    Ok(problems)
}

struct Matcher<'a> {
    names: &'a Names<'a>,
    tasks: Recent<'a>,
    page_alloc: u8,
    profiles: Profiles<'a>,
    live: LiveFrames,
    /// GFP bit of pages that are charged to a memory cgroup; 0 where the kernel has none
    account: u32,
    /// per CPU, when a page was freed there last whose allocation was not seen
    freed_unseen: NumberMap<u16, u64>,
}

impl<'a> Matcher<'a> {
    fn new(names: &'a Names<'a>, observers: &[&mut dyn Observer]) -> Self {
        // A header without the kind has no such events either.
        let page_alloc = names.header.kinds.get(trace::Kind::PageAlloc.name()).copied().unwrap_or(0);
        Self {
            names,
            tasks: names.tasks.recent(),
            page_alloc,
            profiles: Profiles::new(names, observers),
            live: LiveFrames::default(),
            account: names.header.gfp.mask("__GFP_ACCOUNT").unwrap_or(0),
            freed_unseen: NumberMap::default(),
        }
    }

    fn frame(&mut self, frame: &DataFrame, observers: &mut [&mut dyn Observer]) -> Result<(), Error> {
        let (times, pid, cpu, kind) =
            (u64s(frame, "time")?, u32s(frame, "pid")?, u16s(frame, "cpu")?, u8s(frame, "kind")?);
        let (orders, pfn, gfp) = (u8s(frame, "order")?, u64s(frame, "pfn")?, u32s(frame, "gfp")?);
        let (migratetype, zone) = (u8s(frame, "migratetype")?, u8s(frame, "zone")?);
        let stack = u32s_if_there(frame, "stack")?;
        let (names, header) = (self.names, self.names.header);
        let mut show = |row: &Row<'_>| observers.iter_mut().for_each(|observer| observer.row(row));
        let mut taken = Vec::new();
        for i in 0..frame.height() {
            let (time, kind, on, pfn, order, zone) = (times[i], kind[i], cpu[i], pfn[i], orders[i], zone[i]);
            let task = self.tasks.at(pid[i], time);
            let stack = stack.map_or(0, |stack| stack[i]);
            let callsite = if stack == 0 { UNKNOWN } else { names.caller(stack).cast_signed() };
            let actor = Actor { task, callsite };
            let of_frames =
                |asker| Profile { order: i64::from(order), zone: i64::from(zone), node: node(header, zone), ..asker };
            if kind == self.page_alloc {
                let (gfp, migratetype) = (gfp[i], migratetype[i]);
                let of_request = |asker| Profile {
                    migratetype: i64::from(migratetype),
                    gfp: i64::from(gfp),
                    callsite,
                    stack,
                    ..of_frames(asker)
                };
                let rest = [
                    u64::from(gfp) << 32 | u64::from(stack),
                    u64::from(order) << 16 | u64::from(migratetype) << 8 | u64::from(zone),
                ];
                let profile = self.profiles.number(Some(Asker { pid: pid[i], task, cpu: on }), rest, of_request);
                let allocation = Allocation { time, profile };
                let whole = Taken { from: allocation, frames: 1 << order.min(31) };
                if pfn == NO_PFN {
                    // `__alloc_pages` takes the pages, charges them, and, where that fails, frees them and reports that
                    // it has none.
                    let before = (0..i).rev().find(|before| cpu[*before] == on);
                    let given_back = before.is_some_and(|before| {
                        let of_them = (pid[before], orders[before]) == (pid[i], order)
                            && self.freed_unseen.get(&on) == Some(&times[before]);
                        gfp & self.account != 0 && of_them
                    });
                    let class = if given_back { Class::Refused } else { Class::Failed };
                    show(&Row { delta: 0, on, actor, ..self.row(time, kind, class, &whole) });
                    continue;
                }
                self.live.allocate(pfn, order, allocation, &mut taken);
                for lost in &taken {
                    show(&self.row(time, kind, Class::Implied, lost));
                }
                show(&Row { on, address: pfn, actor, ..self.row(time, kind, Class::Allocated, &whole) });
            } else {
                let bytes = header.page_size << order.min(31);
                self.live.free(pfn, order, &mut taken);
                let Some((first, others)) = taken.split_first() else {
                    self.freed_unseen.insert(on, time);
                    let profile = self.profiles.number(None, [0, u64::from(order) << 16 | u64::from(zone)], of_frames);
                    let nothing = Taken { from: Allocation { time, profile }, frames: 0 };
                    show(&Row {
                        bytes,
                        requested: 0,
                        on,
                        address: pfn,
                        actor,
                        ..self.row(time, kind, Class::Unmatched, &nothing)
                    });
                    continue;
                };
                show(&Row { bytes, on, address: pfn, actor, ..self.row(time, kind, Class::Freed, first) });
                for other in others {
                    show(&self.row(time, kind, Class::Implied, other));
                }
            }
        }
        Ok(())
    }

    /// A row about frames of an allocation.
    fn row(&self, time: u64, kind: u8, class: Class, taken: &Taken) -> Row<'_> {
        let Allocation { time: since, profile: number } = taken.from;
        let bytes = taken.frames.saturating_mul(self.names.header.page_size);
        Row {
            time,
            kind,
            class,
            bytes,
            requested: bytes,
            delta: if class == Class::Allocated { bytes.cast_signed() } else { -bytes.cast_signed() },
            age: time.saturating_sub(since),
            on: 0,
            allocated_on: 0,
            address: 0,
            actor: Actor::NOBODY,
            number,
            profile: self.profiles.get(number),
        }
    }
}

fn node(header: &Header, zone: u8) -> i64 {
    header.zones.get(usize::from(zone)).map_or(UNKNOWN, |zone| i64::from(zone.node))
}
