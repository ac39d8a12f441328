//! The unusable index as a heat map: order against time, a panel per zone.

use plotters::{prelude::DrawingBackend, style::text_anchor::HPos};

use super::{
    axes::{Plot, Scale},
    canvas::{Area, Canvas, Drawn, said, seconds},
    draw::Draw,
    free_blocks::ZoneOverTime,
    theme::heat,
};

/// The index of each zone, in thousandths.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Unusable {
    /// the zones, each a panel
    pub zones: Vec<ZoneOverTime<i64>>,
}

impl Draw for Unusable {
    fn is_empty(&self) -> bool {
        self.zones.is_empty()
    }

    fn description(&self) -> String {
        "Heat map: unusable index by order over time, a panel for each zone".into()
    }

    fn height(&self) -> u32 {
        100 + 250 * self.zones.len().max(1) as u32
    }

    fn draw<DB: DrawingBackend>(&self, root: &Area<DB>, canvas: &mut Canvas<'_>) -> Drawn {
        let subtitle = "share of a zone's free memory in blocks too small for an allocation of the order (the kernel's unusable index)";
        let area = canvas.sheet(root, "Unusable free memory", subtitle, &[])?;
        Self::scale(&area, canvas)?;
        let area = area.margin(canvas.px(30.0), 0, 0, 0);
        let end = self.zones.iter().flat_map(|zone| &zone.time_s).copied().fold(0.0, f64::max);
        for (panel, zone) in area.split_evenly((self.zones.len().max(1), 1)).iter().zip(&self.zones) {
            let panel = canvas.panel(panel, &format!("Zone {}", zone.zone))?;
            let orders = zone.orders.len();
            let x_ticks = seconds(end);
            let y_ticks = (0..orders).map(|order| (order as f64 + 0.5, order.to_string())).collect();
            let y = (Scale::linear(0.0, orders as f64), &y_ticks, "order");
            let plot = Plot::new(canvas, &panel, (Scale::linear(0.0, end), &x_ticks, "seconds"), y)?;
            for (i, at) in zone.time_s.iter().enumerate() {
                let next = zone.time_s.get(i + 1).copied().unwrap_or(end);
                for (order, index) in zone.orders.iter().enumerate() {
                    let (a, b) = (plot.at(*at, order as f64), plot.at(next, order as f64 + 1.0));
                    // The last snapshot has no time after it: a sliver shows it.
                    let b = (b.0.max(a.0 + canvas.px(2.0)), b.1);
                    let a = if next <= *at { (a.0 - canvas.px(2.0), a.1) } else { a };
                    let text =
                        format!("Zone {}, order {order} at {at:.3} s: {:.3}", zone.zone, index[i] as f64 / 1000.0);
                    plot.rectangle(canvas, a, b, heat(index[i] as f64 / 1000.0), text)?;
                }
            }
        }
        Ok(())
    }
}

impl Unusable {
    /// Draws what the colours mean.
    fn scale<DB: DrawingBackend>(area: &Area<DB>, canvas: &Canvas<'_>) -> Drawn {
        let (left, top, width) = (
            canvas.px(16.0) + canvas.text_width(area, "0 all of it usable", 13.0) + canvas.px(10.0),
            canvas.px(6.0),
            canvas.px(220.0),
        );
        let text = canvas.palette.text;
        canvas.text(area, "0 all of it usable", (canvas.px(16.0), top + canvas.px(7.0)), 13.0, text, HPos::Left)?;
        // Each step a pixel into the next, so that no gap shows between them.
        for step in 0..110 {
            let (a, b) = (left + width * step / 110, left + width * (step + 1) / 110 + 1);
            let colour = plotters::style::Color::filled(&heat(f64::from(step) / 109.0));
            let cell = plotters::element::Rectangle::new([(a, top), (b, top + canvas.px(14.0))], colour);
            area.draw(&cell).map_err(said)?;
        }
        canvas.text(
            area,
            "1 none of it",
            (left + width + canvas.px(10.0), top + canvas.px(7.0)),
            13.0,
            text,
            HPos::Left,
        )
    }
}
