//! `collector top` in a terminal: a pseudo-terminal, whose screen is read as a terminal emulator would show it.

use std::{
    io::{Read as _, Write as _},
    num::NonZeroU16,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use pty_process::{Size, blocking::Pty};
use vt100::Parser;

use crate::common::{Running, collector, program};

/// The program in its terminal.
struct Terminal {
    pty: Arc<Pty>,
    parser: Arc<Mutex<Parser>>,
    child: Child,
}

impl Terminal {
    fn open(columns: u16, rows: u16, arguments: &[&str], no_color: bool) -> Self {
        let (pty, pts) = pty_process::blocking::open().expect("a pseudo-terminal: is devpts mounted?");
        pty.resize(Size::new(rows, columns)).unwrap();
        let command = pty_process::blocking::Command::new(program("collector"))
            .arg("top")
            .args(arguments)
            .env("TERM", "xterm-256color");
        let command = if no_color { command.env("NO_COLOR", "1") } else { command.env_remove("NO_COLOR") };
        let child = command.spawn(pts).unwrap();
        let (pty, parser) = (Arc::new(pty), Arc::new(Mutex::new(Parser::new(size(rows), size(columns), 0))));
        let (reader, shown) = (Arc::clone(&pty), Arc::clone(&parser));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = (&*reader).read(&mut bytes) {
                shown.lock().unwrap().process(&bytes[..read]);
            }
        });
        Self { pty, parser, child }
    }

    fn press(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).unwrap();
    }

    fn lines(&self) -> Vec<String> {
        let parser = self.parser.lock().unwrap();
        let columns = parser.screen().size().1.get();
        parser.screen().rows(0, columns).collect()
    }

    /// The screen, as soon as it is as wanted.
    fn wait_for(&self, what: &str, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let lines = self.lines();
            if wanted(&lines) {
                return lines;
            }
            assert!(Instant::now() < deadline, "{what} does not come:\n{}", lines.join("\n"));
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The names in the table, from the top.
    fn names(lines: &[String]) -> Vec<String> {
        let heading = lines.iter().position(|line| line.contains("pages by ") || line.contains("objects by ")).unwrap();
        let rows = lines[heading + 1..].iter().take_while(|line| !line.trim().is_empty());
        rows.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
    }

    /// It has ended, and the terminal is as it was.
    fn assert_restored(&mut self, ended_well: bool) {
        let deadline = Instant::now() + Duration::from_mins(1);
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            thread::sleep(Duration::from_millis(20));
        };
        thread::sleep(Duration::from_millis(200));
        let parser = self.parser.lock().unwrap();
        let screen = parser.screen();
        assert_eq!(
            (status.success(), screen.alternate_screen(), screen.hide_cursor()),
            (ended_well, false, false),
            "{}",
            screen.contents()
        );
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _over = self.child.kill().and_then(|()| self.child.wait());
    }
}

fn size(cells: u16) -> NonZeroU16 {
    NonZeroU16::new(cells).unwrap()
}

/// Something to see.
fn load() -> Running {
    Running::start(Command::new(program("workload")).args(["mixed", "--seconds", "600"]).stdout(Stdio::null()))
}

fn has(lines: &[String], text: &str) -> bool {
    lines.iter().any(|line| line.contains(text))
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn shows_rates_and_obeys_keys() {
    let load = load();
    let mut terminal = Terminal::open(120, 40, &["--interval", "0.3"], false);
    let rate = |lines: &[String], line: usize| {
        lines[line].split_whitespace().nth(1).map(|rate| rate.replace(',', "").parse::<f64>().unwrap_or(0.0))
    };
    // On the alternate screen, with rates of pages and of objects.
    // All of it: a screen comes in pieces.
    terminal.wait_for("a rate", |lines| {
        let parts = ["collector top", "pages by GFP", "GFP_", "free blocks", "unusable", "0 without room", "q quit"];
        let rates = [1, 2].map(|line| rate(lines, line));
        parts.iter().all(|part| has(lines, part)) && rates.iter().all(|rate| rate.is_some_and(|rate| rate > 0.0))
    });
    assert!(terminal.parser.lock().unwrap().screen().alternate_screen());

    // By name the order of rows does not depend on what happens meanwhile.
    terminal.press("2ssss");
    let up =
        terminal.wait_for("orders by name", |lines| has(lines, "pages by order▼") && Terminal::names(lines).len() > 2);
    terminal.press("r");
    let down = terminal
        .wait_for("orders, the other way", |lines| has(lines, "pages by order▲") && Terminal::names(lines).len() > 2);
    let numbers =
        |lines: &[String]| Terminal::names(lines).iter().map(|name| name.parse::<u8>().unwrap()).collect::<Vec<_>>();
    assert!(
        numbers(&up).is_sorted() && numbers(&down).iter().rev().is_sorted() && numbers(&down).len() > 2,
        "{:?} {:?}",
        numbers(&up),
        numbers(&down)
    );

    // The workload is there, and the tables can be narrowed to it.
    terminal.press("7");
    terminal.press("/worklo");
    terminal.wait_for("the filter", |lines| has(lines, "/ worklo") && Terminal::names(lines) == ["workload"]);
    terminal.press("\r\r");
    terminal.wait_for("its GFP masks", |lines| {
        has(lines, "comm=workload")
            && has(lines, "by GFP")
            && Terminal::names(lines).iter().any(|name| name.starts_with("GFP_"))
    });
    terminal.press("6");
    terminal.wait_for("call sites", |lines| {
        has(lines, "objects by call site") && Terminal::names(lines).iter().any(|name| name.contains("+0x"))
    });

    terminal.press("p");
    terminal.wait_for("the pause", |lines| lines[0].ends_with("paused"));
    thread::sleep(Duration::from_millis(500));
    let paused = terminal.lines();
    thread::sleep(Duration::from_secs(1));
    assert_eq!(terminal.lines(), paused, "nothing moves");
    terminal.press("p?");
    terminal.wait_for("the help", |lines| has(lines, "Backspace"));
    terminal.press("x");
    terminal.wait_for("the end of the help", |lines| !has(lines, "Backspace"));
    terminal.press("q");
    terminal.assert_restored(true);
    drop(load);
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn gives_the_terminal_back_when_it_is_ended() {
    for signal in ["-TERM", "-HUP", "-INT"] {
        let mut terminal = Terminal::open(80, 24, &["--interval", "0.3"], false);
        terminal.wait_for("the screen", |lines| has(lines, "events seen"));
        assert!(Command::new("kill").args([signal, &terminal.child.id().to_string()]).status().unwrap().success());
        terminal.assert_restored(true);
    }
    let mut terminal = Terminal::open(80, 24, &[], false);
    terminal.wait_for("the screen", |lines| has(lines, "events seen"));
    terminal.press("\u{3}");
    terminal.assert_restored(true);
}

/// The window is closed: there is no terminal any more to give back, nor one to read from.
#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn ends_when_its_terminal_is_gone() {
    let (mut pty, pts) = pty_process::blocking::open().unwrap();
    pty.resize(Size::new(24, 80)).unwrap();
    let mut child = pty_process::blocking::Command::new(program("collector")).arg("top").spawn(pts).unwrap();
    let (mut shown, mut bytes) = (Vec::<u8>::new(), [0; 4096]);
    while !shown.windows(6).any(|window| window == b"ledger") {
        let read = pty.read(&mut bytes).unwrap();
        shown.extend(&bytes[..read]);
    }
    drop(pty);
    let deadline = Instant::now() + Duration::from_secs(30);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() >= deadline {
            child.kill().unwrap();
            panic!("it goes on without a terminal");
        }
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn works_in_small_terminals_and_without_colours() {
    let mut small = Terminal::open(40, 8, &[], false);
    small.wait_for("the hint", |lines| has(lines, "too small"));
    // It grows while it runs.
    small.parser.lock().unwrap().screen_mut().set_size(size(24), size(80));
    small.pty.resize(Size::new(24, 80)).unwrap();
    small.wait_for("the tables", |lines| has(lines, "pages by GFP"));
    small.press("q");
    small.assert_restored(true);

    for no_color in [true, false] {
        let mut terminal = Terminal::open(80, 24, &[], no_color);
        terminal.wait_for("the screen", |lines| has(lines, "unusable"));
        let coloured = {
            let parser = terminal.parser.lock().unwrap();
            let mut cells = (0..24).flat_map(|row| (0..80).map(move |column| (row, column)));
            cells.any(|(row, column)| {
                parser.screen().cell(row, column).is_some_and(|cell| cell.fgcolor() != vt100::Color::Default)
            })
        };
        assert_eq!(coloured, !no_color);
        terminal.press("q");
        terminal.assert_restored(true);
    }
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn says_that_it_needs_a_terminal() {
    let output = collector().arg("top").output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert!(
        stderr.contains("terminal") && stderr.contains("collector stat --interval 1") && stderr.lines().count() == 1,
        "{stderr}"
    );
}

/// Free blocks are the kernel's, and so is the unusable index: those of debugfs at the same moment.
#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn the_unusable_index_is_that_of_debugfs() {
    let path = "/sys/kernel/debug/extfrag/unusable_index";
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    // Memory moves all the time: a moment at which it did not shows in the file before and after.
    for _ in 0..200 {
        let (before, index, after) = (read("/proc/buddyinfo"), read(path), read("/proc/buddyinfo"));
        if before != after {
            continue;
        }
        let zones = collector::kernel::BuddyInfo::parse(&before).unwrap();
        for (zone, line) in zones.iter().zip(index.lines()) {
            let theirs: Vec<String> = line.split_whitespace().skip(4).map(str::to_owned).collect();
            let ours: Vec<String> = (0..zone.nr_free.len())
                .map(|order| format!("{}.{:03}", zone.unusable(order) / 1000, zone.unusable(order) % 1000))
                .collect();
            assert_eq!(ours, theirs, "{line}");
        }
        return;
    }
    println!("SKIPPED: this machine never stood still long enough to read the two files of one moment");
}
