//! The lines at the top, which show the host, the rates of allocation, the waits of allocations, and the ledger.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::Sparkline,
};
use trace::Wait;

use super::theme::Theme;
use crate::{
    number,
    stat::{Allocator, Counts, KeyNames, ProgramAccount},
    top::model::Model,
};

/// The width of the rates, in columns of the screen. The curve is to the right of them.
const RATES: usize = 76;

/// Returns the lines: title, rates, waits, ledger, and an empty line.
pub fn lines(model: &Model, names: &KeyNames, theme: Theme, width: usize) -> Vec<Line<'static>> {
    let mut lines = vec![title(model, names, theme, width)];
    lines.extend(Allocator::ALL.map(|allocator| rates(model, allocator, names, theme)));
    lines.push(waits(model, theme));
    lines.push(ledger(model, theme));
    lines.push(Line::default());
    lines
}

fn title(model: &Model, names: &KeyNames, theme: Theme, width: usize) -> Line<'static> {
    let header = names.header();
    let left = format!("{}  Linux {}  {} CPUs", header.host, header.kernel, header.cpu_node.len());
    let right =
        if model.is_paused() { "paused".to_owned() } else { format!("every {} s", model.interval().as_secs_f64()) };
    let name = "collector top";
    let gap = width.saturating_sub(name.len() + 2 + left.chars().count() + right.len());
    let right = if model.is_paused() { theme.warning(right) } else { theme.dim(right) };
    if gap == 0 {
        return Line::from(vec![Theme::heading(name), "  ".into(), right]);
    }
    Line::from(vec![Theme::heading(name), "  ".into(), theme.dim(left), " ".repeat(gap).into(), right])
}

fn rates(model: &Model, allocator: Allocator, names: &KeyNames, theme: Theme) -> Line<'static> {
    let Counts { allocs, frees, alloc_bytes, failures, .. } = model.total(allocator, names);
    let rate = |count| number::rate(model.per_second(count));
    let mut spans = vec![theme.dim(format!("{:<8}", allocator.name()))];
    for (value, unit) in [
        (rate(allocs), " allocs/s "),
        (rate(frees), " frees/s  "),
        (number::short_bytes(model.per_second(alloc_bytes)), "/s"),
    ] {
        spans.extend([Span::raw(format!("{value:>9}")), theme.dim(unit)]);
    }
    let failed = format!("{:>9} failed/s", rate(failures));
    spans.push(if failures > 0 { theme.warning(failed) } else { theme.dim(failed) });
    Line::from(spans)
}

fn waits(model: &Model, theme: Theme) -> Line<'static> {
    let mut spans = vec![theme.dim(format!("{:<8}", "waits"))];
    for (wait, name) in
        [(Wait::DirectReclaim, "direct reclaim"), (Wait::Compaction, "compaction"), (Wait::Kcompactd, "kcompactd")]
    {
        let latency = model.recent().latencies[wait as usize];
        let mean = latency
            .total_ns
            .checked_div(latency.count)
            .map_or_else(String::new, |ns| format!(" of {:.1} ms", ns as f64 / 1e6));
        let text = format!("{:>9} {name}/s{mean}", number::rate(model.per_second(latency.count)));
        spans.push(if latency.count > 0 { Span::raw(text) } else { theme.dim(text) });
    }
    Line::from(spans)
}

fn ledger(model: &Model, theme: Theme) -> Line<'static> {
    let ProgramAccount { seen, no_room, missed, .. } = ProgramAccount::total(&model.all().ledger());
    let loss = |count: u64, text: String| if count > 0 { theme.warning(text) } else { theme.dim(text) };
    Line::from(vec![
        theme.dim(format!("{:<8}", "ledger")),
        theme.dim(format!("{:>9} events seen, ", number::short_count(seen))),
        loss(no_room, format!("{} without room, ", number::short_count(no_room))),
        loss(missed, format!("{} missed by the kernel", number::short_count(missed))),
    ])
}

/// Draws the curve of page allocations over time to the right of the rates. The latest rate is at the right.
pub fn curve(frame: &mut Frame, model: &Model, theme: Theme, top: Rect) {
    let Some(width) = usize::from(top.width).checked_sub(RATES).filter(|width| *width >= 10) else { return };
    let area = Rect { x: top.x + RATES as u16, y: top.y + 1, width: width as u16, height: 4.min(top.height - 1) };
    let curve: Vec<u64> = model.history().iter().take(width).rev().copied().collect();
    let area = Rect { x: area.x + (width - curve.len()) as u16, width: curve.len() as u16, ..area };
    frame.render_widget(Sparkline::default().data(&curve).style(theme.accent_style()), area);
}
