//! These tests run SQL queries on small traces: the numbers are those of `analyzer stat`, nothing can be written, and
//! errors say what to do.

mod common;

use std::{fs, path::Path};

use assert_cmd::Command;
use serde_json::Value;

fn sql(trace: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("analyzer").unwrap();
    command.arg("sql").arg(trace).args(arguments);
    command
}

fn rows(trace: &Path, query: &str) -> Value {
    let output = sql(trace, &[query, "--json"]).assert().success().get_output().stdout.clone();
    serde_json::from_slice(&output).unwrap()
}

fn refused(trace: &Path, query: &str) -> String {
    let failure = sql(trace, &[query]).assert().code(1);
    let text = String::from_utf8(failure.get_output().stderr.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

fn small() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("t");
    common::small(&trace);
    (dir, trace)
}

fn stat(trace: &Path, arguments: &[&str]) -> Value {
    let output = Command::cargo_bin("analyzer")
        .unwrap()
        .arg("stat")
        .arg(trace)
        .args(arguments)
        .arg("--json")
        .assert()
        .success()
        .get_output()
        .stdout
        .clone();
    serde_json::from_slice(&output).unwrap()
}

#[test]
fn a_query_counts_what_stat_counts() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("t");
    // The table has more rows than one that is kept as a whole.
    common::busy(&trace, 100_000);
    let ours = rows(
        &trace,
        r#"SELECT zone_name(zone) AS zone, "order", count(*) FILTER (WHERE kind_name(kind) = 'page_alloc') AS allocs,
                  sum(4096 << "order") FILTER (WHERE kind = 1) AS alloc_bytes
           FROM page GROUP BY page.zone, "order" HAVING allocs > 0 ORDER BY zone, "order""#,
    );
    let mut theirs: Vec<Value> = stat(&trace, &["--by", "zone,order"]).as_array().unwrap().clone();
    theirs.retain(|row| row["allocs"] != 0);
    theirs.sort_by_key(|row| (row["zone"].as_str().unwrap().to_owned(), row["order"].as_i64()));
    assert!(theirs.len() > 6, "{theirs:?}");
    for (ours, theirs) in ours.as_array().unwrap().iter().zip(&theirs) {
        for column in ["zone", "order", "allocs", "alloc_bytes"] {
            assert_eq!(ours[column], theirs[column], "{theirs}");
        }
    }
    assert_eq!(ours.as_array().unwrap().len(), theirs.len());
    // Batches are left out by their times in the manifest, but no row that belongs to the answer.
    let all = rows(&trace, "SELECT time FROM page ORDER BY time");
    let times: Vec<u64> = all.as_array().unwrap().iter().map(|row| row["time"].as_u64().unwrap()).collect();
    for condition in [
        "time >= 5000000000",
        "time < at(2.5)",
        "time BETWEEN at(3) AND 4.5e9",
        "time > 9.9999e9",
        "time = 1000000000",
        "time < -1",
    ] {
        let counted =
            rows(&trace, &format!("SELECT count(*) AS n FROM page WHERE {condition}"))[0]["n"].as_u64().unwrap();
        // The unary plus keeps SQLite from passing the condition to the virtual table, so every row is read.
        let looked_at =
            rows(&trace, &format!("SELECT count(*) AS n FROM page WHERE +{condition}"))[0]["n"].as_u64().unwrap();
        assert_eq!(counted, looked_at, "{condition}");
    }
    let late = times.iter().filter(|time| **time >= 5_000_000_000).count() as u64;
    assert!(late > 10_000);
    assert_eq!(rows(&trace, "SELECT count(*) AS n FROM page WHERE seconds(time) >= 5")[0]["n"], late);
    assert_eq!(rows(&trace, "SELECT max(rowid) - min(rowid) + 1 AS n FROM page")[0]["n"], times.len() as u64);
}

#[test]
fn numbers_have_words_and_none_is_null() {
    let (_dir, trace) = small();
    let failed = rows(
        &trace,
        r#"SELECT time, seconds(time) AS s, pfn, kind_name(kind) AS kind, "order", gfp_names(gfp) AS gfp, zone_name(zone) AS zone,
                  migratetype_name(migratetype) AS migratetype, comm(pid, time) AS comm, caller(stack) AS caller FROM page WHERE pfn IS NULL"#,
    );
    let expected: Value = serde_json::json!([{
        "time": 400, "s": 400e-9, "pfn": null, "kind": "page_alloc", "order": 4, "gfp": "GFP_KERNEL", "zone": "unknown",
        "migratetype": "Unmovable", "comm": "cat", "caller": null,
    }]);
    assert_eq!(failed, expected);
    let sites = rows(
        &trace,
        "SELECT callsite(call_site) AS site, sum(bytes_alloc) AS bytes, cast(avg(bytes_req) AS TEXT) AS average
         FROM slab WHERE kind_name(kind) = 'kmalloc' GROUP BY call_site ORDER BY bytes DESC",
    );
    let site =
        |site: &str, bytes: u32, average: &str| serde_json::json!({"site": site, "bytes": bytes, "average": average});
    let expected = [
        site("alloc_pipe_info+0x40", 128, "100.0"),
        site("load_elf_binary+0x10", 64, "60.0"),
        site("alloc_pipe_info+0x90", 16, "10.0"),
    ];
    assert_eq!(sites, Value::Array(expected.to_vec()));
    assert_eq!(
        rows(&trace, "SELECT gfp_names(NULL) AS a, zone_name(-1) AS b, comm(1, 1) AS c, at(1e300) AS d")[0]["d"],
        i64::MAX
    );
    assert_eq!(
        rows(&trace, "SELECT program, seen FROM ledger WHERE cpu = 65535"),
        serde_json::json!([{"program": "page_free", "seen": 0}])
    );
}

#[test]
fn raw_addresses_keep_their_bits() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("t");
    let address = 0xffff_8880_1234_5678_u64;
    common::write(&trace, &trace::Header { raw_addresses: true, ..common::header() }, |writer| {
        let event = |time, kind: trace::Kind, object| trace::SlabEvent {
            time,
            pid: 1,
            cpu: 0,
            kind: kind as u8,
            object,
            call_site: address + 1,
            bytes_req: 8,
            bytes_alloc: 8,
            gfp: 0,
            node: -1,
            cache: 0,
        };
        writer
            .append(&[
                event(1, trace::Kind::Kmalloc, address),
                event(2, trace::Kind::Kfree, address),
                event(3, trace::Kind::Kmalloc, 5),
            ])
            .unwrap();
    });
    let joined = rows(
        &trace,
        "SELECT printf('%x', a.object) AS object, a.object, callsite(a.call_site) AS site, b.time - a.time AS age
         FROM slab a JOIN slab b ON b.object = a.object AND b.time > a.time",
    );
    let expected = serde_json::json!([{"object": "ffff888012345678", "object_2": address.cast_signed(), "site": "0xffff888012345679", "age": 1}]);
    assert_eq!(joined, expected, "two columns of one name are told apart");
    let text = String::from_utf8(
        sql(&trace, &["SELECT object FROM slab LIMIT 1"]).assert().success().get_output().stdout.clone(),
    )
    .unwrap();
    assert!(text.contains(&address.cast_signed().to_string()), "every digit: {text}");
}

#[test]
fn tables_are_joined_by_number() {
    let (_dir, trace) = small();
    let joined = rows(
        &trace,
        "SELECT symbol.function, task.comm, count(*) AS n FROM slab JOIN symbol ON symbol.id = slab.call_site JOIN task USING (pid)
         WHERE kind = 16 GROUP BY 1, 2 ORDER BY 1",
    );
    let row = |function: &str, n: u32| serde_json::json!({"function": function, "comm": "cat", "n": n});
    assert_eq!(joined, Value::Array(vec![row("alloc_pipe_info", 2), row("load_elf_binary", 1)]));
}

#[test]
fn results_come_as_text_json_and_csv_in_pieces() {
    let (_dir, trace) = small();
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) SELECT i, 'a,\"b' AS \"x\ny\" FROM n";
    let json = rows(&trace, many);
    let numbers: Vec<u64> = json.as_array().unwrap().iter().map(|row| row["i"].as_u64().unwrap()).collect();
    assert!(numbers.iter().copied().eq(1..=10_000), "{} rows", numbers.len());
    let csv = String::from_utf8(sql(&trace, &[many, "--csv"]).assert().success().get_output().stdout.clone()).unwrap();
    assert!(csv.starts_with("i,\"x\ny\"\r\n1,\"a,\"\"b\"\r\n") && csv.ends_with("\r\n10000,\"a,\"\"b\"\r\n"));
    assert_eq!(csv.matches("\r\n").count(), 10_001);
    let text =
        String::from_utf8(sql(&trace, &[many, "--limit", "3"]).assert().success().get_output().stdout.clone()).unwrap();
    assert!(text.contains("and more rows") && !text.contains("10000"), "{text}");
    assert_eq!(rows(&trace, "SELECT 1 WHERE 0"), Value::Array(vec![]));
    assert_eq!(
        rows(&trace, "SELECT NULL AS a, 1.5 AS b, x'00ff' AS c"),
        serde_json::json!([{"a": null, "b": 1.5, "c": "00ff"}])
    );
}

#[test]
fn without_a_query_the_tables_are_listed_with_what_they_mean() {
    let (_dir, trace) = small();
    let text = String::from_utf8(sql(&trace, &[]).assert().success().get_output().stdout.clone()).unwrap();
    for part in
        ["page, 11 rows: Pages allocated or freed", "log2 of the number of pages", "ledger, 6 rows", "gfp_names(gfp)"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let output = sql(&trace, &["--json"]).assert().success().get_output().stdout.clone();
    let columns: Value = serde_json::from_slice(&output).unwrap();
    let row = columns.as_array().unwrap().iter().find(|row| row["table"] == "task" && row["column"] == "comm").unwrap();
    assert_eq!((&row["type"], &row["rows"]), (&"TEXT".into(), &2.into()));
    assert!(!text.contains("cgroup,"), "this trace has no such table");
}

#[test]
fn nothing_but_reading_is_allowed() {
    let (dir, trace) = small();
    let outside = dir.path().join("outside.db");
    let name = outside.to_str().unwrap();
    for query in [
        format!("ATTACH '{name}' AS other"),
        format!("VACUUM INTO '{name}'"),
        "CREATE TABLE x (a)".into(),
        "CREATE TEMP TABLE x AS SELECT * FROM page".into(),
        "CREATE VIRTUAL TABLE x USING fts5(a)".into(),
        "INSERT INTO page (time) VALUES (1)".into(),
        "DELETE FROM page".into(),
        "DROP TABLE page".into(),
        "PRAGMA query_only = 0".into(),
        "BEGIN".into(),
        "SELECT load_extension('libc.so.6')".into(),
    ] {
        let sentence = refused(&trace, &query);
        assert!(sentence.contains("may only read") || sentence.contains("may not be modified"), "{query}: {sentence}");
    }
    assert!(!outside.exists());
    for query in ["SELECT readfile('/etc/passwd')", "SELECT writefile('x', 'y')", "SELECT * FROM fsdir('/')"] {
        assert!(refused(&trace, query).contains("no such"), "{query}");
    }
    assert!(refused(&trace, "SELECT 1; SELECT 2").contains("more than one statement"));
}

#[test]
fn errors_say_what_could_have_been_written() {
    let (_dir, trace) = small();
    let table = refused(&trace, "SELECT * FROM pages");
    assert!(table.contains("no such table: pages") && table.contains("ledger, page, slab"), "{table}");
    let column = refused(&trace, "SELECT ordr FROM page");
    assert!(
        column.contains("no such column: ordr") && column.contains("page has the columns time, pid, cpu, kind, order"),
        "{column}"
    );
    assert!(refused(&trace, "SELECT \"ordr\" FROM page").contains("no such column"), "and not the text `ordr`");
    let function = refused(&trace, "SELECT gfp(gfp) FROM page");
    assert!(function.contains("gfp_names(gfp)"), "{function}");
    let quotes = refused(&trace, "SELECT order FROM page");
    assert!(quotes.contains("double quotes"), "{quotes}");
    assert!(refused(&trace, "SELECT sum(9223372036854775807) FROM page").contains("overflow"));
    assert!(refused(&trace, "SELECT zone_name('x')").contains("cannot be answered"));
    assert!(refused(&trace, "").contains("cannot be answered"));
}

#[test]
fn what_is_damaged_or_lost_is_told_beside_the_answer() {
    let (_dir, trace) = small();
    let text =
        |query: &str| String::from_utf8(sql(&trace, &[query]).assert().success().get_output().stdout.clone()).unwrap();
    assert!(text("SELECT count(*) FROM page").contains("! 3 page events"), "two were dropped, one missed");
    assert!(!text("SELECT count(*) FROM slab").contains('!'));
    let file = trace.join("page-000000.arrow");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(&file, bytes).unwrap();
    let damaged = text("SELECT count(*) AS n FROM page");
    assert!(damaged.contains("in damaged batches") && damaged.contains("1 problem(s)"), "{damaged}");
    let counted = rows(&trace, "SELECT count(*) AS n FROM page")[0]["n"].as_i64().unwrap();
    assert!((7..=8).contains(&counted), "a batch of four or three is gone: {counted}");
    let stderr = sql(&trace, &["SELECT count(*) FROM page", "--csv"]).assert().success().get_output().stderr.clone();
    assert!(String::from_utf8(stderr).unwrap().contains("in damaged batches"));
}

#[test]
fn a_table_whose_schema_is_damaged_still_reads() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("t");
    common::write(&trace, &common::header(), |writer| {
        let cache = |id, name: &str| trace::Cache { time: 0, id, name: name.into(), object_size: 8, size: 8 };
        writer.append(&[cache(1, "dentry"), cache(2, "inode_cache")]).unwrap();
    });
    let file = trace.join("cache-000000.arrow");
    let mut bytes = fs::read(&file).unwrap();
    bytes[100] ^= 1;
    fs::write(&file, bytes).unwrap();
    let text = String::from_utf8(
        sql(&trace, &["SELECT name FROM cache WHERE id = 2"]).assert().success().get_output().stdout.clone(),
    )
    .unwrap();
    assert!(text.contains("inode_cache") && text.contains("! the trace has 1 problem(s)"), "{text}");
}

#[test]
fn a_forged_manifest_cannot_name_a_table_of_sqlites_own() {
    let (_dir, trace) = small();
    let manifest = trace.join("manifest.jsonl");
    let entry = |table: &str| {
        trace::Entry::Open { file: format!("{table}-000000.arrow"), table: table.to_owned(), len: 9, crc32: 0 }
            .to_line()
    };
    let forged = fs::read_to_string(&manifest).unwrap() + &entry("sqlite_schema") + &entry("x\"; --") + &entry("");
    fs::write(&manifest, forged).unwrap();
    assert_eq!(rows(&trace, "SELECT count(*) AS n FROM page")[0]["n"], 11);
    assert!(refused(&trace, "SELECT * FROM nowhere").contains("has the tables free_area, ledger, page"));
}
