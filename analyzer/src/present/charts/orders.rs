//! How many allocations of each order, by the migratetype that was asked for.

use plotters::prelude::DrawingBackend;

use super::{
    axes::{Plot, Scale, decades},
    canvas::{Area, Canvas, Drawn},
    draw::Draw,
};
use crate::units;

/// Allocations by migratetype and order.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Orders {
    /// name of the migratetype, and allocations by order
    pub migratetypes: Vec<(String, Vec<u64>)>,
}

impl Draw for Orders {
    fn is_empty(&self) -> bool {
        self.migratetypes.is_empty()
    }

    fn description(&self) -> String {
        "Bar chart: page allocations by order and migratetype".into()
    }

    fn height(&self) -> u32 {
        420
    }

    fn draw<DB: DrawingBackend>(&self, root: &Area<DB>, canvas: &mut Canvas<'_>) -> Drawn {
        let legend: Vec<_> = self
            .migratetypes
            .iter()
            .enumerate()
            .map(|(i, (name, _))| (name.clone(), canvas.palette.series(i)))
            .collect();
        let area = canvas.sheet(
            root,
            "Allocations by order",
            "page allocations of each order, by the migratetype asked for; logarithmic",
            &legend,
        )?;
        let orders = self.migratetypes.iter().map(|(_, counts)| counts.len()).max().unwrap_or(0);
        let most = self.migratetypes.iter().flat_map(|(_, counts)| counts).copied().max().unwrap_or(0) as f64;
        let x_ticks = (0..orders).map(|order| (order as f64 + 0.5, order.to_string())).collect();
        // Half a decade below one, so that a bar of one allocation can be seen.
        let y = Scale::log(0.5, 10_f64.powf(most.max(10.0).log10().ceil()));
        let y_ticks = decades(1.0, y.to, 6, units::short);
        let x = (Scale::linear(0.0, orders as f64), &x_ticks, "order (2ⁿ pages)");
        let plot = Plot::new(canvas, &area, x, (y, &y_ticks, "allocations"))?;
        let count = self.migratetypes.len().max(1) as f64;
        for (i, (name, counts)) in self.migratetypes.iter().enumerate() {
            for (order, allocations) in counts.iter().enumerate().filter(|(_, allocations)| **allocations > 0) {
                let start = order as f64 + 0.1 + 0.8 * i as f64 / count;
                let (a, b) = (plot.at(start, *allocations as f64), plot.at(start + 0.8 / count, y.from));
                let text = format!("order {order}, {name}: {} allocations", units::count(allocations.cast_signed()));
                plot.rectangle(canvas, a, (b.0 - canvas.px(1.0), b.1), canvas.palette.series(i), text)?;
            }
        }
        Ok(())
    }
}
