//! Which GFP masks the memory was asked for with: a tile per mask, as large as its bytes, the masks that may wait the
//! same way together.

use plotters::{prelude::*, style::text_anchor::HPos};

use super::{
    canvas::{Area, Canvas, Drawn, said},
    draw::Draw,
    squarify::{Tile, squarify},
};
use crate::units;

/// Groups of tiles; all tiles share a scale.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Treemap {
    /// the groups, each with a colour of its own
    pub groups: Vec<TileGroup>,
}

/// Masks with something in common.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct TileGroup {
    /// what they have in common
    pub title: String,
    /// the masks
    pub masks: Vec<Mask>,
}

/// One mask.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Mask {
    /// its names, as the traced kernel prints them
    pub names: String,
    /// bytes of pages that were allocated with it
    pub bytes: u64,
    /// how many allocations
    pub allocs: u64,
}

/// Height of a line of a label, and the size of its letters.
const LINE: f64 = 16.0;
const LETTERS: f64 = 12.5;

impl TileGroup {
    fn bytes(&self) -> f64 {
        self.masks.iter().map(|mask| mask.bytes as f64).sum()
    }
}

impl Draw for Treemap {
    fn is_empty(&self) -> bool {
        self.groups.iter().all(|group| group.bytes() <= 0.0)
    }

    fn description(&self) -> String {
        "Treemap: memory allocated by GFP mask, grouped by what the allocator may do for a request before it fails"
            .into()
    }

    fn height(&self) -> u32 {
        520
    }

    fn draw<DB: DrawingBackend>(&self, root: &Area<DB>, canvas: &mut Canvas<'_>) -> Drawn {
        let sums: Vec<f64> = self.groups.iter().map(TileGroup::bytes).collect();
        let all: f64 = sums.iter().sum();
        let percent = |bytes: f64| format!("{} %", units::percent(bytes / all));
        let legend = |(i, group): (usize, &TileGroup)| {
            (format!("{}: {}", group.title, percent(sums[i])), canvas.palette.series(i))
        };
        let legend: Vec<_> = self.groups.iter().enumerate().map(legend).collect();
        let subtitle = "pages given out, by GFP mask (GFP_ and __GFP_ left out): area is bytes, colour is what the allocator may do before it fails";
        let area = canvas.sheet(root, "Memory by GFP mask", subtitle, &legend)?.margin(0, 0, canvas.px(8.0), 0);
        let (width, height) = area.dim_in_pixel();
        let whole = Tile { left: 0.0, top: 0.0, width: f64::from(width), height: f64::from(height) };
        for (i, (group, of_group)) in self.groups.iter().zip(squarify(&sums, whole)).enumerate() {
            let weights: Vec<f64> = group.masks.iter().map(|mask| mask.bytes as f64).collect();
            for (mask, tile) in group.masks.iter().zip(squarify(&weights, of_group)) {
                let (a, b) = (
                    (tile.left.round() as i32, tile.top.round() as i32),
                    (tile.right().round() as i32, tile.bottom().round() as i32),
                );
                // Too small for a pixel: the table beside the chart has it.
                if a.0 >= b.0 || a.1 >= b.1 {
                    continue;
                }
                // A fill through which the background shows: the text is read on it in either theme.
                area.draw(&Rectangle::new([a, b], canvas.palette.series(i).mix(0.4).filled())).map_err(said)?;
                area.draw(&Rectangle::new([a, b], canvas.palette.background.stroke_width(canvas.px(1.0) as u32)))
                    .map_err(said)?;
                let bytes = units::bytes(mask.bytes.cast_signed());
                label(canvas, &area, (a, b), &mask.names, &bytes)?;
                let (dx, dy) = area.get_base_pixel();
                let share = percent(mask.bytes as f64);
                let text = format!(
                    "{}\n{}\n{bytes}, {share} of all\n{} allocations",
                    mask.names,
                    group.title,
                    units::count(mask.allocs.cast_signed())
                );
                canvas.hover((a.0 + dx, a.1 + dy), (b.0 + dx, b.1 + dy), text);
            }
        }
        Ok(())
    }
}

/// Writes into a tile what has room there: the whole mask and its bytes, or its first name and the bytes, or nothing.
fn label<DB: DrawingBackend>(
    canvas: &Canvas<'_>,
    area: &Area<DB>,
    (a, b): ((i32, i32), (i32, i32)),
    names: &str,
    bytes: &str,
) -> Drawn {
    let room = b.0 - a.0 - canvas.px(12.0);
    let fits = |text: &str| canvas.text_width(area, text, LETTERS) <= room;
    let lines = ((b.1 - a.1 - canvas.px(8.0)) / canvas.px(LINE)) as usize;
    let parts = parts(names);
    let first = if parts.len() > 1 { format!("{}…", parts[0]) } else { parts.concat() };
    let candidates = [wrapped(&parts, fits), vec![first]].map(|mut text| {
        text.push(bytes.to_owned());
        text
    });
    let Some(text) = candidates.into_iter().find(|text| text.len() <= lines && text.iter().all(|line| fits(line)))
    else {
        return Ok(());
    };
    for (i, line) in text.iter().enumerate() {
        let at = (a.0 + canvas.px(6.0), a.1 + canvas.px(4.0 + LINE * (i as f64 + 0.5)));
        canvas.text(area, line, at, LETTERS, canvas.palette.text, HPos::Left)?;
    }
    Ok(())
}

/// Returns the names of a mask without what they all begin with, each but the last with the bar behind it.
fn parts(names: &str) -> Vec<&str> {
    names.split_inclusive('|').map(|name| name.trim_start_matches("__").trim_start_matches("GFP_")).collect()
}

/// Returns the parts in lines, as many in each as fit.
fn wrapped(parts: &[&str], fits: impl Fn(&str) -> bool) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if fits(&format!("{line}{part}")) => line.push_str(part),
            _ => lines.push((*part).to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_parted_between_its_names() {
        let fits = |text: &str| text.len() <= 12;
        assert_eq!(parts("GFP_KERNEL|__GFP_ZERO|0x8000000"), ["KERNEL|", "ZERO|", "0x8000000"]);
        assert_eq!(
            wrapped(&["A|", "BB|", "CCC|", "a_very_long_name|", "D"], fits),
            ["A|BB|CCC|", "a_very_long_name|", "D"]
        );
        assert_eq!(wrapped(&parts("none"), fits), ["none"]);
    }
}
