//! The program: exit codes, one sentence for an error, JSON where it is asked for.

use assert_cmd::Command;

fn replay() -> Command {
    Command::new(env!("CARGO_BIN_EXE_replay"))
}

#[test]
fn a_lesson_is_shown() {
    let output = replay().args(["lesson", "buddy"]).assert().success();
    let text = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
    assert!(text.starts_with("T20 buddy"), "{text}");
    let list = replay().arg("lesson").assert().success();
    assert_eq!(String::from_utf8_lossy(&list.get_output().stdout).lines().count(), 21);
}

#[test]
fn failure_is_one_sentence_and_exit_1() {
    for arguments in [["run", "/nowhere/at/all"], ["lesson", "astrology"]] {
        let output = replay().args(arguments).assert().code(1);
        let text = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        assert!(text.starts_with("replay: ") && text.lines().count() == 1, "{text}");
    }
}

#[test]
fn wrong_usage_is_exit_2() {
    replay().args(["run"]).assert().code(2);
    replay().args(["run", "x", "--policy", "5.4"]).assert().code(2);
}
