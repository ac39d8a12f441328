//! Which numbers of a summary each chart shows.

use std::collections::BTreeMap;

use gfp::Effort;
use trace::{Header, Trace};

use super::numbers::Summary;
use crate::{
    aggregate::groups::{Group, Grouping},
    present::charts::{
        Bar, BarGroup, Bars, Chart, FreeBlocks, LifetimeCurve, LifetimeCurves, Mask, Measure, Orders, Rate, TileGroup,
        Treemap, Unusable, ZoneOverTime,
    },
    read::snapshots::Snapshot,
    reports::{frag, lifetimes::Lifetime},
};

/// Bars that are shown of each sort.
const BARS: usize = 15;

/// Returns all charts, in the order in which reports show them. Some may be [empty](Chart::is_empty).
pub fn charts(trace: &Trace, summary: &Summary) -> Vec<Chart> {
    let header = &trace.header;
    vec![
        orders(header, &summary.migratetype_order),
        free_blocks(header, &summary.snapshots),
        unusable(header, &summary.snapshots),
        rate(header, summary),
        live(header, summary),
        callsites(&summary.callsite),
        treemap(header, &summary.gfp),
        gfp(summary),
        lifetimes(summary),
    ]
}

fn orders(header: &Header, grouping: &Grouping) -> Chart {
    let mut migratetypes: BTreeMap<i64, (String, Vec<u64>)> = BTreeMap::new();
    for group in grouping.groups.iter().filter(|group| group.counts.allocs > 0) {
        let [(migratetype, name), (order, _)] = &group.values[..] else { continue };
        let (_, counts) =
            migratetypes.entry(*migratetype).or_insert_with(|| (name.clone(), vec![0; usize::from(header.nr_orders)]));
        if let Some(count) = usize::try_from(*order).ok().and_then(|order| counts.get_mut(order)) {
            *count += group.counts.allocs.cast_unsigned();
        }
    }
    Chart::Orders(Orders { migratetypes: migratetypes.into_values().collect() })
}

fn free_blocks(header: &Header, snapshots: &[Snapshot]) -> Chart {
    Chart::FreeBlocks(FreeBlocks { zones: over_time(header, snapshots, |nr_free, order| nr_free[order]) })
}

fn unusable(header: &Header, snapshots: &[Snapshot]) -> Chart {
    Chart::Unusable(Unusable { zones: over_time(header, snapshots, frag::unusable_index) })
}

/// Returns a value of every order at every snapshot, for the zones that have memory.
fn over_time<T>(header: &Header, snapshots: &[Snapshot], value: impl Fn(&[u64], usize) -> T) -> Vec<ZoneOverTime<T>> {
    let zone = |(number, zone): (usize, &trace::Zone)| {
        let of_zone: Vec<&Snapshot> =
            snapshots.iter().filter(|snapshot| usize::from(snapshot.zone) == number).collect();
        let orders = of_zone.iter().map(|snapshot| snapshot.nr_free.len()).min()?;
        let time_s =
            of_zone.iter().map(|snapshot| snapshot.time.saturating_sub(header.clock.start_ns) as f64 / 1e9).collect();
        let orders =
            (0..orders).map(|order| of_zone.iter().map(|snapshot| value(&snapshot.nr_free, order)).collect()).collect();
        (zone.managed > 0).then(|| ZoneOverTime { zone: header.zone_name(number as u8), time_s, orders })
    };
    header.zones.iter().enumerate().filter_map(zone).collect()
}

fn rate(header: &Header, summary: &Summary) -> Chart {
    let rates = &summary.rates;
    let zones = rates
        .zones
        .iter()
        .map(|(zone, bytes)| (header.zone_name(*zone), bytes.iter().map(|bytes| rates.per_second(*bytes)).collect()));
    Chart::Rate(Rate {
        measure: Measure::BytesPerSecond,
        interval_s: rates.interval as f64 / 1e9,
        zones: zones.collect(),
    })
}

fn live(header: &Header, summary: &Summary) -> Chart {
    let rates = &summary.rates;
    let zones = rates
        .live()
        .map(|(zone, bytes)| (header.zone_name(zone), bytes.into_iter().map(|bytes| bytes as f64).collect()));
    Chart::Live(Rate { measure: Measure::LiveBytes, interval_s: rates.interval as f64 / 1e9, zones: zones.collect() })
}

fn bars(title: &str, grouping: &Grouping) -> BarGroup {
    let allocating = grouping.groups.iter().filter(|group| group.counts.alloc_bytes > 0).take(BARS);
    let bar = |group: &Group| Bar {
        label: group.values.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(" "),
        bytes: group.counts.alloc_bytes.cast_unsigned(),
        allocs: group.counts.allocs.cast_unsigned(),
    };
    BarGroup { title: title.to_owned(), bars: allocating.map(bar).collect() }
}

fn callsites(grouping: &Grouping) -> Chart {
    Chart::Callsites(Bars {
        title: "Call sites".into(),
        subtitle: "where most bytes of kernel objects were allocated".into(),
        groups: vec![bars("function + offset", grouping)],
    })
}

fn treemap(header: &Header, grouping: &Grouping) -> Chart {
    let mut groups: BTreeMap<Effort, Vec<Mask>> = BTreeMap::new();
    for group in grouping.groups.iter().filter(|group| group.counts.alloc_bytes > 0) {
        let [(mask, names)] = &group.values[..] else { continue };
        let (bytes, allocs) = (group.counts.alloc_bytes.cast_unsigned(), group.counts.allocs.cast_unsigned());
        groups.entry(Effort::of(&header.gfp, *mask as u32)).or_default().push(Mask {
            names: names.clone(),
            bytes,
            allocs,
        });
    }
    let groups = groups.into_iter().map(|(effort, masks)| TileGroup { title: effort.title().to_owned(), masks });
    Chart::Treemap(Treemap { groups: groups.collect() })
}

fn gfp(summary: &Summary) -> Chart {
    Chart::Gfp(Bars {
        title: "GFP flags".into(),
        subtitle: "bytes of pages allocated with each mask, and with each bit".into(),
        groups: vec![
            bars("whole masks", &summary.gfp),
            bars("single bits: an allocation counts for each bit of its mask", &summary.flag),
        ],
    })
}

fn lifetimes(summary: &Summary) -> Chart {
    let curve = |lifetime: &Lifetime| LifetimeCurve {
        order: lifetime.number as u8,
        freed: lifetime.freed.count,
        points: lifetime.freed.cumulative(),
    };
    Chart::Lifetimes(LifetimeCurves {
        orders: summary.lifetimes.iter().filter(|lifetime| lifetime.freed.count > 0).map(curve).collect(),
    })
}
