//! Everything that reports and charts need, in one pass over the pages and one over the objects.

use trace::Trace;

use crate::{
    Error, Info, Key, Loss, Names, Stat,
    cube::Cube,
    frag::{Fragmentation, Survey, Wanted},
    frames::{self, Progress},
    info::Kinds,
    lifetimes::{Lifetime, Lifetimes},
    lint, objects, pages,
    rates::Rates,
    size_classes::SizeClasses,
    slab::{Slab, Usages},
    snapshots::{self, Snapshot},
};

/// The numbers behind a report.
pub struct Analysis {
    /// header, counts, losses
    pub info: Info,
    /// all pages together
    pub pages: Stat,
    /// by zone and order
    pub zone_order: Stat,
    /// by migratetype and order
    pub migratetype_order: Stat,
    /// by whole GFP mask
    pub gfp: Stat,
    /// by single GFP bit
    pub flag: Stat,
    /// by process name
    pub comm: Stat,
    /// by what [`lint`] judges
    pub requests: Stat,
    /// the same by call site too
    pub callers: Stat,
    /// all kernel objects together
    pub objects: Stat,
    /// kernel objects by call site
    pub callsite: Stat,
    /// what call sites took from the slab allocator, and what fits badly
    pub slab: Slab,
    /// page lifetimes by order
    pub lifetimes: Vec<Lifetime>,
    /// bytes allocated over time
    pub rates: Rates,
    /// free blocks over time
    pub snapshots: Vec<Snapshot>,
    /// the same between the snapshots, and what made memory so
    pub fragmentation: Fragmentation,
}

impl Analysis {
    /// Reads every event once, pages and objects at the same time, and compares the checksums of everything else.
    ///
    /// # Errors
    /// If the columns of a table are not what the format says.
    pub fn read(trace: &Trace, progress: Progress<'_>) -> Result<Self, Error> {
        let mut loss = Loss { problems: trace.verify_but(&Info::TABLES), ..Loss::read(trace) };
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
        let (mut of_pages, mut of_objects) = (Cube::new(&by, &names), Cube::new(&[&[], &[Key::Callsite]], &names));
        let (mut page_kinds, mut object_kinds) = (Kinds::default(), Kinds::default());
        let mut lifetimes = Lifetimes::new(Key::Order, &names);
        let (first, last) = Info::time_range(trace).unwrap_or((trace.header.clock.start_ns, trace.header.clock.end_ns));
        let mut rates = Rates::new(&trace.header, first, last);
        let snapshots = snapshots::read(trace, &mut problems);
        let wanted = Wanted::summary(trace);
        let mut survey = Survey::new(trace, &names, &snapshots, &wanted, &mut problems);
        let (mut usages, mut classes) = (Usages::new(Key::Callsite, &names), SizeClasses::new(&names));
        let (objects, pages) = frames::both(
            Info::TABLES.into_iter().map(|table| trace.rows_of(table)).sum(),
            progress,
            |progress| {
                objects::observe(
                    &names,
                    trace,
                    progress,
                    &mut [&mut of_objects, &mut usages, &mut classes, &mut object_kinds],
                )
            },
            |progress| {
                pages::observe(
                    &names,
                    trace,
                    progress,
                    &mut [&mut of_pages, &mut lifetimes, &mut rates, &mut survey, &mut page_kinds],
                )
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

/// The statistics of a cube, by place.
fn several<const N: usize>(cube: Cube<'_>) -> Result<[Stat; N], Error> {
    Ok(cube.finish()?.try_into().expect("as many as were asked for"))
}
