//! These tests run the program `analyzer` as its users do, and check what it prints and its exit codes.

mod common;

use std::{collections::BTreeSet, fs, path::Path};

use assert_cmd::Command;
use serde_json::Value;

fn analyzer(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("analyzer").unwrap();
    command.args(arguments);
    command
}

fn stdout(arguments: &[&str]) -> String {
    String::from_utf8(analyzer(arguments).assert().success().get_output().stdout.clone()).unwrap()
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&stdout(arguments)).unwrap()
}

fn small() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("t");
    common::small(&trace);
    let trace = trace.to_str().unwrap().to_owned();
    (dir, trace)
}

#[test]
fn info_keeps_its_contract() {
    let (_dir, trace) = small();
    let info = json(&["info", &trace, "--json"]);
    assert_eq!(info["events"]["page_alloc"], 6);
    assert_eq!(info["events"]["page_free"], 5);
    assert_eq!(
        (&info["events"]["kmalloc"], &info["events"]["kfree"], &info["events"]["cache_alloc"]),
        (&3.into(), &3.into(), &0.into())
    );
    assert_eq!(info["ledger"]["seen"], 20);
    assert_eq!(info["ledger"]["written"], 17);
    assert_eq!(
        (&info["ledger"]["dropped"], &info["ledger"]["filtered"], &info["ledger"]["missed"]),
        (&2.into(), &1.into(), &1.into())
    );
    assert_eq!(info["ledger"]["unaccounted"], 0);
    let accounts = info["ledger"]["per_cpu"].as_array().unwrap();
    let page_alloc = accounts.iter().find(|account| account["program"] == "page_alloc").unwrap();
    assert_eq!(
        (&page_alloc["cpu"], &page_alloc["seen"]),
        (&0.into(), &9.into()),
        "the last row of the ledger counts, not the first"
    );
    assert!(
        accounts.iter().any(|account| account["cpu"].is_null() && account["missed"] == 1),
        "what is counted for all CPUs has none"
    );
    assert_eq!(info["integrity"]["ok"], true);
    assert_eq!(
        (&info["host"], &info["kernel"], &info["duration_s"]),
        (&"testhost".into(), &"6.18.0-test".into(), &10.0.into())
    );
    let text = stdout(&["info", &trace]);
    assert!(text.contains("seen 20 = written 17 + dropped 2 + filtered 1 ✓"), "{text}");
    assert!(
        text.contains("missed 1")
            && text.contains("✓ every checksum is right")
            && text.contains("2026-01-01T00:00:00Z"),
        "{text}"
    );
}

#[test]
fn a_damaged_trace_is_shown_loudly_and_a_missing_one_is_an_error() {
    let (_dir, trace) = small();
    let file = Path::new(&trace).join("page-000000.arrow");
    let mut bytes = fs::read(&file).unwrap();
    let info = json(&["info", &trace, "--json"]);
    assert_eq!(info["integrity"]["problems"], Value::Array(vec![]));
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(&file, bytes).unwrap();
    let info = json(&["info", &trace, "--json"]);
    assert_eq!(info["integrity"]["ok"], false);
    assert_eq!(info["integrity"]["problems"].as_array().unwrap().len(), 1);
    assert_eq!(info["integrity"]["problems"][0]["file"], "page-000000.arrow");
    assert!(stdout(&["info", &trace]).contains("✗ page-000000.arrow, batch"), "the human sees it too");
    let rows = json(&["stat", &trace, "--total", "--json"]);
    assert!(rows[0]["lost_events"].as_u64().unwrap() > 3, "rows of the damaged batch are lost: {rows}");
    let failure = analyzer(&["info", "no/such/trace"]).assert().code(1).get_output().stderr.clone();
    let failure = String::from_utf8(failure).unwrap();
    assert!(failure.lines().count() == 1 && failure.contains("is not a trace"), "{failure}");
    analyzer(&["info"]).assert().code(2);
    analyzer(&["stat", &trace, "--by", "zome"]).assert().code(2);
}

#[test]
fn stat_says_the_same_in_json_csv_and_text() {
    let (_dir, trace) = small();
    let rows = json(&["stat", &trace, "--by", "zone,order", "--json"]);
    let huge = rows.as_array().unwrap().iter().find(|row| row["order"] == 9).unwrap();
    assert_eq!((&huge["zone"], &huge["allocs"], &huge["frees"]), (&"Normal".into(), &1.into(), &0.into()));
    assert_eq!(
        (&huge["alloc_bytes"], &huge["live"], &huge["peak_live"]),
        (&2_097_152.into(), &2_097_152.into(), &2_097_152.into())
    );
    assert_eq!(huge["lost_events"], 3, "two dropped, one missed");
    let csv = stdout(&["stat", &trace, "--by", "zone,order", "--csv"]);
    assert!(csv.starts_with("zone,order,requests,allocs,frees,"), "{csv}");
    assert!(csv.contains("\r\nNormal,9,1,1,0,2097152,0,0,0,2097152,2097152,0,0,0,2097152,3\r\n"), "{csv}");
    let text = stdout(&["stat", &trace, "--by", "zone,order"]);
    assert!(text.contains("2.00 MiB") && text.contains("! 3 page events"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colour into a pipe");
    let advice =
        String::from_utf8(analyzer(&["stat", &trace, "--by", "callsite"]).assert().code(1).get_output().stderr.clone())
            .unwrap();
    assert!(advice.contains("add --slab"), "{advice}");
    assert_eq!(json(&["stat", &trace, "--slab", "--json"])[0]["function"], "alloc_pipe_info");
}

#[test]
fn the_report_is_one_file_that_loads_nothing_and_its_numbers_are_in_json() {
    let (dir, trace) = small();
    let (html, numbers) = (dir.path().join("r.html"), dir.path().join("r.json"));
    analyzer(&["report", &trace, "-o", html.to_str().unwrap(), "--json", numbers.to_str().unwrap()]).assert().success();
    let html = fs::read_to_string(html).unwrap();
    let numbers: Value = serde_json::from_str(&fs::read_to_string(numbers).unwrap()).unwrap();
    for outside in ["src=\"http", "href=\"http", "url(", "@import", "fetch("] {
        assert!(!html.contains(outside), "{outside}");
    }
    let sections = numbers["sections"].as_object().unwrap();
    for (id, section) in sections {
        assert!(html.contains(&format!("id=\"{id}\"")), "{id}");
        for table in section["tables"].as_array().unwrap() {
            assert!(html.contains(&format!("<caption>{}</caption>", table["title"].as_str().unwrap())), "{table}");
        }
    }
    assert_eq!(
        sections["zones"]["tables"][0]["rows"],
        json(&["stat", &trace, "--by", "zone,order", "--json"]),
        "the same function gives both"
    );
    assert!(html.contains("3 page events") && html.contains("Not everything is here"), "the loss is on the page");
    assert_eq!(sections["fragmentation"]["charts"][0]["chart"], "unusable");
    assert!(
        html.contains("<svg") && html.contains("var(--chart-text)") && html.contains("<title>Zone Normal, order 0"),
        "charts with hover values"
    );
}

#[test]
fn hostile_names_do_not_become_html() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("t");
    let header = trace::Header { host: "<script>alert(1)</script>".into(), ..common::header() };
    common::write(&trace, &header, |writer| {
        writer.append(&[common::alloc(1, 8192, 0, common::GFP_KERNEL, 0, 7)]).unwrap();
        writer.append(&[trace::Task { time: 0, pid: 7, tgid: 7, comm: "<b>&\"x".into(), cgroup: 0 }]).unwrap();
    });
    let html = dir.path().join("r.html");
    analyzer(&["report", trace.to_str().unwrap(), "-o", html.to_str().unwrap()]).assert().success();
    let html = fs::read_to_string(html).unwrap();
    assert!(!html.contains("<script>alert") && !html.contains("<b>&"), "names are escaped");
    assert!(html.contains("&lt;b&gt;"), "and shown");
}

#[test]
fn plots_are_written_in_both_formats_without_any_font_on_the_machine() {
    let (dir, trace) = small();
    let out = dir.path().join("charts");
    let out = out.to_str().unwrap();
    let written = stdout(&["plot", &trace, "-o", out]);
    assert_eq!(written.lines().count(), 9, "{written}");
    let svg = fs::read_to_string(format!("{out}/orders.svg")).unwrap();
    assert!(svg.contains("Allocations by order") && svg.contains("Movable") && !svg.contains("var(--"), "{svg}");
    analyzer(&["plot", &trace, "-o", out, "--format", "png", "--theme", "dark", "unusable"]).assert().success();
    let png = fs::read(format!("{out}/unusable.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG") && png.len() > 10_000, "{} bytes", png.len());
    analyzer(&["plot", &trace, "-o", out, "nonsense"]).assert().code(2);
}

/// Returns the JSON that `replay run` would write for the small trace, with a key that the analyzer does not know.
fn replayed() -> Value {
    let orders = |blocks: [[u64; 2]; 11]| blocks.map(|over_time| over_time.to_vec()).to_vec();
    let initial: Vec<u64> = (0..11).map(|order| [2, 1][usize::from(order > 0)]).collect();
    let machine = orders(std::array::from_fn(|order| [initial[order], 4]));
    let model = orders(std::array::from_fn(|order| [initial[order], 3 + order as u64]));
    let score = |distance: f64| serde_json::json!({"zone_agreement": 0.75, "free_blocks_distance": distance, "free_pages_error": 0.5, "fallback_error": null, "unexplained": 0.0});
    serde_json::json!({
        "policy": "6.18", "kernel": "6.18.0-test", "events": 11, "snapshots": 1, "missing_events": 4, "of_a_later_release": [1, 2],
        "score": score(0.0013), "null_model": score(0.25),
        "zones": [{"zone": "Normal", "initial": initial, "machine": [], "model": []}],
        "free_blocks": {"time_ns": [0, 5 * common::SECOND], "zones": [{"zone": "Normal", "machine": machine, "model": model}]},
    })
}

#[test]
fn the_model_is_shown_beside_the_machine() {
    let (dir, trace) = small();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (file, html, numbers) = (path("replay.json"), path("r.html"), path("r.json"));
    fs::write(&file, replayed().to_string()).unwrap();
    analyzer(&["report", &trace, "--replay", &file, "-o", &html, "--json", &numbers]).assert().success();
    let numbers: Value = serde_json::from_str(&fs::read_to_string(numbers).unwrap()).unwrap();
    let model = &numbers["sections"]["model"];
    let zone = &model["charts"][0]["data"]["zones"][0];
    assert_eq!((&zone["zone"], &zone["time_s"]), (&"Normal".into(), &serde_json::json!([0.0, 5.0])));
    assert_eq!(zone["orders"][10], serde_json::json!({"machine": [1, 4], "model": [1, 13], "null_model": 1}));
    let distance = &model["tables"][0]["rows"][1];
    assert_eq!((&distance["model"], &distance["null_model"]), (&0.0013.into(), &0.25.into()));
    let html = fs::read_to_string(html).unwrap();
    assert!(
        html.contains(">0.13</td>")
            && html.contains("Zone Normal, order 10 at 5.000 s\nmachine: 4\nmodel: 13\nnull model: 1")
    );
    assert!(
        html.contains("4 page events were lost or filtered: the model did not see them"),
        "the loss stands beside the score"
    );
    assert_eq!(
        stdout(&["plot", &trace, "--replay", &file, "-o", &path("charts"), "model"]).trim(),
        path("charts/model.svg")
    );
    let missing = analyzer(&["plot", &trace, "-o", &path("charts"), "model"]).assert().code(1);
    assert!(String::from_utf8_lossy(&missing.get_output().stderr).contains("name it with --replay FILE"));
}

#[test]
fn a_replay_that_does_not_fit_the_trace_is_refused_in_a_sentence() {
    let (dir, trace) = small();
    let file = dir.path().join("replay.json");
    let refusal = |text: &str| {
        fs::write(&file, text).unwrap();
        let refused =
            analyzer(&["report", &trace, "--replay", file.to_str().unwrap(), "-o", "/dev/null"]).assert().code(1);
        let sentence = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
        assert!(sentence.lines().count() == 1 && sentence.contains("replay.json"), "{sentence}");
        sentence
    };
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut value = replayed();
        change(&mut value);
        refusal(&value.to_string())
    };
    assert!(refusal("[1, 2").contains("not what `replay run TRACE --json FILE` writes"));
    assert!(
        changed(&|value| *value = serde_json::json!([value])).contains("not what `replay run"),
        "of `replay whatif`"
    );
    assert!(
        changed(&|value| drop(value.as_object_mut().unwrap().remove("free_blocks")))
            .contains("missing field `free_blocks`")
    );
    assert!(changed(&|value| value["kernel"] = "6.1".into()).contains("another trace"));
    assert!(changed(&|value| value["free_blocks"]["time_ns"][1] = 6.into()).contains("another trace"));
    assert!(
        changed(&|value| value["free_blocks"]["zones"][0]["model"][3] = serde_json::json!([1]))
            .contains("not as many orders and times")
    );
    assert!(
        changed(&|value| value["free_blocks"]["zones"][0]["model"][3][1] = u64::MAX.into())
            .contains("larger than any memory")
    );
    assert!(changed(&|value| value["zones"] = serde_json::json!([])).contains("different numbers of zones"));
    fs::remove_file(&file).unwrap();
    let refused = analyzer(&["report", &trace, "--replay", file.to_str().unwrap()]).assert().code(1);
    assert!(String::from_utf8_lossy(&refused.get_output().stderr).contains("cannot read"));
}

#[test]
fn masks_are_shown_as_tiles_grouped_by_what_they_allow() {
    let (dir, trace) = small();
    let numbers = dir.path().join("r.json");
    analyzer(&["report", &trace, "-o", "/dev/null", "--json", numbers.to_str().unwrap()]).assert().success();
    let numbers: Value = serde_json::from_str(&fs::read_to_string(numbers).unwrap()).unwrap();
    let chart = &numbers["sections"]["gfp"]["charts"][0];
    assert_eq!((&chart["chart"], chart["data"]["groups"].as_array().unwrap().len()), (&"treemap".into(), 1));
    let group = &chart["data"]["groups"][0];
    assert_eq!(group["title"], "may sleep, any reclaim");
    let bytes: Vec<_> = group["masks"].as_array().unwrap().iter().map(|mask| mask["bytes"].as_i64().unwrap()).collect();
    assert_eq!(bytes, [514 * 4096, 9 * 4096], "three of user memory, two of the kernel's");
}

#[test]
fn a_long_table_is_folded_and_a_very_long_one_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("t");
    common::write(&trace, &common::header(), |writer| {
        let rows = 10_001;
        let site =
            |id| trace::Symbol { time: 0, id, function: format!("caller_{id}"), offset: 0, module: String::new() };
        writer.append(&(1..=rows).map(site).collect::<Vec<_>>()).unwrap();
        let event = |at: u64| trace::SlabEvent {
            time: at,
            pid: 1,
            cpu: 0,
            kind: trace::Kind::Kmalloc as u8,
            object: at * 64,
            call_site: at,
            bytes_req: 8,
            bytes_alloc: 8,
            gfp: common::GFP_KERNEL,
            node: -1,
            cache: 0,
        };
        writer.append(&(1..=rows).map(event).collect::<Vec<_>>()).unwrap();
    });
    let html = dir.path().join("r.html");
    analyzer(&["report", trace.to_str().unwrap(), "-o", html.to_str().unwrap()]).assert().success();
    let html = fs::read_to_string(html).unwrap();
    // The callers are counted in one section, since that of the slab allocator names some of them again.
    let section =
        html.split("<section id=\"callsites\"").nth(1).and_then(|rest| rest.split("</section>").next()).unwrap();
    assert_eq!(section.matches("<td class=\"text\">caller_").count(), 10_000);
    assert!(html.contains("25 of 10,000 rows are shown") && html.contains("id=\"callsites-0-folded\" hidden"));
    assert!(html.contains("the first 10,000 of 10,001 rows; `analyzer stat --slab --by callsite` shows all"));
}

#[test]
fn an_empty_trace_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("t");
    common::write(&trace, &common::header(), |_| {});
    let trace = trace.to_str().unwrap();
    assert_eq!(json(&["info", trace, "--json"])["events"]["page_alloc"], 0);
    assert_eq!(json(&["stat", trace, "--json"]), Value::Array(vec![]));
    analyzer(&["report", trace, "-o", dir.path().join("r.html").to_str().unwrap()]).assert().success();
    analyzer(&["plot", trace, "-o", dir.path().to_str().unwrap()]).assert().code(1);
}

#[test]
fn a_reader_who_has_seen_enough_is_no_error() {
    let (_dir, trace) = small();
    let program = assert_cmd::cargo::cargo_bin("analyzer");
    let script = format!("set -o pipefail; {} stat {trace} --json | head -c 1 > /dev/null", program.display());
    let status = std::process::Command::new("bash").args(["-c", &script]).status().unwrap();
    assert!(status.success(), "{status}");
}

#[test]
fn ftrace_text_of_every_kernel_is_imported_whole() {
    const KINDS: [&str; 6] = ["page_alloc", "page_free", "kmalloc", "kfree", "cache_alloc", "cache_free"];
    let dir = tempfile::tempdir().unwrap();
    // Each row has the name of the text, the kernel's profile, the number of events of each kind, and the number of
    // other lines. All numbers were counted with grep.
    let texts: [(&str, &str, [u64; 6], u64); 6] = [
        ("4.x", "6.1", [6, 2, 4, 3, 3, 2], 11 + 4),
        ("4.x-no-irq-info", "6.1", [6, 2, 4, 3, 3, 2], 6 + 4),
        ("6.1", "6.1", [106, 0, 2, 3, 52, 25], 12),
        ("6.1-i386", "6.1-i386", [100, 1, 2, 3, 53, 29], 12),
        ("6.12", "6.12", [106, 1, 3, 4, 64, 10], 12),
        ("6.18", "6.18", [12, 8, 6, 25, 51, 78], 13),
    ];
    for (name, profile, counts, others) in texts {
        let text = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../trace/fixtures/ftrace/{name}.txt"));
        let trace = dir.path().join(name);
        let (text, trace) = (text.to_str().unwrap(), trace.to_str().unwrap());
        let said = stdout(&["import", text, "-o", trace, "--kernel", profile]);
        let events: u64 = counts.iter().sum();
        assert_eq!(said, format!("{trace}: {events} events ({others} lines were about other things)\n"));
        let lines = fs::read_to_string(text).unwrap();
        assert_eq!(lines.lines().count() as u64, events + others, "{name}: a line is an event or it is not");
        let info = json(&["info", trace, "--json"]);
        assert_eq!(KINDS.map(|kind| info["events"][kind].as_u64().unwrap()), counts, "{name}");
        assert_eq!(info["integrity"]["ok"], true);
        // The caches are those that the events name. The events of Linux 4.x name none.
        let caches: Vec<trace::Cache> = trace::Trace::open(Path::new(trace)).unwrap().all(&mut Vec::new());
        let named = lines.lines().filter_map(|line| line.split(" name=").nth(1)?.split_whitespace().next());
        assert_eq!(caches.iter().map(|cache| cache.name.as_str()).collect::<BTreeSet<_>>(), named.collect(), "{name}");
        // The import encodes names with the kernel's table, and `stat` must decode the masks to the same names.
        let masks = json(&["stat", trace, "--by", "gfp", "--json"]);
        let first = masks[0]["gfp"].as_str().unwrap();
        let flags: BTreeSet<&str> = first.split('|').collect();
        let seen = |line: &str| {
            line.split("gfp_flags=").nth(1).is_some_and(|names| {
                names.split_whitespace().next().unwrap().split('|').collect::<BTreeSet<_>>() == flags
            })
        };
        assert!(lines.lines().any(seen), "{name}: {first}");
    }
    let old = dir.path().join("4.x");
    let all = &json(&["stat", old.to_str().unwrap(), "--total", "--json"])[0];
    let counts = ["allocs", "failures", "frees", "unmatched_frees"].map(|count| all[count].as_u64().unwrap());
    assert_eq!(counts, [5, 1, 2, 0], "the request that failed is printed as `page=          (null) pfn=0`");
    let nothing = &json(&["stat", old.to_str().unwrap(), "--slab", "--total", "--json"])[0];
    assert_eq!(nothing["null_frees"], 1, "kfree(NULL)");
    let other = dir.path().join("other.txt");
    fs::write(&other, "hello\n").unwrap();
    let sentence = analyzer(&[
        "import",
        other.to_str().unwrap(),
        "-o",
        dir.path().join("o").to_str().unwrap(),
        "--kernel",
        "6.18",
    ])
    .assert()
    .code(1);
    assert!(String::from_utf8_lossy(&sentence.get_output().stderr).contains("has no kmem event"));
}

#[test]
fn a_mask_is_explained_and_judged() {
    let mask = json(&["gfp", "GFP_KERNEL|__GFP_ZERO", "--kernel", "6.12", "--context", "atomic", "--json"]);
    assert_eq!((&mask["names"], &mask["allowed"]), (&"GFP_KERNEL|__GFP_ZERO".into(), &false.into()));
    assert_eq!(json(&["gfp", "GFP_ATOMIC", "--kernel", "6.1", "--context", "atomic", "--json"])["allowed"], true);
    assert_ne!(
        json(&["gfp", "GFP_ATOMIC", "--kernel", "6.1", "--json"])["mask"],
        json(&["gfp", "GFP_ATOMIC", "--kernel", "6.18", "--json"])["mask"],
        "the bits moved in 6.3"
    );
    let wrong = analyzer(&["gfp", "GFP_NONSENSE", "--kernel", "6.18"]).assert().code(1);
    assert!(String::from_utf8_lossy(&wrong.get_output().stderr).contains("`GFP_NONSENSE` is neither"));
}

#[test]
fn fragmentation_lifetimes_and_differences() {
    let (dir, trace) = small();
    let frag = json(&["frag", &trace, "--json"]);
    // The last snapshot has four free blocks of each order, so every order but the largest could be served from the
    // largest alone.
    let largest = frag.as_array().unwrap().iter().find(|row| row["order"] == 10).unwrap();
    assert_eq!(largest["last"], (2047 - 1024) * 4 * 1000 / (2047 * 4));
    assert_eq!(largest["extfrag_last"], -1000);
    let lifetimes = json(&["lifetimes", &trace, "--json"]);
    assert_eq!(
        (&lifetimes[0]["order"], &lifetimes[0]["freed"], &lifetimes[0]["longest"]),
        (&0.into(), &2.into(), &400.into())
    );
    let other = dir.path().join("other");
    common::busy(&other, 1000);
    let change = json(&["diff", &trace, other.to_str().unwrap(), "--by", "order", "--json"]);
    let huge = change.as_array().unwrap().iter().find(|row| row["order"] == "9").unwrap();
    assert_eq!(huge["a_bytes_per_s"], 209_715.2, "2 MiB in 10 s");
    assert!(huge["b_bytes_per_s"].as_f64().unwrap() > 209_715.2);
}

#[test]
fn a_span_of_time_is_said_beside_what_was_counted_in_it() {
    let (dir, trace) = small();
    let span = ["--time", "0.0000005,0.0000009"];
    let text = stdout(&[&["stat", &trace, "--total"], &span[..]].concat());
    assert!(text.contains("! only what happened from 0.000000500 to 0.000000900 s"), "{text}");
    let rows = json(&[&["stat", &trace, "--total", "--json"], &span[..]].concat());
    for command in ["slab", "lint"] {
        assert!(stdout(&[&[command, &trace], &span[..]].concat()).contains("! only what happened from"), "{command}");
    }
    // The span has four frees, of A, of a block older than the trace, and of both halves of B, and one allocation, of
    // C.
    assert_eq!((&rows[0]["allocs"], &rows[0]["frees"], &rows[0]["unmatched_frees"]), (&1.into(), &4.into(), &4.into()));
    let (html, numbers) = (dir.path().join("r.html"), dir.path().join("r.json"));
    let report = ["report", &trace, "-o", html.to_str().unwrap(), "--json", numbers.to_str().unwrap()];
    analyzer(&[&report[..], &span].concat()).assert().success();
    let numbers: Value = serde_json::from_str(&fs::read_to_string(numbers).unwrap()).unwrap();
    assert_eq!(numbers["info"]["events"]["page_free"], 4);
    assert!(fs::read_to_string(html).unwrap().contains("only what happened from 0.000000500"), "the page says it, too");
    let failure = analyzer(&["lifetimes", &trace, "--time", "5,6"]).assert().code(1).get_output().stderr.clone();
    let failure = String::from_utf8(failure).unwrap();
    assert!(failure.contains("they are from 0.000000100 to 0.000001100 s"), "{failure}");
}

#[test]
fn kmem_counts_as_perf_does() {
    let (_dir, trace) = small();
    let pages = json(&["kmem", &trace, "--page", "--json"]);
    let line = |what: &str| pages["page_allocator"].as_array().unwrap().iter().find(|row| row["what"] == what).unwrap();
    let pair = |what: &str| (line(what)["count"].as_i64().unwrap(), line(what)["bytes"].as_i64().unwrap() / 4096);
    assert_eq!(pair("total allocation requests"), (6, 1 + 8 + 1 + 16 + 1 + 512));
    assert_eq!(pair("total free requests"), (5, 1 + 4 + 4 + 4 + 1));
    // perf matches frees by the first frame only. So the free of a split block's second half, and that of a block from
    // before the trace, are free-only.
    assert_eq!(pair("total free-only requests"), (2, 8));
    assert_eq!(pair("total alloc+freed requests"), (3, 6));
    assert_eq!(pair("total alloc-only requests"), (2, 517), "the request that failed is none of them");
    assert_eq!(pair("total allocation failures"), (1, 16));
    let orders = pages["allocations_by_order_and_migratetype"].as_array().unwrap();
    assert_eq!(
        (&orders[0]["unmovable"], &orders[0]["movable"], &orders[3]["unmovable"], &orders[9]["movable"]),
        (&1.into(), &2.into(), &1.into(), &1.into())
    );
    let compat = json(&["kmem", &trace, "--page", "--perf-compat", "--json"]);
    assert_eq!(
        compat["allocations_by_order_and_migratetype"][0]["reclaimable"], 2,
        "perf's name for what the kernel calls movable"
    );
    assert_eq!(compat["page_allocator"][3]["count"], 3, "perf counts the one that failed");
    let objects = json(&["kmem", &trace, "--slab", "--caller", "--json"]);
    let bytes: Vec<_> =
        objects["slab_allocator"].as_array().unwrap().iter().map(|row| row["bytes"].as_i64().unwrap()).collect();
    assert_eq!(bytes, [170, 208, 128, 80, 38]);
    let worst = &objects["kernel_objects_by_call_site"][0];
    assert_eq!(
        (&worst["callsite"], &worst["hit"], &worst["total_alloc"]),
        (&"alloc_pipe_info+0x90".into(), &1.into(), &16.into())
    );
}

#[test]
fn a_leak_is_found_even_when_frees_are_missed_and_others_are_not_accused() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("t");
    let header = common::header();
    common::write(&trace, &header, |writer| {
        let symbol = |id, function: &str| trace::Symbol {
            time: 0,
            id,
            function: function.into(),
            offset: 0,
            module: String::new(),
        };
        writer.append(&[symbol(1, "leaks"), symbol(2, "works"), symbol(3, "fills_a_cache")]).unwrap();
        let event = |time, kind: trace::Kind, object, call_site, bytes| trace::SlabEvent {
            time,
            pid: 1,
            cpu: 0,
            kind: kind as u8,
            object,
            call_site,
            bytes_req: bytes,
            bytes_alloc: bytes,
            gfp: 0xcc0,
            node: -1,
            cache: 0,
        };
        let mut events = Vec::new();
        for i in 0..4000_u64 {
            let time = i * (10 * common::SECOND / 4000);
            // One allocation in forty leaks. Its bytes are few beside those of the others.
            if i.is_multiple_of(40) {
                events.push(event(time, trace::Kind::Kmalloc, 0x10_0000 + i * 64, 1, 64));
            }
            if i < 300 {
                events.push(event(time, trace::Kind::Kmalloc, 0x80_0000 + i * 4096, 3, 4096));
            }
            let object = 0x4000 + i % 97 * 1024;
            events.push(event(time, trace::Kind::Kmalloc, object, 2, 1024));
            // The trace lacks one free in twenty.
            if !i.is_multiple_of(20) {
                events.push(event(time + 1000, trace::Kind::Kfree, object, 0, 0));
            }
        }
        writer.append(&events).unwrap();
    });
    let trace = trace.to_str().unwrap();
    let suspects = json(&["leaks", trace, "--json"]);
    let names: Vec<_> = suspects.as_array().unwrap().iter().map(|row| row["callsite"].as_str().unwrap()).collect();
    assert_eq!(names, ["leaks+0x0"], "{suspects}");
    assert_eq!((&suspects[0]["survivors"], suspects[0]["confidence"].as_f64()), (&90.into(), Some(1.0)));
    let all = json(&["leaks", trace, "--min-confidence", "0", "--json"]);
    let names: Vec<_> = all.as_array().unwrap().iter().map(|row| row["callsite"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["leaks+0x0", "fills_a_cache+0x0"],
        "what was missed of the others is known to be freed, by reuse"
    );
}

#[test]
fn lint_names_what_failed_and_who_asked() {
    let (_dir, trace) = small();
    let findings = json(&["lint", &trace, "--json"]);
    let rules: Vec<_> =
        findings.as_array().unwrap().iter().map(|row| (row["rule"].as_str().unwrap(), row["order"].as_i64())).collect();
    // GFP_KERNEL at order 4 failed, and is costly. User pages at order 9 are costly too. A block of order 3 was freed
    // in halves. One page and one object were allocated before the trace.
    let expected =
        [("failed", Some(4)), ("costly-order", Some(9)), ("costly-order", Some(4)), ("free-in-parts", Some(3))];
    assert_eq!(rules[..4], expected, "{findings}");
    assert!(rules[4..].iter().all(|(rule, _)| *rule == "free-without-alloc") && rules.len() == 6, "{findings}");
    assert_eq!((&findings[0]["comm"], &findings[0]["count"]), (&"cat".into(), &1.into()));
    assert!(stdout(&["lint", &trace]).contains("costly-order: above order 3"));
}

#[test]
fn frees_that_do_not_fit_are_named_with_an_example() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("t");
    common::write(&trace, &common::header(), |writer| {
        let pages = [
            common::alloc(100, 8192, 0, common::GFP_KERNEL, 0, 10),
            common::alloc(110, 8193, 0, common::GFP_KERNEL, 0, 10),
            common::free(200, 8192, 1, 10), // frees both pages at once
            common::alloc(300, 8200, 0, common::GFP_KERNEL, 0, 10),
            common::free(400, 8200, 0, 10),
            common::free(500, 8200, 0, 20), // frees the page again
            common::alloc(600, 8200, 0, common::GFP_KERNEL, 0, 10),
            common::free(700, 8200, 0, 10), // is legal
        ];
        writer.append(&pages).unwrap();
        writer.append(&[trace::Task { time: 0, pid: 20, tgid: 20, comm: "guilty".into(), cgroup: 0 }]).unwrap();
    });
    let findings = json(&["lint", trace.to_str().unwrap(), "--json"]);
    let rows: Vec<_> = findings
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["rule"].as_str().unwrap(), row["count"].as_i64().unwrap()))
        .collect();
    assert_eq!(rows, [("free-larger", 1), ("double-free", 1)], "{findings}");
    assert_eq!((&findings[1]["comm"], &findings[1]["example"]), (&"guilty".into(), &"frame 0x2008 at 500 ns".into()));
}

#[test]
fn exports_for_other_tools() {
    let (dir, trace) = small();
    let csv = stdout(&["export", &trace, "--csv"]);
    assert!(csv.starts_with(
        "time,event,cpu,pid,comm,pfn,order,zone,migratetype,gfp,callsite\r\n100,page_alloc,0,10,cat,8192,0,Normal,Unmovable,GFP_KERNEL,\r\n"
    ));
    assert_eq!(csv.lines().count(), 12);
    let first: Value =
        serde_json::from_str(stdout(&["export", &trace, "--jsonl", "--slab"]).lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["event"], &first["callsite"], &first["bytes_req"]),
        (&"kmalloc".into(), &"alloc_pipe_info+0x40".into(), &100.into())
    );
    let folded = stdout(&["export", &trace, "--folded", "--slab"]);
    assert_eq!(folded, "cat;alloc_pipe_info 144\ncat;load_elf_binary 64\n");
    assert_eq!(
        stdout(&["export", &trace, "--folded", "live", "--slab"]),
        "cat;alloc_pipe_info 16\ncat;load_elf_binary 64\n"
    );
    let timeline = dir.path().join("timeline.json");
    analyzer(&["export", &trace, "--perfetto", "-o", timeline.to_str().unwrap()]).assert().success();
    let timeline: Value = serde_json::from_str(&fs::read_to_string(timeline).unwrap()).unwrap();
    let events = timeline["traceEvents"].as_array().unwrap();
    let counted = |name: &str| events.iter().filter(|event| event["name"] == name).count();
    assert_eq!((counted("free blocks, Normal"), counted("allocation failed")), (2, 1));
    let parquet = dir.path().join("parquet");
    let written = stdout(&["export", &trace, "--parquet", parquet.to_str().unwrap()]);
    assert!(written.contains("page/host=testhost/day=2026-01-01/"), "{written}");
    analyzer(&["export", &trace]).assert().code(2);
}

#[test]
fn shells_and_man_get_what_they_want() {
    let dir = tempfile::tempdir().unwrap();
    assert!(stdout(&["completions", "bash"]).contains("--perf-compat"));
    analyzer(&["man", dir.path().to_str().unwrap()]).assert().success();
    let page = fs::read_to_string(dir.path().join("analyzer-kmem.1")).unwrap();
    assert!(page.contains("perf") && page.starts_with(".ie"), "{}", &page[..200]);
}
