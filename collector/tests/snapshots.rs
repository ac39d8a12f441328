//! Every help text of the program, and what it says about wrong arguments, as a whole: what changes in them is seen.
//! Nothing here needs privileges, and nothing loads a program into the kernel.
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

use insta::{Settings, assert_snapshot};

const SNAPSHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots");

/// What a line of shell prints, complaints last.
fn run(line: &str) -> String {
    let programs = Path::new(env!("CARGO_BIN_EXE_collector")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-c", line])
        .env("PATH", path)
        .env("COLUMNS", "100")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let mut text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    if !output.status.success() {
        let _ = writeln!(text, "exit status {}", output.status.code().unwrap());
    }
    text.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Compares what a line of shell prints with the snapshot of this name.
fn snapshot(name: &str, line: &str) {
    let mut settings = Settings::clone_current();
    settings.set_snapshot_path(SNAPSHOTS);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(line);
    settings.bind(|| assert_snapshot!(name, run(line)));
}

/// The subcommands that the program's help lists.
fn commands() -> Vec<String> {
    let help = run("collector --help");
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands: Vec<_> = list
        .filter(|line| !line.starts_with("   "))
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .filter(|command| command != "help")
        .collect();
    assert!(commands.iter().any(|command| command == "record"), "{help}");
    commands
}

#[test]
fn help_of_every_command() {
    snapshot("help", "collector --help");
    for command in commands() {
        snapshot(&format!("help_{command}"), &format!("collector {command} --help"));
    }
}

#[test]
fn version() {
    assert_eq!(run("collector --version"), format!("collector {}\n", env!("CARGO_PKG_VERSION")));
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

// All of these are refused while the arguments are read, before the program looks at the machine.
snapshots! {
    error_no_command: "collector";
    error_unknown_command: "collector recrod";
    error_unknown_family: "collector record --events nope";
    error_unknown_stacks: "collector record --stacks nope";
    error_unknown_trigger: "collector record --trigger x";
    error_trigger_without_order: "collector record --trigger failure=x";
    error_unknown_attach: "collector record --attach kprobe";
    error_sample_of_none: "collector record --sample 0";
    error_duration: "collector record --duration x";
    error_ring_size: "collector record --ring-size much";
    error_order: "collector record --order x";
    error_stat_column: "collector stat --by colour";
    error_stat_family: "collector stat --events frag";
    error_top_interval: "collector top --interval 0";
    error_top_without_a_terminal: "collector top";
    error_unknown_shell: "collector completions csh";
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
