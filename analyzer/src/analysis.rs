//! Everything that reports and charts need, in one pass over the pages and one over the objects.

use trace::Trace;

use crate::{
    Error, Info, Key, Names, Stat,
    frames::Progress,
    lifetimes::{Lifetime, Lifetimes},
    lint, objects, pages,
    rates::Rates,
    snapshots::{self, Snapshot},
    stat::Statistic,
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
    /// all kernel objects together
    pub objects: Stat,
    /// kernel objects by call site
    pub callsite: Stat,
    /// page lifetimes by order
    pub lifetimes: Vec<Lifetime>,
    /// bytes allocated over time
    pub rates: Rates,
    /// free blocks over time
    pub snapshots: Vec<Snapshot>,
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
        let statistic = |by: &[Key]| Statistic::new(by, &names);
        let (mut pages_total, mut zone_order) = (statistic(&[]), statistic(&[Key::Zone, Key::Order]));
        let mut migratetype_order = statistic(&[Key::Migratetype, Key::Order]);
        let (mut gfp, mut flag, mut comm) = (statistic(&[Key::Gfp]), statistic(&[Key::Flag]), statistic(&[Key::Comm]));
        let mut requests = statistic(&lint::KEYS);
        let mut lifetimes = Lifetimes::new(Key::Order, &names);
        let (first, last) = info.time_range.unwrap_or((trace.header.clock.start_ns, trace.header.clock.end_ns));
        let mut rates = Rates::new(&trace.header, first, last);
        problems.extend(pages::observe(
            &names,
            trace,
            progress,
            &mut [
                &mut pages_total,
                &mut zone_order,
                &mut migratetype_order,
                &mut gfp,
                &mut flag,
                &mut comm,
                &mut requests,
                &mut lifetimes,
                &mut rates,
            ],
        )?);
        let (mut objects_total, mut callsite) = (statistic(&[]), statistic(&[Key::Callsite]));
        problems.extend(objects::observe(&names, trace, progress, &mut [&mut objects_total, &mut callsite])?);
        let snapshots = snapshots::read(trace, &mut problems);
        let (pages, zone_order, migratetype_order) = (pages_total.finish(), zone_order.finish(), migratetype_order.finish());
        let (gfp, flag, comm) = (gfp.finish(), flag.finish(), comm.finish());
        let (objects, callsite, lifetimes) = (objects_total.finish(), callsite.finish(), lifetimes.finish());
        info.loss.add(problems);
        Ok(Self {
            info,
            pages,
            zone_order,
            migratetype_order,
            gfp,
            flag,
            comm,
            requests: requests.finish(),
            objects,
            callsite,
            lifetimes,
            rates,
            snapshots,
        })
    }
}
