//! These tests check fragmentation between the snapshots, fallbacks and pageblocks, on traces whose every number can be
//! computed by hand.

mod common;

use std::path::Path;

use assert_cmd::Command;
use common::{GFP_KERNEL, SECOND, alloc, free, header, write};
use serde_json::Value;
use trace::{
    FragEvent, FrameRun, FreeArea, Header, Kind, PageEvent, Pageblock, SnapshotWindow, Stack, Symbol, Task, Writer,
};

const UNMOVABLE: u8 = 0;
const MOVABLE: u8 = 1;
const RECLAIMABLE: u8 = 2;

fn frag(trace: &Path, arguments: &[&str]) -> Value {
    let output =
        Command::cargo_bin("analyzer").unwrap().arg("frag").arg(trace).args(arguments).arg("--json").assert().success();
    serde_json::from_slice(&output.get_output().stdout).unwrap()
}

/// Returns the text that `analyzer frag` prints for people.
fn text(trace: &Path, arguments: &[&str]) -> String {
    let output = Command::cargo_bin("analyzer").unwrap().arg("frag").arg(trace).args(arguments).assert().success();
    String::from_utf8(output.get_output().stdout.clone()).unwrap()
}

fn refusal(trace: &Path, arguments: &[&str]) -> String {
    let output = Command::cargo_bin("analyzer").unwrap().arg("frag").arg(trace).args(arguments).assert().code(1);
    String::from_utf8(output.get_output().stderr.clone()).unwrap()
}

/// Returns a column of the rows of one zone.
fn column(rows: &Value, zone: &str, name: &str) -> Vec<i64> {
    rows.as_array().unwrap().iter().filter(|row| row["zone"] == zone).map(|row| row[name].as_i64().unwrap()).collect()
}

fn moved(time: u64, kind: Kind, pfn: u64, order: u8, migratetype: u8) -> FragEvent {
    let zone = header().zone_of(pfn).map_or(trace::UNKNOWN_ZONE, |zone| zone as u8);
    let (fallback_order, fallback_migratetype) = (u8::MAX, u8::MAX);
    FragEvent {
        time,
        pid: 10,
        cpu: 0,
        kind: kind as u8,
        order,
        pfn,
        migratetype,
        zone,
        fallback_order,
        fallback_migratetype,
        change_ownership: 0,
        percpu_refill: 0,
    }
}

fn fallback(
    time: u64,
    pfn: u64,
    (order, migratetype): (u8, u8),
    (fallback_order, fallback_migratetype): (u8, u8),
) -> FragEvent {
    let change_ownership = u8::from(fallback_order >= 9);
    FragEvent {
        fallback_order,
        fallback_migratetype,
        change_ownership,
        ..moved(time, Kind::ExtFrag, pfn, order, migratetype)
    }
}

fn stacked(event: PageEvent, stack: u32) -> PageEvent {
    PageEvent { stack, ..event }
}

fn run(pfn: u64, pages: u64, class: &str) -> FrameRun {
    FrameRun { time: 100, snapshot: 0, pfn, pages, class: class.into() }
}

fn snapshot(time: u64, number: u32, nr_free: [u64; 11]) -> Vec<FreeArea> {
    let row =
        |(order, nr_free)| FreeArea { time, snapshot: number, zone: 1, order: order as u8, migratetype: 255, nr_free };
    nr_free.into_iter().enumerate().map(row).collect()
}

fn frame_map(writer: &mut Writer, runs: &[FrameRun]) {
    writer.append(&[SnapshotWindow { time: 100, snapshot: 0, end: 200, source: "kpageflags".into() }]).unwrap();
    writer.append(runs).unwrap();
}

/// Writes a trace in which the one free block of order 10 in the zone Normal, from frame 9216 on, is split and merged
/// again.
fn split_and_merged(dir: &Path, header: &Header) {
    write(dir, header, |writer| {
        frame_map(writer, &[run(9216, 1024, "free"), run(12288, 2048, "anon")]);
        writer.append(&snapshot(0, 0, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])).unwrap();
        let events = [
            moved(150, Kind::ZoneLocked, 9216, 0, UNMOVABLE), // happens while frames are read: the next event decides
            moved(160, Kind::PcpuDrain, 9216, 0, UNMOVABLE),
            moved(SECOND, Kind::ZoneLocked, 9216, 0, UNMOVABLE),
            moved(2 * SECOND, Kind::PcpuDrain, 9216, 0, UNMOVABLE),
            fallback(3 * SECOND, 9216, (0, UNMOVABLE), (10, MOVABLE)),
            moved(8 * SECOND, Kind::ZoneLocked, 9217, 0, UNMOVABLE),
        ];
        writer.append(&events).unwrap();
        let pages = [
            alloc(SECOND + 1, 9216, 0, GFP_KERNEL, UNMOVABLE, 10),
            free(2 * SECOND - 1, 9216, 0, 10), // goes to a pcp list, which is drained later
            free(4 * SECOND, 12288 + 256, 4, 10), // is too large for a pcp list
            free(4 * SECOND + 1, 13312, 9, 10), // goes to a pcp list, as a huge page does
        ];
        writer.append(&pages).unwrap();
        // Without an event, one block of order 0 has gone, and one of order 1 has come.
        writer.append(&snapshot(5 * SECOND, 1, [0, 2, 1, 1, 2, 1, 1, 1, 1, 1, 0])).unwrap();
    });
}

#[test]
fn free_blocks_at_any_moment_follow_from_the_events() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("t");
    split_and_merged(&trace, &header());
    let nr_free = |at: &str| column(&frag(&trace, &["--at", at]), "Normal", "nr_free");
    assert_eq!(nr_free("0.5"), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(nr_free("1.5"), [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
    assert_eq!(nr_free("2.5"), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(nr_free("3.5"), [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0], "a fallback tells by itself what it took");
    assert_eq!(nr_free("4.5"), [1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 0]);
    assert_eq!(nr_free("5"), [0, 2, 1, 1, 2, 1, 1, 1, 1, 1, 0], "at a snapshot, what it says");
    // The lone page of order 0 is taken at 8 s. It was not in the snapshot at 5 s, so nothing changes.
    assert_eq!(nr_free("9"), [0, 2, 1, 1, 2, 1, 1, 1, 1, 1, 0]);

    let at = frag(&trace, &["--at", "1.5"]);
    let (free_pages, of_order_5) = (1023, 32 + 64 + 128 + 256 + 512);
    assert_eq!(column(&at, "Normal", "unusable_index")[5], (free_pages - of_order_5) * 1000 / free_pages);
    assert_eq!(column(&at, "Normal", "extfrag_index")[10], 1000 - (1000 + 1023 * 1000 / 1024) / 10);
    assert_eq!((&at[0]["time"], &at[0]["source"]), (&1_500_000_000_i64.into(), &"events".into()));

    let drift = frag(&trace, &["--drift"]);
    assert_eq!(column(&drift, "Normal", "drift"), [1, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert!(
        text(&trace, &["--drift"]).contains("blocks of 0.29 % of a zone's free pages were reckoned wrongly"),
        "3 of 1040 pages"
    );

    let summary = frag(&trace, &[]);
    let without = column(&summary, "Normal", "without");
    assert_eq!(without[10], (8 * SECOND).cast_signed(), "from 1 s to 2 s, and from 3 s on: {summary}");
    assert_eq!(without[9], 0);
    assert_eq!(summary[10]["without_share"].as_f64(), Some(0.8));
    assert_eq!(column(&summary, "Normal", "worst")[10], 1000, "between the snapshots, too");

    let rows = frag(&trace, &["--over-time", "--interval", "1"]);
    let sources: Vec<_> =
        rows.as_array().unwrap().iter().filter(|row| row["order"] == 10 && row["zone"] == "Normal").collect();
    assert_eq!(sources.iter().filter(|row| row["source"] == "buddyinfo").count(), 2);
    assert_eq!(
        sources.iter().filter(|row| row["source"] == "events").count(),
        10,
        "the free frames are not known at 0 s"
    );
}

#[test]
fn without_the_family_pages_are_followed_as_if_there_were_no_pcp_lists() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("t");
    write(&trace, &header(), |writer| {
        frame_map(writer, &[run(9216, 1024, "free")]);
        writer.append(&snapshot(0, 0, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])).unwrap();
        writer.append(&[alloc(SECOND, 9216, 9, GFP_KERNEL, MOVABLE, 10), free(2 * SECOND, 9216, 9, 10)]).unwrap();
    });
    let nr_free = |at: &str| column(&frag(&trace, &["--at", at]), "Normal", "nr_free");
    assert_eq!(nr_free("1.5"), [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    assert_eq!(nr_free("2.5"), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert!(text(&trace, &["--at", "1.5"]).contains("an estimate, record with --events page,frag"));
    // The summary does not use the estimate.
    assert_eq!(column(&frag(&trace, &[]), "Normal", "without")[10], 0);
    assert!(text(&trace, &[]).contains("nothing is known between the snapshots"));
}

#[test]
fn what_cannot_be_known_between_snapshots_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let (sampled, filtered, imported) =
        (dir.path().join("sampled"), dir.path().join("filtered"), dir.path().join("imported"));
    split_and_merged(&sampled, &Header { sample: 10, ..header() });
    split_and_merged(&filtered, &Header { options: [("filter_comm".to_owned(), "cat".to_owned())].into(), ..header() });
    for (trace, why) in [(&sampled, "one frame in so many"), (&filtered, "a filter kept events out")] {
        let at = frag(trace, &["--at", "4"]);
        assert_eq!(column(&at, "Normal", "nr_free"), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "the snapshot before");
        assert_eq!((&at[0]["source"], &at[0]["time"]), (&"buddyinfo".into(), &0.into()));
        assert!(text(trace, &["--at", "4"]).contains(why));
        // The snapshot at 5 s has no block of order 10.
        assert_eq!(column(&frag(trace, &[]), "Normal", "without")[10], (5 * SECOND).cast_signed());
    }
    write(&imported, &header(), |_| {});
    assert!(refusal(&imported, &[]).contains("no snapshots of /proc/buddyinfo"));
    assert!(refusal(&sampled, &["--at", "11"]).contains("the trace ends after 10.000 s"));
    assert!(refusal(&sampled, &["--over-time", "--interval", "0"]).contains("too short"));
    assert!(text(&imported, &["--fallbacks"]).contains("the trace has no such events"));
}

#[test]
fn fallbacks_have_a_severity_a_process_and_where_it_is_certain_a_call_site() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("t");
    write(&trace, &header(), |writer| {
        let events = [
            // A refill of a pcp list takes two pages. The allocation gets the first one.
            fallback(100, 9000, (0, UNMOVABLE), (3, MOVABLE)),
            fallback(101, 9001, (0, UNMOVABLE), (2, MOVABLE)),
            // The next allocation gets another page than the first one, so the call site of this fallback is not known.
            fallback(300, 9100, (0, RECLAIMABLE), (4, MOVABLE)),
            // The first page is freed again before it is allocated, so the call site of this fallback is not known.
            fallback(500, 9200, (1, MOVABLE), (5, UNMOVABLE)),
            // The fallback takes a whole pageblock.
            fallback(700, 9728, (0, UNMOVABLE), (9, MOVABLE)),
        ];
        writer.append(&events).unwrap();
        let pages = [
            stacked(alloc(110, 9000, 0, GFP_KERNEL, UNMOVABLE, 10), 1),
            stacked(alloc(310, 9101, 0, GFP_KERNEL, RECLAIMABLE, 10), 1),
            free(505, 9200, 1, 10),
            stacked(alloc(510, 9200, 1, GFP_KERNEL, MOVABLE, 10), 1),
            stacked(alloc(710, 9728, 0, GFP_KERNEL, UNMOVABLE, 20), 1), // is by another thread
        ];
        writer.append(&pages).unwrap();
        writer.append(&[Task { time: 0, pid: 10, tgid: 10, comm: "cat".into(), cgroup: 0 }]).unwrap();
        writer
            .append(&[Symbol { time: 0, id: 1, function: "pipe_write".into(), offset: 4, module: String::new() }])
            .unwrap();
        writer.append(&[Stack { time: 0, id: 1, depth: 0, symbol: 1 }]).unwrap();
    });
    let rows = frag(&trace, &["--fallbacks"]);
    let found: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["severity"].as_str().unwrap(), row["count"].as_i64().unwrap()))
        .collect();
    assert_eq!(found, [("severe", 2), ("severe", 1), ("moderate", 1), ("harmless", 1)], "{rows}");
    assert_eq!(
        (&rows[0]["migratetype"], &rows[0]["from"], &rows[0]["comm"]),
        (&"Unmovable".into(), &"Movable".into(), &"cat".into())
    );
    assert_eq!((&rows[0]["pages"], &rows[0]["block_pages"], &rows[0]["changed"]), (&2.into(), &12.into(), &0.0.into()));
    let harmless = rows.as_array().unwrap().iter().find(|row| row["severity"] == "harmless").unwrap();
    assert_eq!((&harmless["block_pages"], &harmless["changed"]), (&512.into(), &1.0.into()));
    let sites = frag(&trace, &["--fallbacks", "--by", "callsite,order"]);
    let found: Vec<_> = sites
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["callsite"].as_str().unwrap(), row["count"].as_i64().unwrap()))
        .collect();
    assert_eq!(found, [("unknown", 2), ("pipe_write+0x4", 2), ("unknown", 1)], "{sites}");
    assert!(text(&trace, &["--fallbacks", "--by", "zone"]).contains("Normal"));
    Command::cargo_bin("analyzer").unwrap().args(["frag", "x", "--fallbacks", "--by", "gfp"]).assert().code(2);
    Command::cargo_bin("analyzer").unwrap().args(["frag", "x", "--at", "1", "--drift"]).assert().code(2);
}

#[test]
fn fallbacks_by_call_site_need_stacks() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("t");
    split_and_merged(&trace, &header());
    assert!(refusal(&trace, &["--fallbacks", "--by", "callsite"]).contains("record with --stacks"));
}

#[test]
fn pageblocks_by_type_and_their_pollution() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("t");
    write(&trace, &header(), |writer| {
        // The pageblocks of the zone Normal start at frame 8192. The first has anonymous pages and a slab, the second
        // has anonymous pages, and the third has slabs and a file page.
        let runs = [
            run(8192, 500, "anon"),
            run(8692, 8, "slab"),
            run(8704, 400, "anon"),
            run(9216, 100, "slab"),
            run(9316, 1, "file"),
        ];
        frame_map(writer, &runs);
        let pages = [
            alloc(1000, 9200, 1, GFP_KERNEL, UNMOVABLE, 10), // pollutes the second pageblock
            alloc(1010, 9202, 0, GFP_KERNEL, RECLAIMABLE, 10),
            alloc(1020, 9203, 0, GFP_KERNEL, MOVABLE, 10),
            free(1030, 9202, 0, 10),
            alloc(1040, 10240, 0, GFP_KERNEL, UNMOVABLE, 10), // lies in a pageblock without movable pages
            free(1050, 9316, 0, 10),
        ];
        writer.append(&pages).unwrap();
        let blocks = |time, snapshot, migratetype, count| Pageblock { time, snapshot, zone: 1, migratetype, count };
        writer.append(&[blocks(0, 0, UNMOVABLE, 10), blocks(0, 0, MOVABLE, 90), blocks(0, 0, RECLAIMABLE, 0)]).unwrap();
        writer.append(&[blocks(5, 1, UNMOVABLE, 12), blocks(5, 1, MOVABLE, 88), blocks(5, 1, RECLAIMABLE, 0)]).unwrap();
    });
    let types = frag(&trace, &["--pageblocks"]);
    assert_eq!(
        types,
        serde_json::json!([
            {"zone": "Normal", "migratetype": "Unmovable", "first": 10, "last": 12, "change": 2},
            {"zone": "Normal", "migratetype": "Movable", "first": 90, "last": 88, "change": -2},
        ])
    );
    let pollution = frag(&trace, &["--pollution"]);
    let both =
        |name: &str| (column(&pollution, "Normal", &format!("{name}_first"))[0], column(&pollution, "Normal", name)[0]);
    assert_eq!(both("movable"), (3, 2), "{pollution}");
    assert_eq!(both("mixed"), (2, 2));
    assert_eq!(both("polluted"), (1, 2), "the third one is mostly slabs");
    assert_eq!(both("polluting_pages"), (8, 10));
    assert_eq!(
        (column(&pollution, "Normal", "allocs"), column(&pollution, "Normal", "newly_mixed")),
        (vec![2], vec![1])
    );
}

#[test]
fn the_report_has_it_all() {
    let dir = tempfile::tempdir().unwrap();
    let (trace, numbers, page) = (dir.path().join("t"), dir.path().join("r.json"), dir.path().join("r.html"));
    split_and_merged(&trace, &header());
    let report = ["report", trace.to_str().unwrap(), "--json", numbers.to_str().unwrap(), "-o", page.to_str().unwrap()];
    Command::cargo_bin("analyzer").unwrap().args(report).assert().success();
    let numbers: Value = serde_json::from_slice(&std::fs::read(numbers).unwrap()).unwrap();
    let tables = numbers["sections"]["fragmentation"]["tables"].as_array().unwrap();
    let titles: Vec<_> = tables.iter().map(|table| table["title"].as_str().unwrap()).collect();
    assert_eq!(
        titles,
        [
            "Unusable index by zone and order",
            "Fallbacks by severity × migratetype × from × comm",
            "Pollution of movable pageblocks"
        ]
    );
    assert_eq!(tables[0]["rows"], frag(&trace, &[]), "the same function gives both");
    assert_eq!(tables[1]["rows"], frag(&trace, &["--fallbacks"]));
}

#[test]
fn no_number_in_a_trace_is_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let (trace, huge) = (dir.path().join("t"), dir.path().join("huge"));
    let hostile = |writer: &mut Writer| {
        frame_map(writer, &[run(0, u64::MAX, "free"), run(5, 7, "anon"), run(u64::MAX, u64::MAX, "slab")]);
        writer.append(&snapshot(0, 0, [u64::MAX; 11])).unwrap();
        writer.append(&[FreeArea { time: 1, snapshot: 0, zone: 1, order: 255, migratetype: 255, nr_free: 9 }]).unwrap();
        let orders = [0, 9, 10, 11, 63, 64, 255];
        let pfns = [0, 1, 4095, 4096, 8192, 1 << 40, u64::MAX - 1];
        let all = || orders.into_iter().flat_map(move |order| pfns.map(|pfn| (pfn, order)));
        let event = |(pfn, order)| {
            let moved = moved(300, Kind::PcpuDrain, pfn, order, 200);
            [
                FragEvent { zone: 1, ..moved },
                FragEvent { zone: 77, kind: Kind::ZoneLocked as u8, ..moved },
                fallback(300, pfn, (order, 9), (order, 255)),
            ]
        };
        writer.append(&all().flat_map(event).collect::<Vec<_>>()).unwrap();
        writer
            .append(
                &all()
                    .flat_map(|(pfn, order)| [alloc(400, pfn, order, 0, 99, 1), free(400, pfn, order, 1)])
                    .collect::<Vec<_>>(),
            )
            .unwrap();
        writer.append(&snapshot(SECOND, 1, [0; 11])).unwrap();
    };
    write(&trace, &header(), hostile);
    let mut claims = header();
    claims.zones[1].spanned = u64::MAX - claims.zones[1].start_pfn;
    write(&huge, &claims, hostile);
    for arguments in [&[][..], &["--at", "0.5"], &["--over-time"], &["--fallbacks"], &["--pollution"], &["--drift"]] {
        frag(&trace, arguments);
        frag(&huge, arguments);
    }
    assert!(text(&huge, &["--at", "0.5"]).contains("the zones in its header are those of no machine"));
}
