//! The documents' sessions: what README.md and docs/ show is what the programs print.
//!
//! In a block marked `console`, a line that begins with `$ ` is a command; what follows is what it prints, with `...`
//! for any lines. A block after the comment `<!-- needs root -->` is not run; its commands must still be understood.

use std::{
    env,
    fmt::Write as _,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const PROGRAMS: [&str; 3] = ["collector", "analyzer", "replay"];

/// A block of code in a document.
struct Block {
    /// `FILE:LINE`
    place: String,
    /// What stands after the opening backticks.
    language: String,
    needs_root: bool,
    lines: Vec<String>,
}

/// A command and what it prints, as a block shows them.
struct Session<'a> {
    command: &'a str,
    expected: Vec<&'a str>,
}

impl Block {
    fn sessions(&self) -> Vec<Session<'_>> {
        let mut sessions: Vec<Session> = Vec::new();
        for line in &self.lines {
            if let Some(command) = line.strip_prefix("$ ") {
                sessions.push(Session { command, expected: Vec::new() });
            } else {
                sessions
                    .last_mut()
                    .unwrap_or_else(|| panic!("{}: no command", self.place))
                    .expected
                    .push(line.trim_end());
            }
        }
        sessions
    }
}

/// README.md and all of docs/.
fn documents() -> Vec<PathBuf> {
    let mut documents: Vec<_> = fs::read_dir(Path::new(ROOT).join("docs"))
        .unwrap()
        .map(|entry| Path::new("docs").join(entry.unwrap().file_name()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    documents.push("README.md".into());
    documents.sort();
    documents
}

fn read(document: &Path) -> String {
    fs::read_to_string(Path::new(ROOT).join(document)).unwrap()
}

fn blocks(document: &Path) -> Vec<Block> {
    let text = read(document);
    let mut lines = text.lines().enumerate();
    let (mut blocks, mut before) = (Vec::new(), "");
    while let Some((number, line)) = lines.next() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            blocks.push(Block {
                place: format!("{}:{}", document.display(), number + 1),
                language: language.to_owned(),
                needs_root: before == "<!-- needs root -->",
                lines: lines
                    .by_ref()
                    .map(|(_, line)| line.to_owned())
                    .take_while(|line| line.trim_start() != "```")
                    .collect(),
            });
        }
        before = line;
    }
    blocks
}

/// A root of the repository in which `target` holds the programs that were just built, and nothing else: what a session
/// writes there is gone at the end.
struct Root {
    dir: TempDir,
    path: String,
}

impl Root {
    fn new() -> Self {
        let profile = env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned();
        for program in PROGRAMS {
            assert!(
                profile.join(program).exists(),
                "the sessions call {program}, and {} has none: run `cargo build --release` first",
                profile.display()
            );
        }
        let dir = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(ROOT).unwrap() {
            let entry = entry.unwrap();
            if entry.file_name() != "target" {
                symlink(fs::canonicalize(entry.path()).unwrap(), dir.path().join(entry.file_name())).unwrap();
            }
        }
        fs::create_dir(dir.path().join("target")).unwrap();
        symlink(&profile, dir.path().join("target/release")).unwrap();
        let path = format!("{}:{}", profile.display(), env::var("PATH").unwrap());
        Self { dir, path }
    }

    /// Runs a line of shell, and gives whether it succeeded and what it printed, complaints too.
    fn run(&self, line: &str) -> (bool, String) {
        let output = Command::new("sh")
            .args(["-c", &format!("exec 2>&1\n{line}")])
            .current_dir(self.dir.path())
            .env("PATH", &self.path)
            .env_remove("NO_COLOR")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    }
}

/// `… page events in 0.12 s (1.7 M/s)`, without the numbers: the one thing in a session that no machine repeats.
fn without_speed(line: &str) -> String {
    let speed =
        line.split_once(" page events in ").and_then(|(before, rest)| Some((before, rest.split_once("/s)")?.1)));
    speed.map_or_else(|| line.to_owned(), |(before, after)| format!("{before} page events in TIME s (RATE/s){after}"))
}

/// Whether the printed lines are the expected ones, where `...` stands for any lines.
fn agree(expected: &[String], printed: &[String]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first == "..." => (0..=printed.len()).any(|skipped| agree(rest, &printed[skipped..])),
        Some((first, rest)) => printed.split_first().is_some_and(|(line, others)| line == first && agree(rest, others)),
    }
}

#[test]
fn every_session_prints_what_the_document_shows() {
    let (root, mut ran, mut wrong) = (Root::new(), 0, String::new());
    for document in documents() {
        for block in blocks(&document).iter().filter(|block| block.language == "console" && !block.needs_root) {
            for Session { command, expected } in block.sessions() {
                let (succeeded, printed) = root.run(command);
                let printed: Vec<_> = printed.lines().map(|line| without_speed(line.trim_end())).collect();
                let expected: Vec<_> = expected.into_iter().map(without_speed).collect();
                if !succeeded || !agree(&expected, &printed) {
                    let (expected, printed) = (expected.join("\n"), printed.join("\n"));
                    write!(wrong, "\n{}: $ {command}\nshown:\n{expected}\nprinted:\n{printed}\n", block.place).unwrap();
                }
                ran += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(ran >= 20, "only {ran} sessions were found");
}

/// The part of a line of shell that calls one of the programs, without what is before, after and around it.
fn call(line: &str) -> Option<&str> {
    let line = line.strip_prefix("sudo ").unwrap_or(line);
    let line = line.strip_prefix("target/release/").unwrap_or(line);
    let line = line.split(" #").next()?.split(" | ").next()?.trim_end_matches(" &").trim_end();
    let (program, arguments) = line.split_once(' ')?;
    // `collector record …` stands for any arguments.
    (PROGRAMS.contains(&program) && !arguments.contains('…')).then_some(line)
}

/// What a document calls in its text: `analyzer gfp MASK`, between backticks.
fn inline(text: &str) -> Vec<&str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2)).filter_map(call).collect()
}

#[test]
fn every_command_in_a_document_is_understood() {
    let (root, mut tried, mut wrong) = (Root::new(), 0, String::new());
    for document in documents() {
        let (text, blocks) = (read(&document), blocks(&document));
        let mut calls: Vec<(&str, &str)> = Vec::new();
        for block in &blocks {
            match block.language.as_str() {
                "console" if block.needs_root => {
                    calls
                        .extend(block.sessions().iter().filter_map(|s| Some((block.place.as_str(), call(s.command)?))));
                }
                "sh" => {
                    calls
                        .extend(block.lines.iter().filter_map(|line| Some((block.place.as_str(), call(line.trim())?))));
                }
                _ => {}
            }
        }
        calls.extend(inline(&text).into_iter().map(|call| (document.to_str().unwrap(), call)));
        for (place, call) in calls {
            // The arguments before `--help` are read, and the wrong ones refused, before the help is shown.
            let (own, command) =
                call.split_once(" -- ").map_or((call, String::new()), |(own, c)| (own, format!(" -- {c}")));
            let (understood, printed) = root.run(&format!("{own} --help{command}"));
            if !understood || !printed.contains("Usage: ") {
                write!(wrong, "\n{place}: {call}\n{printed}\n").unwrap();
            }
            tried += 1;
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(tried >= 30, "only {tried} commands were found");
}

#[test]
fn dots_stand_for_any_lines() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    for (expected, printed, right) in [
        ("a\nb", "a\nb", true),
        ("a", "a\nb", false),
        ("a\n...", "a\nb", true),
        ("a\n...\nc", "a\nb\nb\nc", true),
        ("a\n...\nc", "a\nc", true),
        ("a\n...\nc", "a\nc\nd", false),
        ("...\nc\n...", "a\nb", false),
        ("", "a", false),
    ] {
        assert_eq!(agree(&lines(expected), &lines(printed)), right, "{expected:?} {printed:?}");
    }
    assert_eq!(without_speed("1 page events in 0.12 s (1.7 M/s), x"), "1 page events in TIME s (RATE/s), x");
}
