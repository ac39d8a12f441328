//! Help, completions and manual pages know every command, and what needs no privileges works without them.

use std::{fs, process::Command};

use tempfile::TempDir;

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_collector")).args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn every_command_is_documented() {
    let tmp = TempDir::new().unwrap();
    let man = tmp.path().join("man");
    assert_eq!(run(&["man", man.to_str().unwrap()]).0, Some(0));
    for shell in ["bash", "zsh", "fish"] {
        let (code, completions, _) = run(&["completions", shell]);
        assert_eq!(code, Some(0));
        for word in ["record", "stat", "top", "probe", "interval", "flight-recorder"] {
            assert!(completions.contains(word), "{shell}: {word}");
        }
    }
    for command in ["record", "stat", "top", "probe"] {
        let page = fs::read_to_string(man.join(format!("collector-{command}.1"))).unwrap();
        assert!(page.contains(".TH") && page.contains("SYNOPSIS"), "{page}");
        let (code, help, _) = run(&[command, "--help"]);
        assert_eq!(code, Some(0));
        assert!(
            command == "probe" || help.contains(&format!("sudo collector {command}")),
            "an example of {command}:\n{help}"
        );
    }
}

#[test]
fn a_wrong_column_is_told_the_right_ones() {
    let (code, _, stderr) = run(&["stat", "--by", "colour"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("order, zone, migratetype, gfp, cache, callsite, comm"), "{stderr}");
}

#[test]
fn the_live_view_asks_for_a_terminal_before_anything_else() {
    let (code, stdout, stderr) = run(&["top"]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.contains("collector stat --interval 1") && stderr.lines().count() == 1, "{stderr}");
}
