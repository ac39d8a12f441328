//! Every help text, table and JSON of the program, as a whole, on the bundled trace: what changes in them is seen.
//!
//! `analyzer/tests/README.md` says how the snapshots are brought up to date.

use std::{
    collections::BTreeSet,
    env,
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use insta::{Settings, assert_compact_json_snapshot, assert_snapshot};
use serde_json::{Value, json};

const SNAPSHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots");
/// The working directory of every command, so that `demo` is the bundled trace.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../trace/fixtures");
/// A JSON array keeps so many objects, and so many numbers and words.
const OBJECTS: usize = 3;
const SCALARS: usize = 12;

/// What a command line printed, with the name of its temporary directory `$TMP` taken out.
struct Printed {
    stdout: String,
    /// Empty where the command succeeded and complained about nothing.
    complaint: String,
}

/// Runs a line of shell, with the program on the path and no terminal anywhere.
fn run(line: &str) -> Printed {
    let tmp = tempfile::tempdir().unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_analyzer")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-c", line])
        .current_dir(FIXTURES)
        .env("PATH", path)
        .env("TMP", tmp.path())
        .env("COLUMNS", "100")
        .env_remove("NO_COLOR")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| {
        let text = String::from_utf8(bytes).unwrap().replace(tmp.path().to_str().unwrap(), "$TMP");
        text.lines().map(|line| line.trim_end().to_owned() + "\n").collect::<String>()
    };
    let mut complaint = text(output.stderr);
    if !output.status.success() {
        let _ = writeln!(complaint, "exit status {}", output.status.code().unwrap());
    }
    Printed { stdout: text(output.stdout), complaint }
}

/// Compares what a line of shell prints with the snapshot of this name.
fn snapshot(name: &str, line: &str) {
    let Printed { stdout, complaint } = run(line);
    if line.split_whitespace().any(|word| word == "--json") && complaint.is_empty() {
        let value = shortened(serde_json::from_str(&stdout).unwrap());
        settings(line).bind(|| assert_compact_json_snapshot!(name, value));
    } else {
        settings(line).bind(|| assert_snapshot!(name, stdout + &complaint));
    }
}

fn settings(line: &str) -> Settings {
    let mut settings = Settings::clone_current();
    settings.set_snapshot_path(SNAPSHOTS);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_sort_maps(true);
    settings.set_description(line);
    settings
}

/// The same JSON, with arrays of a few elements, and numbers of nine digits: what lies behind differs between machines.
fn shortened(value: Value) -> Value {
    match value {
        Value::Array(values) => {
            let kept = if values.iter().any(Value::is_object) { OBJECTS } else { SCALARS };
            let more = values.len().saturating_sub(kept);
            let mut short: Vec<_> = values.into_iter().take(kept).map(shortened).collect();
            if more > 0 {
                short.push(json!(format!("… and {more} more")));
            }
            Value::Array(short)
        }
        Value::Object(members) => members.into_iter().map(|(key, value)| (key, shortened(value))).collect(),
        Value::Number(number) if number.is_f64() => {
            json!(format!("{:.8e}", number.as_f64().unwrap()).parse::<f64>().unwrap())
        }
        other => other,
    }
}

/// The subcommands that the program's help lists.
fn commands() -> Vec<String> {
    let help = run("analyzer --help").stdout;
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands: Vec<_> = list
        .filter(|line| !line.starts_with("   "))
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .filter(|command| command != "help")
        .collect();
    assert!(commands.iter().any(|command| command == "stat"), "{help}");
    commands
}

#[test]
fn help_of_every_command() {
    snapshot("help", "analyzer --help");
    for command in commands() {
        snapshot(&format!("help_{command}"), &format!("analyzer {command} --help"));
    }
}

#[test]
fn version() {
    let printed = run("analyzer --version").stdout;
    assert_eq!(printed, format!("analyzer {}\n", env!("CARGO_PKG_VERSION")));
}

/// A test for each line of shell, which compares what the line prints with the snapshot of the test's name.
macro_rules! snapshots {
    ($($name:ident: $line:expr;)+) => {
        $(
            #[test]
            fn $name() {
                snapshot(stringify!($name), $line);
            }
        )+

        /// The names of all snapshots but those of helps.
        const NAMES: &[&str] = &[$(stringify!($name)),+];
    };
}

snapshots! {
    info: "analyzer info demo";
    info_json: "analyzer info demo --json";

    stat: "analyzer stat demo";
    stat_json: "analyzer stat demo --json";
    stat_csv: "analyzer stat demo --csv";
    stat_total: "analyzer stat demo --total";
    stat_total_json: "analyzer stat demo --total --json";
    stat_by_gfp_comm: "analyzer stat demo --by gfp,comm --limit 8";
    stat_by_flag: "analyzer stat demo --by flag --sort requests";
    stat_by_node_cpu_kind: "analyzer stat demo --by node,cpu,kind --sort keys";
    stat_by_migratetype: "analyzer stat demo --by migratetype --sort live";
    stat_by_process_pid: "analyzer stat demo --by process,pid --limit 5";
    stat_by_cgroup: "analyzer stat demo --by cgroup";
    stat_by_time: "analyzer stat demo --by time --sort keys --limit 8";
    stat_of_a_time: "analyzer stat demo --time 5,5.5 --by order";
    stat_slab: "analyzer stat demo --slab --limit 8";
    stat_slab_json: "analyzer stat demo --slab --json";
    stat_slab_by_callsite: "analyzer stat demo --slab --by callsite --sort live --limit 5";
    stat_slab_by_class_cache: "analyzer stat demo --slab --by class,cache --limit 5";

    lifetimes: "analyzer lifetimes demo";
    lifetimes_json: "analyzer lifetimes demo --json";
    lifetimes_by_gfp: "analyzer lifetimes demo --by gfp --limit 5";
    lifetimes_slab: "analyzer lifetimes demo --slab --by function --limit 5";

    leaks: "analyzer leaks demo";
    leaks_all: "analyzer leaks demo --min-confidence 0";
    leaks_all_json: "analyzer leaks demo --min-confidence 0 --json";
    leaks_pages: "analyzer leaks demo --page --min-confidence 0";
    leaks_by_comm_csv: "analyzer leaks demo --by comm --min-confidence 0 --csv";

    slab: "analyzer slab demo --limit 8";
    slab_json: "analyzer slab demo --json";
    slab_by_function: "analyzer slab demo --by function --sort tot-alloc --limit 5";
    slab_by_class: "analyzer slab demo --by class --sort alloc --limit 5";
    slab_by_cache: "analyzer slab demo --by cache --sort frag --limit 5";
    slab_by_comm: "analyzer slab demo --by comm --sort ping-pong --limit 5";
    slab_misfits: "analyzer slab demo --misfits";

    lint: "analyzer lint demo";
    lint_json: "analyzer lint demo --json";
    lint_csv: "analyzer lint demo --csv --limit 3";

    frag: "analyzer frag demo";
    frag_json: "analyzer frag demo --json";
    frag_at: "analyzer frag demo --at 2.5";
    frag_at_json: "analyzer frag demo --at 2.5 --json";
    frag_over_time: "analyzer frag demo --over-time --interval 1 --limit 30";
    frag_over_time_json: "analyzer frag demo --over-time --interval 1 --json";
    frag_fallbacks: "analyzer frag demo --fallbacks";
    frag_pageblocks: "analyzer frag demo --pageblocks";
    frag_pageblocks_json: "analyzer frag demo --pageblocks --json";
    frag_pollution: "analyzer frag demo --pollution";
    frag_pollution_json: "analyzer frag demo --pollution --json";
    frag_drift: "analyzer frag demo --drift --limit 12";
    frag_drift_json: "analyzer frag demo --drift --json";

    kmem_page: "analyzer kmem demo --page";
    kmem_page_json: "analyzer kmem demo --page --json";
    kmem_page_caller: "analyzer kmem demo --page --caller --alloc -l 5";
    kmem_page_live: "analyzer kmem demo --page --live --alloc -l 5";
    kmem_page_as_perf: "analyzer kmem demo --page --caller --alloc -l 5 --perf-compat";
    kmem_slab: "analyzer kmem demo --slab";
    kmem_slab_json: "analyzer kmem demo --slab --json";
    kmem_slab_caller: "analyzer kmem demo --slab --caller --alloc -l 5";
    kmem_slab_as_perf: "analyzer kmem demo --slab --caller --alloc -l 5 --perf-compat";

    diff: "analyzer import ftrace/6.12.txt --kernel 6.12 -o $TMP/b && analyzer diff demo $TMP/b --limit 5";
    diff_with_itself: "analyzer diff demo demo --by order";
    diff_slab_json: "analyzer diff demo demo --slab --by function --json";

    gfp_kernel_process: "analyzer gfp GFP_KERNEL --kernel 6.18 --context process";
    gfp_atomic_6_1: "analyzer gfp GFP_ATOMIC --kernel 6.1 --context atomic";
    gfp_highuser_6_1_i386: "analyzer gfp GFP_HIGHUSER_MOVABLE --kernel 6.1-i386 --context block";
    gfp_nofs_6_12: "analyzer gfp 'GFP_NOFS|__GFP_NOFAIL' --kernel 6.12 --context fs";
    gfp_that_contradicts_itself: "analyzer gfp 'GFP_DMA|__GFP_HIGHMEM|__GFP_NOFAIL|__GFP_NORETRY' --kernel 6.12";
    gfp_like_a_trace_json: "analyzer gfp 0xdc0 --like demo --context atomic --json";

    sql_tables: "analyzer sql demo";
    sql_tables_json: "analyzer sql demo --json";
    sql_query: "analyzer sql demo \"SELECT comm(pid, time) AS who, count(*) AS n FROM page GROUP BY 1 ORDER BY n DESC\" --limit 5";
    sql_query_json: "analyzer sql demo 'SELECT time, gfp_names(gfp) AS gfp, pfn FROM page LIMIT 2' --json";
    sql_query_csv: "analyzer sql demo 'SELECT zone_name(zone) AS zone, \"order\", count(*) FROM page GROUP BY 1, 2' --csv";

    export_csv: "analyzer export demo --csv | head -n 5";
    export_csv_slab: "analyzer export demo --csv --slab | head -n 5";
    export_jsonl: "analyzer export demo --jsonl | head -n 3";
    export_folded: "analyzer export demo --folded --slab | head -n 5";
    export_folded_live: "analyzer export demo --folded live --slab | head -n 5";
    export_perfetto: "analyzer export demo --perfetto | head -n 8";
    export_parquet: "analyzer export demo --parquet $TMP/parquet | sed 's/  .*//'";

    import_of_every_kernel: "for text in 6.1 6.12 6.18 6.1-i386; do \
        analyzer import ftrace/$text.txt --kernel $text -o $TMP/$text 2>&1 && analyzer stat $TMP/$text --limit 3; done";
    import_of_old_text: "analyzer import ftrace/4.x.txt --kernel 6.1 -o $TMP/old && analyzer stat $TMP/old --by gfp";

    plot: "analyzer plot demo -o $TMP/charts";
    plot_png: "analyzer plot demo -o $TMP/charts --format png --theme dark orders gfp";
    report: "analyzer report demo -o $TMP/report.html";
    report_json: "analyzer report demo -o $TMP/report.html --json -";

    error_no_command: "analyzer";
    error_no_trace: "analyzer info nowhere";
    error_unknown_key: "analyzer stat demo --by zome";
    error_key_without_stacks: "analyzer stat demo --by callsite";
    error_key_of_the_others: "analyzer slab demo --by zone";
    error_time_outside: "analyzer stat demo --time 100,200";
    error_moment_outside: "analyzer frag demo --at 99";
    error_two_reports: "analyzer frag demo --at 1 --pollution";
    error_sort_key: "analyzer kmem demo --page --sort frag";
    error_unknown_chart: "analyzer plot demo nothing";
    error_sql: "analyzer sql demo SELEC";
    error_sql_writes: "analyzer sql demo 'DELETE FROM page'";
    error_unknown_flag: "analyzer gfp GFP_NOPE --kernel 6.12";
    error_not_a_text: "analyzer import take.sh --kernel 6.12 -o $TMP/trace";
    error_no_format: "analyzer export demo";
    error_no_stacks: "analyzer export demo --folded";
}

/// A snapshot that no test asks for any more would stay for ever.
#[test]
fn every_snapshot_has_its_test() {
    let mut wanted: BTreeSet<_> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    wanted.insert("help".into());
    wanted.extend(commands().iter().map(|command| format!("help_{command}")));
    let files = fs::read_dir(SNAPSHOTS).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<_> =
        files.filter(|file| file.strip_suffix(".snap").is_some_and(|name| !wanted.contains(name))).collect();
    assert!(left.is_empty(), "no test asks for these files of {SNAPSHOTS}: {left:?}");
}
