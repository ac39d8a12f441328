//! How many allocations of each order have been freed after how long.

use plotters::prelude::DrawingBackend;

use super::{
    axes::{Plot, Scale, decades},
    canvas::{Area, Canvas, Drawn},
    draw::Draw,
};
use crate::units;

/// The distribution of lifetimes of each order.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct LifetimeCurves {
    /// the orders that have any
    pub orders: Vec<LifetimeCurve>,
}

/// One order.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct LifetimeCurve {
    /// the order
    pub order: u8,
    /// allocations that were freed
    pub freed: u64,
    /// ns, and the share of `freed` that did not live longer
    pub points: Vec<(u64, f64)>,
}

impl Draw for LifetimeCurves {
    fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    fn description(&self) -> String {
        "Line chart: share of allocations freed after a time, by order".into()
    }

    fn height(&self) -> u32 {
        420
    }

    fn draw<DB: DrawingBackend>(&self, root: &Area<DB>, canvas: &mut Canvas<'_>) -> Drawn {
        let legend: Vec<_> = self
            .orders
            .iter()
            .map(|curve| (format!("order {}", curve.order), canvas.palette.order(usize::from(curve.order))))
            .collect();
        let subtitle = "share of the freed allocations of an order that had been freed after this time";
        let area = canvas.sheet(root, "Lifetimes by order", subtitle, &legend)?;
        let times = || self.orders.iter().flat_map(|curve| &curve.points).map(|(ns, _)| (*ns).max(1) as f64);
        let from = 10_f64.powf(times().fold(f64::MAX, f64::min).clamp(1.0, 1e9).log10().floor());
        let to = 10_f64.powf(times().fold(from * 10.0, f64::max).log10().ceil());
        let x_ticks = decades(from, to, 12, |ns| units::duration(ns).replace(".00", "").replace(".0", ""));
        let y_ticks = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| (share, format!("{} %", share * 100.0))).to_vec();
        let x = (Scale::log(from, to), &x_ticks, "lifetime (logarithmic)");
        let plot = Plot::new(canvas, &area, x, (Scale::linear(0.0, 1.0), &y_ticks, "freed"))?;
        for curve in &self.orders {
            let start = curve.points.first().map(|(ns, _)| ((*ns).max(1) as f64, 0.0));
            let points = start.into_iter().chain(curve.points.iter().map(|(ns, share)| ((*ns).max(1) as f64, *share)));
            plot.line(points, canvas.palette.order(usize::from(curve.order)), canvas.px(2.0) as u32)?;
        }
        let steps = 60;
        for step in 0..steps {
            let at = |step: i32| from * (to / from).powf(f64::from(step) / f64::from(steps));
            let share = |curve: &LifetimeCurve| {
                curve.points.iter().rev().find(|(ns, _)| *ns as f64 <= at(step)).map_or(0.0, |(_, share)| *share)
            };
            let list: Vec<_> = self
                .orders
                .iter()
                .map(|curve| format!("order {}: {:.1} %", curve.order, share(curve) * 100.0))
                .collect();
            let text = format!("freed after {}\n{}", units::duration(at(step)), list.join("\n"));
            plot.hover(canvas, (plot.at_x(at(step)), plot.top), (plot.at_x(at(step + 1)), plot.bottom), text);
        }
        Ok(())
    }
}
