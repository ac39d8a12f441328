//! Free blocks by order over time, a panel per zone.

use plotters::prelude::DrawingBackend;

use super::{
    axes::{Plot, Scale, decades},
    canvas::{Area, Canvas, Drawn, seconds},
    draw::Draw,
};
use crate::units;

/// What one zone had over time.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct ZoneOverTime<T> {
    /// name of the zone
    pub zone: String,
    /// seconds since the start
    pub time_s: Vec<f64>,
    /// by order, then by time
    pub orders: Vec<Vec<T>>,
}

/// Free blocks of each zone.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct FreeBlocks {
    /// the zones, each a panel
    pub zones: Vec<ZoneOverTime<u64>>,
}

impl Draw for FreeBlocks {
    fn is_empty(&self) -> bool {
        self.zones.is_empty()
    }

    fn description(&self) -> String {
        "Line chart: free blocks by order over time, a panel for each zone".into()
    }

    fn height(&self) -> u32 {
        120 + 240 * self.zones.len().max(1) as u32
    }

    fn draw<DB: DrawingBackend>(&self, root: &Area<DB>, canvas: &mut Canvas<'_>) -> Drawn {
        let orders = self.zones.iter().map(|zone| zone.orders.len()).max().unwrap_or(0);
        let legend: Vec<_> = (0..orders).map(|order| (format!("order {order}"), canvas.palette.order(order))).collect();
        let area = canvas.sheet(
            root,
            "Free blocks by order",
            "free blocks in /proc/buddyinfo over time; logarithmic",
            &legend,
        )?;
        let end = self.zones.iter().flat_map(|zone| &zone.time_s).copied().fold(0.0, f64::max);
        for (panel, zone) in area.split_evenly((self.zones.len().max(1), 1)).iter().zip(&self.zones) {
            let panel = canvas.panel(panel, &format!("Zone {}", zone.zone))?;
            let most = zone.orders.iter().flatten().copied().max().unwrap_or(0) as f64;
            let x_ticks = seconds(end);
            let least = zone.orders.iter().flatten().copied().min().unwrap_or(0);
            // No block at all has no place on a logarithmic axis: the floor stands for it.
            let from = if least == 0 { 0.5 } else { 10_f64.powf((least as f64).log10().floor()) };
            let y = Scale::log(from, most.max(from * 10.0) * 1.3);
            let mut y_ticks = decades(from.max(1.0), y.to, 5, units::short);
            if least == 0 {
                y_ticks.push((from, "0".to_owned()));
            }
            let plot = Plot::new(
                canvas,
                &panel,
                (Scale::linear(0.0, end), &x_ticks, "seconds"),
                (y, &y_ticks, "free blocks"),
            )?;
            for (order, blocks) in zone.orders.iter().enumerate() {
                let colour = canvas.palette.order(order);
                plot.line(
                    zone.time_s.iter().zip(blocks).map(|(at, blocks)| (*at, (*blocks as f64).max(y.from))),
                    colour,
                    canvas.px(2.0) as u32,
                )?;
            }
            for (i, at) in zone.time_s.iter().enumerate() {
                let list: Vec<_> = zone
                    .orders
                    .iter()
                    .enumerate()
                    .map(|(order, blocks)| format!("order {order}: {}", units::count(blocks[i].cast_signed())))
                    .collect();
                let text = format!("Zone {} at {at:.3} s\n{}", zone.zone, list.join("\n"));
                let (left, right) =
                    (plot.at_x(*at), zone.time_s.get(i + 1).map_or(plot.right, |next| plot.at_x(*next)));
                plot.hover(canvas, (left, plot.top), (right, plot.bottom), text);
            }
        }
        Ok(())
    }
}
