//! Snapshots of every help text, table, lesson and JSON of the program, as a whole, on the bundled trace, so that every
//! change in them is seen.
//!
//! `analyzer/tests/README.md` describes how to update the snapshots.

use std::{
    collections::BTreeSet,
    env,
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use insta::{Settings, assert_snapshot};
use serde_json::Value;

const SNAPSHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots");
/// The working directory of every command, so that `demo` is the bundled trace.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../trace/fixtures");

/// Returns the output of a shell command line, with the errors last, `$TMP` in place of the temporary directory, and
/// placeholders in place of the elapsed time and the speed.
fn run(line: &str) -> String {
    let tmp = tempfile::tempdir().unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_replay")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-c", line])
        .current_dir(FIXTURES)
        .env("PATH", path)
        .env("TMP", tmp.path())
        .env("COLUMNS", "100")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let mut text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    if !output.status.success() {
        let _ = writeln!(text, "exit status {}", output.status.code().unwrap());
    }
    if let Ok(mut value) = serde_json::from_str::<Value>(&text) {
        forget_elapsed(&mut value);
        return serde_json::to_string_pretty(&value).unwrap();
    }
    text.replace(tmp.path().to_str().unwrap(), "$TMP")
        .lines()
        .map(|line| without_speed(line.trim_end()) + "\n")
        .collect()
}

/// Returns `… page events in 0.12 s (1.7 M/s)` with placeholders in place of the numbers.
fn without_speed(line: &str) -> String {
    let speed =
        line.split_once(" page events in ").and_then(|(before, rest)| Some((before, rest.split_once("/s)")?.1)));
    speed.map_or_else(
        || line.to_owned(),
        |(before, after)| format!("{before} page events in [TIME] s ([RATE]/s){after}"),
    )
}

fn forget_elapsed(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(forget_elapsed),
        Value::Object(members) => {
            for (key, member) in members {
                if key == "elapsed_s" {
                    *member = "[TIME]".into();
                }
                forget_elapsed(member);
            }
        }
        _ => {}
    }
}

/// Compares the output of a shell command line with the snapshot of this name.
fn snapshot(name: &str, line: &str) {
    let mut settings = Settings::clone_current();
    settings.set_snapshot_path(SNAPSHOTS);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(line);
    settings.bind(|| assert_snapshot!(name, run(line)));
}

/// Returns the subcommands that the program's help lists.
fn commands() -> Vec<String> {
    let help = run("replay --help");
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands: Vec<_> = list
        .filter(|line| !line.starts_with("   "))
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .filter(|command| command != "help")
        .collect();
    assert!(commands.iter().any(|command| command == "run"), "{help}");
    commands
}

#[test]
fn help_of_every_command() {
    snapshot("help", "replay --help");
    for command in commands() {
        snapshot(&format!("help_{command}"), &format!("replay {command} --help"));
    }
}

/// Returns the topics that `replay lesson` lists.
fn topics() -> Vec<String> {
    let list = run("replay lesson");
    let topics: Vec<_> = list.lines().skip(1).map(|line| line.split_whitespace().nth(1).unwrap().to_owned()).collect();
    assert!(topics.iter().any(|topic| topic == "buddy"), "{list}");
    topics
}

#[test]
fn every_lesson() {
    snapshot("lesson", "replay lesson");
    for topic in topics() {
        snapshot(&format!("lesson_{topic}"), &format!("replay lesson {topic}"));
    }
}

#[test]
fn version() {
    assert_eq!(run("replay --version"), format!("replay {}\n", env!("CARGO_PKG_VERSION")));
}

/// Defines a test for each shell command line, which compares the command's output with the snapshot of the test's
/// name.
macro_rules! snapshots {
    ($($name:ident: $line:expr;)+) => {
        $(
            #[test]
            fn $name() {
                snapshot(stringify!($name), $line);
            }
        )+

        /// The names of all snapshots except those of help texts and lessons.
        const NAMES: &[&str] = &[$(stringify!($name)),+];
    };
}

snapshots! {
    run_demo: "replay run demo";
    run_json: "replay run demo --json -";
    run_frames: "replay run demo --mode frames";
    run_textbook: "replay run demo --policy textbook --init empty";
    run_files: "replay run demo -o $TMP/out >$TMP/replay.txt && cd $TMP/out && tail -n +1 *.csv";
    whatif: "replay whatif demo --set mobility_grouping=off --set policy=6.1,less_memory=64";
    whatif_json: "replay whatif demo --set nofragment=off --json";

    error_no_command: "replay";
    error_no_trace: "replay run nowhere";
    error_trace_not_given: "replay run";
    error_unknown_policy: "replay run demo --policy 5.4";
    error_no_place_for_json: "replay run demo --json $TMP/nowhere/replay.json 2>&1 >$TMP/replay.txt";
    error_no_change: "replay whatif demo";
    error_unknown_change: "replay whatif demo --set memory=0";
    error_policy_of_a_change: "replay whatif demo --set policy=5.4";
    error_pageblock_order: "replay whatif demo --set pageblock_order=30";
    error_unknown_lesson: "replay lesson astrology";
}

/// A snapshot without a test would otherwise stay unnoticed.
#[test]
fn every_snapshot_has_its_test() {
    let mut wanted: BTreeSet<_> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    wanted.extend(["help".into(), "lesson".into()]);
    wanted.extend(commands().iter().map(|command| format!("help_{command}")));
    wanted.extend(topics().iter().map(|topic| format!("lesson_{topic}")));
    let files = fs::read_dir(SNAPSHOTS).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<_> =
        files.filter(|file| file.strip_suffix(".snap").is_some_and(|name| !wanted.contains(name))).collect();
    assert!(left.is_empty(), "no test asks for these files of {SNAPSHOTS}: {left:?}");
}
