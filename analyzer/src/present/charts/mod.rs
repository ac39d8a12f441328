//! Charts, drawn with plotters from plain data: as SVG, as PNG, or as SVG for an HTML page.

mod axes;
mod bars;
mod canvas;
mod chart;
mod draw;
mod free_blocks;
mod lifetime;
mod model;
mod orders;
mod rate;
mod squarify;
mod theme;
mod treemap;
mod unusable;

pub use self::{
    bars::{Bar, BarGroup, Bars},
    chart::Chart,
    free_blocks::{FreeBlocks, ZoneOverTime},
    lifetime::{LifetimeCurve, LifetimeCurves},
    model::{Model, ModelOrder, ModelZone},
    orders::Orders,
    rate::{Measure, Rate},
    theme::{Theme, css_variables},
    treemap::{Mask, TileGroup, Treemap},
    unusable::Unusable,
};
