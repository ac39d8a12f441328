//! Everything that reports and charts need, in one pass over the pages and one over the objects.

use trace::Trace;

use crate::{
    Error, Info, Key, Names, Stat,
    cube::Cube,
    frag::{Fragmentation, Survey, Wanted},
    frames::Progress,
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
    /// Reads the trace: once to compare checksums and count, once to analyse.
    ///
    /// # Errors
    /// If the columns of a table are not what the format says.
    pub fn read(trace: &Trace, progress: Progress<'_>) -> Result<Self, Error> {
        let mut info = Info::read(trace, progress)?;
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
        let mut cube = Cube::new(&by, &names);
        let mut lifetimes = Lifetimes::new(Key::Order, &names);
        let (first, last) = info.time_range.unwrap_or((trace.header.clock.start_ns, trace.header.clock.end_ns));
        let mut rates = Rates::new(&trace.header, first, last);
        let snapshots = snapshots::read(trace, &mut problems);
        let wanted = Wanted::summary(trace);
        let mut survey = Survey::new(trace, &names, &snapshots, &wanted, &mut problems);
        problems.extend(pages::observe(&names, trace, progress, &mut [&mut cube, &mut lifetimes, &mut rates, &mut survey])?);
        let fragmentation = survey.finish(&mut problems);
        let [pages, zone_order, migratetype_order, gfp, flag, comm, requests, callers] = several(cube)?;
        let mut cube = Cube::new(&[&[], &[Key::Callsite]], &names);
        let (mut usages, mut classes) = (Usages::new(Key::Callsite, &names), SizeClasses::new(&names));
        problems.extend(objects::observe(&names, trace, progress, &mut [&mut cube, &mut usages, &mut classes])?);
        let [objects, callsite] = several(cube)?;
        let slab = Slab { key: Key::Callsite, usages: usages.finish(), misfits: classes.finish(trace, &mut problems) };
        let lifetimes = lifetimes.finish();
        info.loss.add(problems);
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
