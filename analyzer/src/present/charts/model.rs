//! The free blocks of a model beside the machine's: a small chart for each order, a row of them per zone.

use plotters::{prelude::DrawingBackend, style::text_anchor::HPos};

use super::{
    axes::{Plot, Scale},
    canvas::{Area, Canvas, Drawn},
    draw::Draw,
};
use crate::units;

/// The zones of a replay.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Model {
    /// whose rules the model follows
    pub policy: String,
    /// the zones
    pub zones: Vec<ModelZone>,
}

/// One zone, by order and time.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct ModelZone {
    /// its name
    pub zone: String,
    /// seconds since the start of the trace
    pub time_s: Vec<f64>,
    /// the orders
    pub orders: Vec<ModelOrder>,
}

/// Free blocks of one order, at each time.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct ModelOrder {
    /// on the machine
    pub machine: Vec<u64>,
    /// in the model
    pub model: Vec<u64>,
    /// in the null model, whose free blocks never change
    pub null_model: u64,
}

/// Small charts beside one another.
const COLUMNS: usize = 6;
/// Height of a small chart, and of a zone's name with the space around it.
const PANEL: u32 = 150;
const ZONE_TITLE: u32 = 30;

impl ModelZone {
    /// Rows of small charts: none for a zone in which nothing ever changed.
    fn rows(&self) -> usize {
        let moved =
            |order: &ModelOrder| order.machine.iter().chain(&order.model).any(|blocks| *blocks != order.null_model);
        if self.orders.iter().any(moved) { self.orders.len().div_ceil(COLUMNS) } else { 0 }
    }

    fn height(&self) -> u32 {
        ZONE_TITLE + self.rows() as u32 * PANEL
    }
}

impl Draw for Model {
    fn is_empty(&self) -> bool {
        self.zones.iter().all(|zone| zone.time_s.is_empty() || zone.orders.is_empty())
    }

    fn description(&self) -> String {
        "Line charts: free blocks over time on the machine, in the model and in the null model, one for each zone and order".into()
    }

    fn height(&self) -> u32 {
        110 + self.zones.iter().map(ModelZone::height).sum::<u32>()
    }

    fn draw<DB: DrawingBackend>(&self, root: &Area<DB>, canvas: &mut Canvas<'_>) -> Drawn {
        let palette = canvas.palette;
        let legend = [
            ("machine", palette.series(0)),
            (&*format!("model {}", self.policy), palette.series(3)),
            ("null model", palette.muted),
        ];
        let legend = legend.map(|(name, colour)| (name.to_owned(), colour));
        let subtitle = "free blocks over time (seconds), by zone and order; each order has a scale of its own";
        let area = canvas.sheet(root, "Model against machine", subtitle, &legend)?;
        let end = self.zones.iter().flat_map(|zone| &zone.time_s).copied().fold(0.0, f64::max);
        let mut rest = area;
        for zone in &self.zones {
            let (of_zone, below) = rest.split_vertically(canvas.px(f64::from(zone.height())));
            rest = below;
            if zone.rows() == 0 {
                canvas.panel(
                    &of_zone,
                    &format!("Zone {}: no free block came or went, neither on the machine nor in the model", zone.zone),
                )?;
                continue;
            }
            let panels = canvas.panel(&of_zone, &format!("Zone {}", zone.zone))?.split_evenly((zone.rows(), COLUMNS));
            for ((number, order), panel) in zone.orders.iter().enumerate().zip(&panels) {
                draw_order(canvas, panel, zone, (number, order), end)?;
            }
        }
        Ok(())
    }
}

fn draw_order<DB: DrawingBackend>(
    canvas: &mut Canvas<'_>,
    panel: &Area<DB>,
    zone: &ModelZone,
    (number, order): (usize, &ModelOrder),
    end: f64,
) -> Drawn {
    canvas.text(
        panel,
        &format!("order {number}"),
        (canvas.px(8.0), canvas.px(12.0)),
        13.0,
        canvas.palette.muted,
        HPos::Left,
    )?;
    let panel = panel.margin(canvas.px(20.0), 0, 0, 0);
    let values = || order.machine.iter().chain(&order.model).chain(std::iter::once(&order.null_model)).copied();
    let (least, most) = (values().min().unwrap_or(0), values().max().unwrap_or(0));
    // Room above and below, so that a line that does not move lies in the middle.
    let margin = ((most - least) as f64 * 0.1).max(1.0);
    let y = Scale::linear((least as f64 - margin).max(0.0), most as f64 + margin);
    let label = |blocks: u64| (blocks as f64, units::count(blocks.cast_signed()));
    let y_ticks = if most == least { vec![label(least)] } else { vec![label(least), label(most)] };
    let x_ticks = vec![(0.0, "0".to_owned()), (end, format!("{end:.0}"))];
    let plot = Plot::new(canvas, &panel, (Scale::linear(0.0, end), &x_ticks, ""), (y, &y_ticks, ""))?;
    let (machine, model, null) = (canvas.palette.series(0), canvas.palette.series(3), canvas.palette.muted);
    let over_time = |blocks: &[u64]| {
        zone.time_s.iter().copied().zip(blocks.iter().map(|blocks| *blocks as f64)).collect::<Vec<_>>()
    };
    // The machine's line is the widest: where the others lie upon it, it is still seen.
    plot.line(over_time(&order.machine).into_iter(), machine, canvas.px(4.0) as u32)?;
    let from_to = zone.time_s.first().into_iter().chain(zone.time_s.last());
    plot.line(from_to.map(|at| (*at, order.null_model as f64)), null, canvas.px(1.0) as u32)?;
    plot.line(over_time(&order.model).into_iter(), model, canvas.px(1.5) as u32)?;
    for (i, at) in zone.time_s.iter().enumerate() {
        // Half of the way to either neighbour.
        let between = |other: Option<&f64>| other.map_or(*at, |other| f64::midpoint(*at, *other));
        let (from, to) =
            (between(i.checked_sub(1).and_then(|before| zone.time_s.get(before))), between(zone.time_s.get(i + 1)));
        let count = |blocks: u64| units::count(blocks.cast_signed());
        let text = format!(
            "Zone {}, order {number} at {at:.3} s\nmachine: {}\nmodel: {}\nnull model: {}",
            zone.zone,
            count(order.machine[i]),
            count(order.model[i]),
            count(order.null_model)
        );
        plot.hover(canvas, (plot.at_x(from), plot.top), (plot.at_x(to).max(plot.at_x(from) + 1), plot.bottom), text);
    }
    Ok(())
}
