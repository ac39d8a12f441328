//! Replays of small traces whose right result is known beforehand.

mod common;

use std::path::Path;

use common::zone;
use replay::{Gap, Init, Machine, Mode, Options, Outcome, WhatIf, replay_all};
use trace::{ANY_MIGRATETYPE, FreeArea, Header, Kind, Ledger, NO_PFN, PageEvent, Pageblock, Trace, Writer, ZoneStat};

const NORMAL: u64 = 1 << 20;
const GFP_KERNEL: u32 = 0xcc0;
const START: u64 = 1_000;

fn header() -> Header {
    common::header(
        2,
        1_000_000,
        vec![
            zone("DMA", 1, 4095),
            zone("DMA32", 4096, 1_044_480),
            zone("Normal", NORMAL, 1 << 16),
            zone("Movable", 0, 0),
        ],
    )
}

/// A trace being made. The free blocks at the start are 40 of order 10 in DMA32 and 40 in Normal.
struct Making {
    events: Vec<PageEvent>,
    time: u64,
}

impl Making {
    fn new() -> Self {
        Self { events: Vec::new(), time: START }
    }

    fn event(&mut self, kind: Kind, pfn: u64, order: u8, gfp: u32) -> &mut Self {
        self.time += 10;
        let zone = if pfn == NO_PFN { trace::UNKNOWN_ZONE } else { u8::from(pfn >= 4096) + u8::from(pfn >= NORMAL) };
        let migratetype = if kind == Kind::PageAlloc { 0 } else { u8::MAX };
        self.events.push(PageEvent {
            time: self.time,
            pid: 1,
            cpu: 0,
            kind: kind as u8,
            order,
            pfn,
            gfp,
            migratetype,
            zone,
            stack: 0,
        });
        self
    }

    fn alloc(&mut self, pfn: u64, order: u8) -> &mut Self {
        self.event(Kind::PageAlloc, pfn, order, GFP_KERNEL)
    }

    fn free(&mut self, pfn: u64, order: u8) -> &mut Self {
        self.event(Kind::PageFree, pfn, order, 0)
    }

    /// Writes the trace, with a last snapshot that shows `normal` free blocks in Normal.
    fn write(&self, dir: &Path, normal: [u64; 11], filtered: u64) -> Trace {
        let header = header();
        let mut writer = Writer::create(dir, &header, trace::Options::default()).unwrap();
        for (snapshot, time) in [(0, START), (1, self.time + 10)] {
            let mut free = Vec::new();
            let mut blocks = Vec::new();
            for zone in 0..3u8 {
                let start = if zone == 0 { [0; 11] } else { core::array::from_fn(|o| if o == 10 { 40 } else { 0 }) };
                let counts = if snapshot == 1 && zone == 2 { normal } else { start };
                for (order, nr_free) in counts.into_iter().enumerate() {
                    let row = |migratetype, nr_free| FreeArea {
                        time,
                        snapshot,
                        zone,
                        order: order as u8,
                        migratetype,
                        nr_free,
                    };
                    free.extend([row(ANY_MIGRATETYPE, nr_free), row(1, nr_free)]);
                }
                blocks.push(Pageblock { time, snapshot, zone, migratetype: 1, count: 128 });
            }
            writer.append(&free).unwrap();
            writer.append(&blocks).unwrap();
            let stat = |item: &str, value| ZoneStat { time, snapshot, zone: 2, item: item.to_owned(), value };
            writer.append(&[stat("min", 100), stat("low", 125), stat("high", 150), stat("managed", 1 << 16)]).unwrap();
        }
        writer.append(&self.events).unwrap();
        let program = Kind::PageFree.name().to_owned();
        writer
            .append(&[Ledger {
                time: self.time,
                cpu: 0,
                program,
                seen: 0,
                written: 0,
                dropped: 0,
                filtered,
                missed: 0,
            }])
            .unwrap();
        writer.finish(&header).unwrap();
        Trace::open(dir).unwrap()
    }
}

fn replay(trace: &Trace) -> Outcome {
    replay::replay(trace, &Options::default(), &mut |_, _| {}).unwrap()
}

#[test]
fn a_machine_like_the_model_scores_perfectly() {
    let dir = tempfile::tempdir().unwrap();
    let mut making = Making::new();
    // Order 4 is not cached on per-CPU lists, so the split is seen at once: from order 10, one block of each order 4 to
    // 9 is left.
    making.alloc(NORMAL, 4);
    let trace = making.write(dir.path(), [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 39], 0);
    let outcome = replay(&trace);
    assert_eq!((outcome.generation, outcome.events, outcome.allocs, outcome.snapshots), ("6.18", 1, 1, 1));
    assert_eq!(outcome.score.zone_agreement, Some(1.0));
    assert_eq!(outcome.score.free_blocks_distance, Some(0.0), "{:?}", outcome.zones);
    assert_eq!(outcome.score.unexplained, Some(0.0));
    assert!(outcome.null_model.free_blocks_distance > Some(0.0));
    assert_eq!(outcome.unplaced_pages, 0);
}

#[test]
fn every_gap_is_put_into_its_class() {
    let dir = tempfile::tempdir().unwrap();
    let mut making = Making::new();
    // The frames of DMA32 from 200,000 on are in use at the start.
    making.free(200_000, 0);
    // The frame is freed again without an allocation between.
    making.free(200_000, 0);
    // A block is freed in parts.
    making.alloc(NORMAL, 2).free(NORMAL, 1).free(NORMAL + 2, 1);
    // Two blocks are freed as one.
    making.alloc(NORMAL + 8, 0).alloc(NORMAL + 9, 0).free(NORMAL + 8, 1);
    // The request failed on the machine.
    making.event(Kind::PageAlloc, NO_PFN, 3, GFP_KERNEL);
    // A frame is allocated three times: the ledger has one missing free, so the second one remains unexplained.
    making.alloc(NORMAL + 16, 0).alloc(NORMAL + 16, 0).alloc(NORMAL + 16, 0);
    // No zone has this frame.
    making.free(1 << 40, 0);
    let trace = making.write(dir.path(), [0; 11], 1);
    let outcome = replay(&trace);
    let expected = [
        (Gap::Orphan, 1),
        (Gap::Split, 1),
        (Gap::UntracedAlloc, 1),
        (Gap::Merged, 1),
        (Gap::Failed, 1),
        (Gap::Lost, 1),
        (Gap::ForeignFrame, 1),
        (Gap::Unexplained, 1),
    ];
    for (gap, n) in expected {
        assert_eq!(outcome.gaps.get(gap), n, "{}: {:?}", gap.name(), outcome.gaps);
    }
    assert_eq!(outcome.score.unexplained, Some(1.0 / outcome.events as f64));
    assert_eq!(outcome.machine_failures, 1);
}

#[test]
fn a_zone_the_model_would_not_choose_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let mut making = Making::new();
    making.alloc(NORMAL, 0).alloc(500_000, 0).alloc(NORMAL + 1, 0).event(Kind::PageAlloc, 500_001, 0, GFP_KERNEL | 4);
    let outcome = replay(&making.write(dir.path(), [0; 11], 0));
    assert_eq!(outcome.score.zone_agreement, Some(0.75), "one kernel page came from DMA32");
    assert_eq!(outcome.null_model.zone_agreement, Some(0.75));
}

#[test]
fn a_full_zone_spills_and_the_null_model_does_not_know() {
    let dir = tempfile::tempdir().unwrap();
    let mut making = Making::new();
    // Normal has 40 blocks of order 10, of which the marks leave 39. The machine then continues in DMA32, and so does
    // the model.
    for k in 0..39 {
        making.alloc(NORMAL + k * 1024, 10);
    }
    for k in 0..10 {
        making.alloc(300 * 1024 + k * 1024, 10);
    }
    let outcome = replay(&making.write(dir.path(), [0; 11], 0));
    assert!(
        outcome.score.zone_agreement > outcome.null_model.zone_agreement,
        "{:?} {:?}",
        outcome.score,
        outcome.null_model
    );
    assert_eq!(outcome.null_model.zone_agreement, Some(39.0 / 49.0));
}

#[test]
fn frames_mode_forces_the_traced_frames_and_checks_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut making = Making::new();
    // The events themselves show that these frames were free at the start. Nothing can show that of a frame whose first
    // event is a free.
    making.alloc(NORMAL, 4).free(NORMAL, 4).alloc(NORMAL + 8, 3).free(200_001, 0).alloc(200_001, 0);
    let trace = making.write(dir.path(), [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 39], 0);
    let options = Options { mode: Mode::Frames, ..Options::default() };
    let outcome = replay::replay(&trace, &options, &mut |_, _| {}).unwrap();
    assert_eq!((outcome.legal, outcome.illegal), (3, 0));
    // The lower half of the order-4 block is free again, and its upper half is in use. All other orders are as on the
    // machine.
    let normal = outcome.zones.iter().find(|z| z.name == "Normal").unwrap();
    assert_eq!(normal.model, [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 39]);
}

#[test]
fn what_if_models_run_side_by_side_and_differ() {
    let dir = tempfile::tempdir().unwrap();
    let mut making = Making::new();
    for k in 0..30 {
        making.alloc(NORMAL + k * 1024, 10);
    }
    let trace = making.write(dir.path(), [0; 11], 0);
    let base = Machine::of(&trace, None).unwrap();
    let less: WhatIf = "less_memory=80".parse().unwrap();
    let no_lists: WhatIf = "per_cpu_lists=off,mobility_grouping=off".parse().unwrap();
    let machines = [base.clone(), less.apply(&base), no_lists.apply(&base)];
    let outcomes = replay_all(&trace, &machines, &Options::default(), &mut |_, _| {}).unwrap();
    let free: Vec<u64> =
        outcomes.iter().map(|o| o.zones.iter().map(|z| reference::FreeBlocks(z.model).pages()).sum()).collect();
    assert_eq!(free[0] - free[1], 80 << 8);
    assert_eq!(free[0], free[2]);
    assert_eq!(outcomes[0].score.zone_agreement, Some(1.0));
    assert!(outcomes[1].score.zone_agreement < Some(1.0), "with 80 MiB less, Normal cannot serve all");
}

#[test]
fn json_has_the_promised_keys() {
    let dir = tempfile::tempdir().unwrap();
    let json = replay(&Making::new().alloc(NORMAL, 0).write(dir.path(), [0; 11], 0)).to_json();
    for key in ["zone_agreement", "free_blocks_distance", "free_pages_error", "fallback_error", "unexplained"] {
        assert!(json["score"][key].is_number(), "score.{key}: {json}");
        assert!(json["null_model"][key].is_number(), "null_model.{key}");
    }
    assert!(json["events"] == 1 && json["elapsed_s"].is_number() && json["gaps"]["orphan_free"] == 0);
}

#[test]
fn what_is_missing_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let header = header();
    let empty = dir.path().join("empty");
    Writer::create(&empty, &header, trace::Options::default()).unwrap().finish(&header).unwrap();
    let options = Options::default();
    let error =
        |dir: &Path| replay::replay(&Trace::open(dir).unwrap(), &options, &mut |_, _| {}).unwrap_err().to_string();
    assert!(error(&empty).contains("no page events"));
    let no_snapshot = dir.path().join("no-snapshot");
    let mut writer = Writer::create(&no_snapshot, &header, trace::Options::default()).unwrap();
    writer.append(&Making::new().alloc(NORMAL, 0).events).unwrap();
    writer.finish(&header).unwrap();
    assert!(error(&no_snapshot).contains("--init empty"));
    let started_empty = Options { init: Init::Empty, ..Options::default() };
    let outcome = replay::replay(&Trace::open(&no_snapshot).unwrap(), &started_empty, &mut |_, _| {}).unwrap();
    assert_eq!((outcome.events, outcome.score.free_blocks_distance), (1, None));
}

/// The trace is the bundled one, of a 6.12 kernel under a mixed workload.
#[test]
fn a_real_trace_is_followed_more_closely_than_by_knowing_nothing() {
    let trace = Trace::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../trace/fixtures/demo")).unwrap();
    let outcome = replay(&trace);
    let (model, null) = (outcome.score, outcome.null_model);
    assert_eq!((outcome.generation, outcome.unplaced_pages, outcome.orphans_dropped), ("6.12", 0, 0));
    assert!(model.zone_agreement >= Some(0.99), "{model:?}");
    assert!(model.free_blocks_distance < null.free_blocks_distance, "{model:?} {null:?}");
    assert!(model.free_pages_error < null.free_pages_error, "{model:?} {null:?}");
    assert_eq!(model.unexplained, Some(0.0));
    assert_eq!(outcome.model_failures, 0);
}
