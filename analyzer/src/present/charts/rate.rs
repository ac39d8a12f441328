//! Memory over time, stacked by zone: what was allocated per second, or what was live.

use plotters::{element::Polygon, prelude::DrawingBackend, style::Color};

use super::{
    axes::{Plot, Scale},
    canvas::{Area, Canvas, Drawn, said, seconds, ticks},
    draw::Draw,
};
use crate::units;

/// What the numbers of a chart over time are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// bytes allocated per second
    #[default]
    BytesPerSecond,
    /// bytes live at the end of the interval
    LiveBytes,
}

/// Bytes of each zone.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Rate {
    /// what the numbers are
    pub measure: Measure,
    /// length of an interval, seconds
    pub interval_s: f64,
    /// name of the zone, and its number in each interval
    pub zones: Vec<(String, Vec<f64>)>,
}

impl Draw for Rate {
    fn is_empty(&self) -> bool {
        self.zones.is_empty()
    }

    fn description(&self) -> String {
        match self.measure {
            Measure::BytesPerSecond => "Area chart: memory allocated per second, by zone".into(),
            Measure::LiveBytes => "Area chart: memory allocated within the trace and not freed yet, by zone".into(),
        }
    }

    fn height(&self) -> u32 {
        420
    }

    fn draw<DB: DrawingBackend>(&self, root: &Area<DB>, canvas: &mut Canvas<'_>) -> Drawn {
        let legend: Vec<_> = self
            .zones
            .iter()
            .enumerate()
            .map(|(i, (name, _))| (format!("zone {name}"), canvas.palette.series(i)))
            .collect();
        let (title, what, y_title, per) = match self.measure {
            Measure::BytesPerSecond => ("Allocation rate", "memory given out per second", "allocated per second", "/s"),
            Measure::LiveBytes => ("Live memory", "memory given out within the trace and not freed yet", "live", ""),
        };
        let subtitle = format!("{what}, intervals of {}", units::duration(self.interval_s * 1e9));
        let area = canvas.sheet(root, title, &subtitle, &legend)?;
        let intervals = self.zones.iter().map(|(_, rates)| rates.len()).max().unwrap_or(0);
        let sum = |at: usize, zones: usize| {
            self.zones[..zones].iter().map(|(_, rates)| rates.get(at).copied().unwrap_or(0.0)).sum::<f64>()
        };
        let most = (0..intervals).map(|at| sum(at, self.zones.len())).fold(0.0, f64::max);
        let end = intervals as f64 * self.interval_s;
        let unit = 1024_f64.powf((most.max(1.0).ln() / 1024_f64.ln()).floor());
        let x_ticks = seconds(end);
        let y_ticks = ticks(most / unit * 1.05, 6)
            .into_iter()
            .map(|at| (at * unit, if at == 0.0 { "0".into() } else { units::bytes((at * unit) as i64) + per }))
            .collect();
        let plot = Plot::new(
            canvas,
            &area,
            (Scale::linear(0.0, end), &x_ticks, "seconds"),
            (Scale::linear(0.0, most * 1.05), &y_ticks, y_title),
        )?;
        for zone in 0..self.zones.len() {
            let mut outline = Vec::new();
            for at in 0..intervals {
                let (from, to) = (at as f64 * self.interval_s, (at + 1) as f64 * self.interval_s);
                outline.extend([plot.at(from, sum(at, zone + 1)), plot.at(to, sum(at, zone + 1))]);
            }
            for at in (0..intervals).rev() {
                let (from, to) = (at as f64 * self.interval_s, (at + 1) as f64 * self.interval_s);
                outline.extend([plot.at(to, sum(at, zone)), plot.at(from, sum(at, zone))]);
            }
            plot.area.draw(&Polygon::new(outline, canvas.palette.series(zone).filled())).map_err(said)?;
        }
        for at in 0..intervals {
            let list: Vec<_> = self
                .zones
                .iter()
                .map(|(name, rates)| {
                    format!("zone {name}: {}{per}", units::bytes(rates.get(at).copied().unwrap_or(0.0) as i64))
                })
                .collect();
            let from = at as f64 * self.interval_s;
            let text = format!("{from:.3} s to {:.3} s\n{}", from + self.interval_s, list.join("\n"));
            plot.hover(canvas, (plot.at_x(from), plot.top), (plot.at_x(from + self.interval_s), plot.bottom), text);
        }
        Ok(())
    }
}
