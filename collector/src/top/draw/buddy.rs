//! The free blocks of each zone by order: their number, their share of the free memory, and the part of the free memory
//! that is too fragmented for the order.

use ratatui::text::{Line, Span};

use super::theme::Theme;
use crate::{kernel::BuddyInfo, number, stat::KeyNames, top::model::Model};

/// The widths of a zone's name and of an order, in columns of the screen.
const NAME: usize = 12;
const CELL: usize = 6;
/// The number of lines of a zone: the blocks, their shares, and the unusable index.
const LINES: usize = 3;
/// The widths of a gauge without and with its text, in columns of the screen.
const GAUGE: usize = 18;
const GAUGE_TEXT: usize = GAUGE + 19;

/// Returns the lines of as many zones as fit, those with the most free memory first. Returns no lines if not even one
/// zone fits.
pub fn lines(model: &Model, names: &KeyNames, theme: Theme, width: usize, height: usize) -> Vec<Line<'static>> {
    let orders = model.free().iter().map(|zone| zone.nr_free.len()).max().unwrap_or(0);
    let room = height.saturating_sub(2) / LINES;
    if room == 0 || orders == 0 {
        return Vec::new();
    }
    let shown = orders.min(width.saturating_sub(NAME) / CELL);
    let mut zones: Vec<&BuddyInfo> = model.free().iter().collect();
    zones.sort_by_key(|zone| std::cmp::Reverse(zone.free_pages()));
    zones.truncate(room);
    let head = (0..shown).map(|order| Theme::heading(format!("{order:>CELL$}")));
    let mut lines = vec![
        Line::default(),
        std::iter::once(Theme::heading(format!("{:<NAME$}", "free blocks"))).chain(head).collect(),
    ];
    for zone in zones {
        lines.extend(zone_lines(zone, names, theme, shown, width));
    }
    lines
}

/// Returns the lines of one zone.
fn zone_lines(zone: &BuddyInfo, names: &KeyNames, theme: Theme, shown: usize, width: usize) -> [Line<'static>; LINES] {
    const LEVELS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let header = names.header();
    let number = header.zones.iter().position(|known| known.node == zone.node && known.name == zone.zone);
    let name = number.map_or_else(|| zone.zone.clone(), |number| header.zone_name(number as u8));
    let free = zone.free_pages();
    let counts =
        zone.nr_free.iter().take(shown).map(|blocks| Span::raw(format!("{:>CELL$}", number::short_count(*blocks))));
    let bars = zone.nr_free.iter().take(shown).enumerate().map(|(order, blocks)| {
        let eighths = ((blocks << order) * 8).div_ceil(free.max(1)) as usize;
        let bar: String = std::iter::repeat_n(LEVELS[eighths.min(8)], CELL - 1).collect();
        format!(" {bar}")
    });
    let unusable = (0..shown).map(|order| {
        let permille = zone.unusable(order);
        Span::styled(format!("{:>CELL$}", format!("{}%", permille.div_ceil(10))), theme.grade_style(permille))
    });
    let mut last = vec![theme.dim(format!("{:<NAME$}", "  unusable"))];
    last.extend(unusable);
    let order = usize::from(header.pageblock_order);
    if width >= NAME + shown * CELL + GAUGE_TEXT && order < zone.nr_free.len() {
        let permille = zone.unusable(order);
        let filled = (permille as usize * GAUGE).div_ceil(1000);
        last.extend([
            theme.dim(format!("   order {order} {:>3}% ", permille.div_ceil(10))),
            Span::styled("━".repeat(filled), theme.grade_style(permille)),
            theme.dim("─".repeat(GAUGE - filled)),
        ]);
    }
    [
        std::iter::once(Span::raw(format!("{name:<NAME$}"))).chain(counts).collect(),
        Line::from(vec![
            theme.dim(format!("{:<NAME$}", format!("  {}", number::short_bytes((free * header.page_size) as f64)))),
            theme.accent(bars.collect::<String>()),
        ]),
        Line::from(last),
    ]
}
