//! Horizontal bars: who asked for most.

use plotters::{prelude::DrawingBackend, style::text_anchor::HPos};

use super::{
    canvas::{Area, Canvas, Drawn, said},
    draw::Draw,
};
use crate::units;

/// Groups of bars below one another, each with a scale of its own.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Bars {
    /// heading
    pub title: String,
    /// what the bars measure
    pub subtitle: String,
    /// the groups
    pub groups: Vec<BarGroup>,
}

/// Bars that share a scale.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct BarGroup {
    /// heading; may be empty if there is one group only
    pub title: String,
    /// the bars, greatest first
    pub bars: Vec<Bar>,
}

/// One bar.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Bar {
    /// what it is about
    pub label: String,
    /// its length
    pub bytes: u64,
    /// how many allocations
    pub allocs: u64,
}

/// Height of a bar with the space below it.
const PITCH: f64 = 24.0;
const GROUP_TITLE: f64 = 30.0;

impl Draw for Bars {
    fn is_empty(&self) -> bool {
        self.groups.iter().all(|group| group.bars.is_empty())
    }

    fn description(&self) -> String {
        format!("Bar chart: {}, {}", self.title, self.subtitle)
    }

    fn height(&self) -> u32 {
        let groups: f64 = self.groups.iter().map(|group| GROUP_TITLE + PITCH * group.bars.len() as f64).sum();
        (62.0 + groups + 16.0) as u32
    }

    fn draw<DB: DrawingBackend>(&self, root: &Area<DB>, canvas: &mut Canvas<'_>) -> Drawn {
        let area = canvas.sheet(root, &self.title, &self.subtitle, &[])?;
        let width = area.dim_in_pixel().0.cast_signed();
        let labels = self
            .groups
            .iter()
            .flat_map(|group| &group.bars)
            .map(|bar| canvas.text_width(&area, &bar.label, 13.0))
            .max()
            .unwrap_or(0);
        // Long names are cut, the whole name is under the pointer; half of the width belongs to the bars.
        let left = labels.min(width / 2) + canvas.px(20.0);
        let value_room = canvas.px(220.0);
        let mut y = 0;
        for (i, group) in self.groups.iter().enumerate() {
            canvas.text(
                &area,
                &group.title,
                (canvas.px(8.0), y + canvas.px(12.0)),
                14.5,
                canvas.palette.text,
                HPos::Left,
            )?;
            y += canvas.px(GROUP_TITLE - 4.0);
            let most = group.bars.iter().map(|bar| bar.bytes).max().unwrap_or(0).max(1) as f64;
            for bar in &group.bars {
                let middle = y + canvas.px(PITCH / 2.0);
                let label = fit(canvas, &area, &bar.label, left - canvas.px(20.0));
                canvas.text(&area, &label, (left - canvas.px(8.0), middle), 13.0, canvas.palette.text, HPos::Right)?;
                let length = (bar.bytes as f64 / most * f64::from(width - left - value_room)).round() as i32;
                let (a, b) =
                    ((left, y + canvas.px(3.0)), (left + length.max(canvas.px(1.0)), y + canvas.px(PITCH - 3.0)));
                let rectangle = plotters::element::Rectangle::new(
                    [a, b],
                    plotters::style::Color::filled(&canvas.palette.series(i)),
                );
                area.draw(&rectangle).map_err(said)?;
                let value = format!(
                    "{} · {} allocs",
                    units::bytes(bar.bytes.cast_signed()),
                    units::count(bar.allocs.cast_signed())
                );
                canvas.text(&area, &value, (b.0 + canvas.px(8.0), middle), 13.0, canvas.palette.muted, HPos::Left)?;
                let (dx, dy) = area.get_base_pixel();
                let text = format!("{}\n{value}", bar.label);
                canvas.hover((dx, a.1 + dy), (width + dx, b.1 + dy), text);
                y += canvas.px(PITCH);
            }
            y += canvas.px(4.0);
        }
        Ok(())
    }
}

/// Returns a text, cut to a width in pixels.
fn fit<DB: DrawingBackend>(canvas: &Canvas<'_>, area: &Area<DB>, text: &str, width: i32) -> String {
    let mut kept: Vec<char> = text.chars().collect();
    let whole = kept.len();
    loop {
        let candidate: String = kept.iter().collect::<String>() + if kept.len() < whole { "…" } else { "" };
        if kept.is_empty() || canvas.text_width(area, &candidate, 13.0) <= width {
            return candidate;
        }
        kept.pop();
    }
}
