//! The program `replay`: its exit codes, its errors of one sentence, and its JSON on request.

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

#[test]
fn run_and_whatif_give_json_of_the_real_trace() {
    let trace = concat!(env!("CARGO_MANIFEST_DIR"), "/../trace/fixtures/demo");
    let json = |arguments: &[&str]| {
        let output = replay().args(arguments).assert().success();
        serde_json::from_slice::<serde_json::Value>(&output.get_output().stdout).unwrap()
    };
    let run = json(&["run", trace, "--json", "-"]);
    assert!(run["score"]["zone_agreement"].as_f64() > Some(0.99), "{run}");
    let dir = tempfile::tempdir().unwrap();
    replay().args(["run", trace, "-o", dir.path().join("deep/out").to_str().unwrap()]).assert().success();
    let file = |name: &str| std::fs::read_to_string(dir.path().join("deep/out").join(name)).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&file("score.json")).unwrap()["score"], run["score"]);
    assert!(file("replay.txt").starts_with("model 6.12"));
    assert_eq!(file("score.csv").lines().count(), 6);
    let snapshots = run["snapshots"].as_u64().unwrap() as usize;
    assert_eq!(
        file("free_blocks.csv").lines().count(),
        1 + (1 + snapshots) * 2 * 11,
        "two zones, 11 orders; the start, too"
    );
    let (times, zones) =
        (run["free_blocks"]["time_ns"].as_array().unwrap(), run["free_blocks"]["zones"].as_array().unwrap());
    assert_eq!((times.len(), zones.len()), (1 + snapshots, run["zones"].as_array().unwrap().len()));
    for (over_time, at_ends) in zones.iter().zip(run["zones"].as_array().unwrap()) {
        assert_eq!(over_time["zone"], at_ends["zone"]);
        for order in 0..11 {
            let blocks = |who: &str| over_time[who][order].as_array().unwrap();
            assert_eq!(
                (blocks("machine").first(), blocks("machine").last()),
                (at_ends["initial"].get(order), at_ends["machine"].get(order))
            );
            assert_eq!(blocks("model").last(), at_ends["model"].get(order));
        }
    }
    let models = json(&["whatif", trace, "--set", "per_cpu_lists=off", "--set", "policy=6.1", "--json"]);
    let names: Vec<_> = models.as_array().unwrap().iter().map(|m| m["set"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["as it was", "per_cpu_lists=off", "policy=6.1"]);
    assert_eq!(models[0]["outcome"]["events"], run["events"]);
    let refused = replay().args(["whatif", trace, "--set", "memory=0"]).assert().code(1);
    assert!(String::from_utf8_lossy(&refused.get_output().stderr).contains("the keys are policy"));
}
