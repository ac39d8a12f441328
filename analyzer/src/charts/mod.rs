//! Charts, drawn with plotters from plain data: as SVG, as PNG, or as SVG for an HTML page.

mod axes;
mod bars;
mod canvas;
mod free_blocks;
mod lifetime;
mod orders;
mod rate;
mod theme;
mod unusable;

use std::{path::Path, sync::Once};

use plotters::{
    backend::{BitMapBackend, SVGBackend},
    drawing::IntoDrawingArea,
    prelude::DrawingBackend,
    style::{FontStyle, register_font},
};

pub use self::{
    bars::{Bar, BarGroup, Bars},
    free_blocks::{FreeBlocks, ZoneOverTime},
    lifetime::{LifetimeCurve, LifetimeCurves},
    orders::Orders,
    rate::Rate,
    theme::{Theme, css_variables},
    unusable::Unusable,
};
use self::{
    canvas::{Canvas, Drawn, Hover, WIDTH},
    theme::Palette,
};
use crate::Error;

/// A chart: its data, which is all that it shows.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(tag = "chart", content = "data", rename_all = "snake_case")]
pub enum Chart {
    /// allocations by order and migratetype
    Orders(Orders),
    /// free blocks by order over time
    FreeBlocks(FreeBlocks),
    /// unusable index by order over time
    Unusable(Unusable),
    /// bytes per second by zone
    Rate(Rate),
    /// top call sites
    Callsites(Bars),
    /// GFP masks and bits
    Gfp(Bars),
    /// lifetimes by order
    Lifetimes(LifetimeCurves),
}

impl Chart {
    /// The names of all charts.
    pub const NAMES: [&str; 7] = ["orders", "free-blocks", "unusable", "rate", "callsites", "gfp", "lifetimes"];

    /// Its name, as given on the command line; the file is named after it.
    pub const fn name(&self) -> &'static str {
        Self::NAMES[match self {
            Self::Orders(_) => 0,
            Self::FreeBlocks(_) => 1,
            Self::Unusable(_) => 2,
            Self::Rate(_) => 3,
            Self::Callsites(_) => 4,
            Self::Gfp(_) => 5,
            Self::Lifetimes(_) => 6,
        }]
    }

    /// Whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Orders(data) => data.migratetypes.is_empty(),
            Self::FreeBlocks(data) => data.zones.is_empty(),
            Self::Unusable(data) => data.zones.is_empty(),
            Self::Rate(data) => data.zones.is_empty(),
            Self::Callsites(data) | Self::Gfp(data) => data.groups.iter().all(|group| group.bars.is_empty()),
            Self::Lifetimes(data) => data.orders.is_empty(),
        }
    }

    /// What it shows, in a sentence for those who cannot see it.
    pub fn description(&self) -> String {
        match self {
            Self::Orders(_) => "Bar chart: page allocations by order and migratetype".into(),
            Self::FreeBlocks(_) => "Line chart: free blocks by order over time, a panel for each zone".into(),
            Self::Unusable(_) => "Heat map: unusable index by order over time, a panel for each zone".into(),
            Self::Rate(_) => "Area chart: memory allocated per second, by zone".into(),
            Self::Callsites(bars) | Self::Gfp(bars) => format!("Bar chart: {}, {}", bars.title, bars.subtitle),
            Self::Lifetimes(_) => "Line chart: share of allocations freed after a time, by order".into(),
        }
    }

    /// The SVG text. With [`Theme::Css`] it is meant for an HTML page: values appear under the pointer, colours are CSS variables.
    ///
    /// # Errors
    /// [`Error::Chart`].
    pub fn svg(&self, theme: Theme) -> Result<String, Error> {
        let mut svg = String::new();
        let size = (WIDTH, self.height());
        let hovers = self.draw(SVGBackend::with_string(&mut svg, size), theme, 1.0)?;
        if theme == Theme::Css {
            // The page decides how large it is.
            svg = svg.replacen(&format!("width=\"{}\" height=\"{}\"", size.0, size.1), "", 1);
        }
        let style = format!("<svg role=\"img\" aria-label=\"{}\" ", escape(&self.description()));
        let svg = svg.replacen("<svg ", &style, 1).replace("font-family=\"sans-serif\"", "font-family=\"system-ui, DejaVu Sans, sans-serif\"");
        let hovers: String = hovers.iter().map(hover_element).collect();
        let svg = svg.replacen("</svg>", &format!("{hovers}</svg>"), 1);
        Ok(if theme == Theme::Css { theme::to_css(svg) } else { svg })
    }

    /// Writes a PNG file of twice the size, so that it is sharp on any screen.
    ///
    /// # Errors
    /// [`Error::Chart`].
    pub fn write_png(&self, path: &Path, theme: Theme) -> Result<(), Error> {
        let scale = 2;
        let backend = BitMapBackend::new(path, (WIDTH * scale, self.height() * scale));
        self.draw(backend, theme, f64::from(scale)).map(|_hovers| ())
    }

    fn height(&self) -> u32 {
        match self {
            Self::Orders(_) | Self::Rate(_) | Self::Lifetimes(_) => 420,
            Self::FreeBlocks(data) => 120 + 240 * data.zones.len().max(1) as u32,
            Self::Unusable(data) => 100 + 250 * data.zones.len().max(1) as u32,
            Self::Callsites(bars) | Self::Gfp(bars) => bars.height(),
        }
    }

    fn draw<DB: DrawingBackend>(&self, backend: DB, theme: Theme, scale: f64) -> Result<Vec<Hover>, Error> {
        static FONT: Once = Once::new();
        FONT.call_once(|| {
            // A machine may have no font at all; this one is a part of the program.
            let _registered = register_font("sans-serif", FontStyle::Normal, include_bytes!("font/DejaVuSans-subset.ttf"));
        });
        let palette = Palette::of(theme);
        let mut canvas = Canvas { palette: &palette, scale, hovers: Vec::new() };
        let root = backend.into_drawing_area();
        let draw = |canvas: &mut Canvas<'_>| -> Drawn {
            match self {
                Self::Orders(data) => data.draw(&root, canvas),
                Self::FreeBlocks(data) => data.draw(&root, canvas),
                Self::Unusable(data) => data.draw(&root, canvas),
                Self::Rate(data) => data.draw(&root, canvas),
                Self::Callsites(data) | Self::Gfp(data) => data.draw(&root, canvas),
                Self::Lifetimes(data) => data.draw(&root, canvas),
            }?;
            root.present().map_err(canvas::said)
        };
        draw(&mut canvas).map_err(|reason| Error::Chart { chart: self.name(), reason })?;
        Ok(canvas.hovers)
    }
}

fn hover_element(hover: &Hover) -> String {
    let Hover { from, to, text } = hover;
    let (width, height) = ((to.0 - from.0).max(1), (to.1 - from.1).max(1));
    let text = escape(text);
    format!(
        "<rect x=\"{}\" y=\"{}\" width=\"{width}\" height=\"{height}\" class=\"hover\" fill=\"none\" pointer-events=\"all\"><title>{text}</title></rect>\n",
        from.0, from.1
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
