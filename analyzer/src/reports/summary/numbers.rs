//! Everything that the charts and sections show, from one pass over the pages and one over the objects.

use trace::Trace;

use crate::{
    Error, Events, Key, Loss, Names,
    aggregate::{
        accumulator::{Accumulator, accumulate},
        group_by::GroupBy,
        groups::Grouping,
        rates::Rates,
    },
    read::{
        batches::{self, Progress},
        events::time_range,
        snapshots::{self, Snapshot},
    },
    reports::{
        frag::{Fragmentation, Survey, Wanted},
        info::{Info, Kinds},
        lifetimes::{Lifetime, Lifetimes},
        lint,
        slab::{Slab, size_classes::SizeClasses, usage::Usages},
    },
};

/// The numbers of a trace.
pub struct Summary {
    /// header, counts, losses
    pub info: Info,
    /// all pages together
    pub pages: Grouping,
    /// pages by zone and order
    pub zone_order: Grouping,
    /// pages by migratetype and order
    pub migratetype_order: Grouping,
    /// pages by whole GFP mask
    pub gfp: Grouping,
    /// pages by single GFP bit
    pub flag: Grouping,
    /// pages by process name
    pub comm: Grouping,
    /// pages by what [`lint`] judges
    pub requests: Grouping,
    /// pages by what [`lint`] judges, and by call site
    pub callers: Grouping,
    /// all kernel objects together
    pub objects: Grouping,
    /// kernel objects by call site
    pub callsite: Grouping,
    /// what call sites took from the slab allocator, and what fits badly
    pub slab: Slab,
    /// page lifetimes by order
    pub lifetimes: Vec<Lifetime>,
    /// bytes allocated over time
    pub rates: Rates,
    /// free blocks over time
    pub snapshots: Vec<Snapshot>,
    /// free blocks between the snapshots, and what broke up free memory
    pub fragmentation: Fragmentation,
}

impl Summary {
    /// Reads every event once, pages and objects at the same time, and compares the checksums of everything else.
    ///
    /// # Errors
    /// If the columns of a table are not what the format says.
    pub fn read(trace: &Trace, progress: Progress<'_>) -> Result<Self, Error> {
        let mut loss = Loss { problems: trace.verify_but(&Events::ALL.map(Events::table)), ..Loss::read(trace) };
        let mut problems = Vec::new();
        let names = Names::read(trace, &mut problems);
        let by: [&[Key]; 8] = [
            &[],
            &[Key::Zone, Key::Order],
            &[Key::Migratetype, Key::Order],
            &[Key::Gfp],
            &[Key::Flag],
            &[Key::Comm],
            &lint::KEYS,
            &lint::KEYS_AND_CALLER,
        ];
        let (mut of_pages, mut of_objects) =
            (GroupBy::new(&by, &names), GroupBy::new(&[&[], &[Key::Callsite]], &names));
        let (mut page_kinds, mut object_kinds) = (Kinds::default(), Kinds::default());
        let mut lifetimes = Lifetimes::new(Key::Order, &names);
        let (first, last) = time_range(trace).unwrap_or((trace.header.clock.start_ns, trace.header.clock.end_ns));
        let mut rates = Rates::new(&trace.header, first, last);
        let snapshots = snapshots::read(trace, &mut problems);
        let wanted = Wanted::summary(trace);
        let mut survey = Survey::new(trace, &names, &snapshots, &wanted, &mut problems);
        let (mut usages, mut classes) = (Usages::new(Key::Callsite, &names), SizeClasses::new(&names));
        let (objects, pages) = batches::both(
            Events::ALL.into_iter().map(|events| trace.rows_of(events.table())).sum(),
            progress,
            |progress| {
                let accumulators: &mut [&mut dyn Accumulator] =
                    &mut [&mut of_objects, &mut usages, &mut classes, &mut object_kinds];
                accumulate(Events::Slab, &names, trace, progress, accumulators)
            },
            |progress| {
                let accumulators: &mut [&mut dyn Accumulator] =
                    &mut [&mut of_pages, &mut lifetimes, &mut rates, &mut survey, &mut page_kinds];
                accumulate(Events::Page, &names, trace, progress, accumulators)
            },
        );
        loss.add(pages?);
        loss.add(objects?);
        let fragmentation = survey.finish(&mut problems);
        let [pages, zone_order, migratetype_order, gfp, flag, comm, requests, callers] = several(of_pages)?;
        let [objects, callsite] = several(of_objects)?;
        let slab = Slab { key: Key::Callsite, usages: usages.finish(), misfits: classes.finish(trace, &mut problems) };
        let lifetimes = lifetimes.finish();
        loss.add(problems);
        let info = Info::new(trace, &[page_kinds, object_kinds], loss)?;
        Ok(Self {
            info,
            pages,
            zone_order,
            migratetype_order,
            gfp,
            flag,
            comm,
            requests,
            callers,
            objects,
            callsite,
            slab,
            lifetimes,
            rates,
            snapshots,
            fragmentation,
        })
    }
}

/// Returns the groupings by their places.
fn several<const N: usize>(group_by: GroupBy<'_>) -> Result<[Grouping; N], Error> {
    Ok(group_by.finish()?.try_into().expect("as many as were asked for"))
}
