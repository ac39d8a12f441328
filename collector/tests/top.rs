//! The live view without a kernel and without a terminal: made-up samples in, a screen of text out.

use std::{path::Path, time::Duration};

use collector::{
    kernel::{BuddyInfo, Kallsyms},
    stat::{Allocator, Column, KeyNames, Sample},
    top::{Key, Model, Next, Sort, Theme, View, draw},
};
use ratatui::{Terminal, backend::TestBackend, style::Color};
use trace::{Latency, Program, Tally, TallyKey, Trace, Wait};

const SECOND: u64 = 1_000_000_000;

/// The names of the host whose trace lies in the repository.
fn names() -> KeyNames {
    let trace = Trace::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../trace/fixtures/demo")).unwrap();
    let zones = (0..trace.header.zones.len()).collect();
    KeyNames::new(trace.header, zones, Kallsyms::default())
}

fn key(program: Program, order: u8, gfp: u32, comm: &str) -> TallyKey {
    let mut name = [0; 16];
    name[..comm.len()].copy_from_slice(comm.as_bytes());
    let migratetype = if program == Program::PageAlloc { 1 } else { 255 };
    TallyKey { program: program as u8, order, zone: 2, migratetype, gfp, call_site: 0, cache: 64, comm: name }
}

fn tally(events: u64, amount: u64) -> Tally {
    Tally { events, failures: 0, amount, requested: 0 }
}

/// After so many seconds at a steady rate.
fn sample(seconds: u64) -> Sample {
    const GFP_KERNEL: u32 = 0xcc0;
    const GFP_ATOMIC: u32 = 0x820;
    let mut sample = Sample { time: 1000 * SECOND + seconds * SECOND, ..Sample::default() };
    sample.insert(key(Program::PageAlloc, 0, GFP_KERNEL, "make"), tally(300 * seconds, 300 * seconds));
    sample.insert(
        key(Program::PageAlloc, 3, GFP_ATOMIC, "nginx"),
        Tally { failures: 5 * seconds, ..tally(100 * seconds, 760 * seconds) },
    );
    sample.insert(key(Program::PageFree, 0, 0, "make"), tally(250 * seconds, 250 * seconds));
    sample.insert(key(Program::Kmalloc, 0, GFP_KERNEL, "make"), tally(20 * seconds, 1280 * seconds));
    sample.no_room = [Program::PageAlloc, Program::PageFree, Program::Kmalloc, Program::Kfree]
        .map(|program| (program, Tally::default()))
        .to_vec();
    sample.missed = vec![(Program::PageFree, seconds)];
    sample.latencies[Wait::DirectReclaim as usize] =
        Latency { count: 4 * seconds, total_ns: 10_000_000 * seconds, ..Latency::NONE };
    sample
}

fn free() -> Vec<BuddyInfo> {
    BuddyInfo::parse(
        "Node 0, zone   Normal    100      0      0      0      0      0      0      0      0      0      10\n",
    )
    .unwrap()
}

/// Two looks, a second apart.
fn model(names: &KeyNames) -> Model {
    let mut model = Model::new(sample(0), Duration::from_secs(1));
    model.update(sample(3), free(), names);
    model.update(sample(4), free(), names);
    model
}

fn screen(model: &Model, names: &KeyNames, theme: Theme, width: u16, height: u16) -> (Vec<String>, TestBackend) {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, model, names, theme)).unwrap();
    let backend = terminal.backend().clone();
    let text = backend
        .buffer()
        .content()
        .chunks(usize::from(width))
        .map(|line| line.iter().map(ratatui::buffer::Cell::symbol).collect::<String>());
    (text.map(|line| line.trim_end().to_owned()).collect(), backend)
}

fn labels(model: &Model) -> Vec<&str> {
    model.rows().iter().map(|row| row.values[0].as_str()).collect()
}

fn press(model: &mut Model, names: &KeyNames, keys: &str) {
    keys.chars().for_each(|key| assert_eq!(model.press(Key::Char(key), names), Next::Continue));
}

#[test]
fn rates_are_of_the_last_interval() {
    let names = names();
    let model = model(&names);
    let total = model.total(Allocator::Page, &names);
    assert_eq!((total.allocs, total.frees, total.failures), (400, 250, 5), "of one second, not of four");
    assert_eq!(total.alloc_bytes, (300 + 760) * names.header().page_size);
    assert!((model.per_second(total.allocs) - 400.0).abs() < 1e-9);
    assert_eq!(model.all().tallies.values().map(|tally| tally.events).sum::<u64>(), 4 * (300 + 100 + 250 + 20));
}

#[test]
fn keys_choose_what_is_shown_and_how() {
    let names = names();
    let mut model = model(&names);
    assert_eq!(
        (model.view(), labels(&model)),
        (View(Column::Gfp), vec!["GFP_KERNEL", "GFP_ATOMIC"]),
        "most allocations first"
    );
    press(&mut model, &names, "r");
    assert_eq!(labels(&model), ["GFP_ATOMIC", "GFP_KERNEL"]);
    press(&mut model, &names, "ss");
    assert_eq!((model.sort(), labels(&model)), ((Sort::Bytes, false), vec!["GFP_ATOMIC", "GFP_KERNEL"]));
    press(&mut model, &names, "ss");
    assert_eq!((model.sort(), labels(&model)), ((Sort::Name, false), vec!["GFP_ATOMIC", "GFP_KERNEL"]));
    press(&mut model, &names, "s2");
    assert_eq!((model.view(), labels(&model)), (View(Column::Order), vec!["0", "3"]));
    press(&mut model, &names, "5");
    assert_eq!((model.allocator(), labels(&model)), (Allocator::Slab, vec!["kmalloc-64"]), "only objects have a cache");
    press(&mut model, &names, "7");
    assert_eq!(labels(&model), ["make"]);
    model.press(Key::Tab, &names);
    assert_eq!((model.allocator(), labels(&model)), (Allocator::Page, vec!["make", "nginx"]));
    model.press(Key::Right, &names);
    assert_eq!(model.view(), View(Column::Zone), "after the last comes the first");
    assert_eq!(model.press(Key::Char('q'), &names), Next::Quit);
    assert_eq!(model.press(Key::Interrupt, &names), Next::Quit);
}

#[test]
fn filters_and_narrowing_leave_rows_out() {
    let names = names();
    let mut model = model(&names);
    press(&mut model, &names, "/atomicq");
    assert_eq!((model.filter(), model.rows().len()), ("atomicq", 0), "while it is typed, a letter is a letter");
    model.press(Key::Backspace, &names);
    assert_eq!((labels(&model), model.typing().is_some()), (vec!["GFP_ATOMIC"], true));
    model.press(Key::Enter, &names);
    assert_eq!((model.filter(), model.typing()), ("atomic", None));
    press(&mut model, &names, "/x");
    model.press(Key::Escape, &names);
    assert_eq!(model.filter(), "atomic", "Escape brings back what was there");
    model.press(Key::Enter, &names);
    assert_eq!((model.view(), labels(&model)), (View(Column::Comm), vec!["nginx"]), "who allocates with GFP_ATOMIC");
    model.press(Key::Backspace, &names);
    assert_eq!(labels(&model), ["make", "nginx"]);
    model.press(Key::Down, &names);
    model.press(Key::Down, &names);
    assert_eq!(model.selected(), 1, "the last row is the last");
}

#[test]
fn the_screen_says_what_the_model_knows() {
    let names = names();
    let (lines, backend) = screen(&model(&names), &names, Theme::new(true), 100, 30);
    let find = |text: &str| {
        lines
            .iter()
            .position(|line| line.contains(text))
            .unwrap_or_else(|| panic!("no {text:?} in\n{}", lines.join("\n")))
    };
    assert!(
        lines[1].contains("pages         400 allocs/s       250 frees/s   4.14 MiB/s      5.0 failed/s"),
        "{}",
        lines[1]
    );
    assert!(lines[3].contains("4.0 direct reclaim/s of 2.5 ms"), "{}", lines[3]);
    assert!(lines[4].contains("2,680 events seen, 0 without room, 4 missed by the kernel"), "{}", lines[4]);
    let row = &lines[find(" GFP_KERNEL ")];
    assert_eq!(row.split_whitespace().collect::<Vec<_>>()[..4], ["GFP_KERNEL", "300", "1.17", "MiB"], "{row}");
    assert!(row.ends_with("█████████"), "three quarters of twelve cells: {row}");
    // 10 free blocks of order 10 are 99 % of the free memory, and 100 single pages are of no use to an order-1 request.
    let zone = find(" Normal ");
    assert!(lines[zone].ends_with("10") && lines[zone + 1].ends_with("█████"), "{}", lines[zone + 1]);
    assert_eq!(lines[zone + 2].split_whitespace().collect::<Vec<_>>()[..3], ["unusable", "0%", "1%"]);
    assert!(backend.buffer().content().iter().any(|cell| cell.fg == Color::Cyan));
    let columns: Vec<_> = [zone - 1, zone, zone + 2].map(|line| lines[line].chars().count()).to_vec();
    assert!(columns.iter().all(|end| *end == columns[0]), "orders stand above their counts: {columns:?}");
}

#[test]
fn without_colours_there_are_none() {
    let names = names();
    let mut model = model(&names);
    press(&mut model, &names, "?");
    let (lines, backend) = screen(&model, &names, Theme::new(false), 100, 30);
    assert!(backend.buffer().content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    assert!(lines.iter().any(|line| line.contains("Backspace")), "{}", lines.join("\n"));
}

/// However small or large, with whatever is open: it draws, and no line is broken.
#[test]
fn every_size_can_be_drawn() {
    let names = names();
    let mut model = model(&names);
    press(&mut model, &names, "/a rather long filter that hardly fits");
    for help in [false, true] {
        if help {
            model.press(Key::Enter, &names);
            press(&mut model, &names, "?");
        }
        for width in (1..=200).step_by(13) {
            for height in (1..=50).step_by(3) {
                let (lines, _) = screen(&model, &names, Theme::new(true), width, height);
                let told = help || width < 50 || height < 10 || lines[0].contains("collector top");
                assert!(told, "{width} × {height}:\n{}", lines.join("\n"));
            }
        }
    }
    let (lines, _) = screen(&model, &names, Theme::new(true), 40, 8);
    assert!(lines[0].starts_with("The terminal is too small"), "{}", lines[0]);
}

#[test]
fn a_paused_view_says_so() {
    let names = names();
    let mut model = model(&names);
    press(&mut model, &names, "p");
    let (lines, _) = screen(&model, &names, Theme::new(true), 100, 30);
    assert!(model.is_paused() && lines[0].ends_with("paused"), "{}", lines[0]);
    press(&mut model, &names, " ");
    assert!(!model.is_paused());
}
