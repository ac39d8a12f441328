//! All charts as one type, and the files that they are drawn into.

use std::{fs::File, io::BufWriter, path::Path, sync::Once};

use plotters::{
    backend::{BitMapBackend, SVGBackend},
    drawing::IntoDrawingArea,
    prelude::DrawingBackend,
    style::{FontStyle, register_font},
};
use png::{ColorType, Encoder, EncodingError};

use super::{
    bars::Bars,
    canvas::{self, Area, Canvas, Drawn, Hover, WIDTH},
    draw::Draw as _,
    free_blocks::FreeBlocks,
    lifetime::LifetimeCurves,
    model::Model,
    orders::Orders,
    rate::Rate,
    theme::{self, Palette, Theme},
    treemap::Treemap,
    unusable::Unusable,
};
use crate::Error;

macro_rules! charts {
    ($($chart:ident $data:ident $name:literal #[doc = $doc:literal])*) => {
        /// A chart: its data, which is all that it shows.
        #[derive(Debug, Clone, PartialEq, serde::Serialize)]
        #[serde(tag = "chart", content = "data", rename_all = "snake_case")]
        pub enum Chart {
            $( #[doc = $doc] $chart($data), )*
        }

        impl Chart {
            /// The names of all charts.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// Returns the name, as given on the command line; the file is named after it.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$chart(_) => $name),* }
            }

            /// Returns whether there is nothing to draw.
            pub fn is_empty(&self) -> bool {
                match self { $(Self::$chart(data) => data.is_empty()),* }
            }

            /// Returns what it shows, in a sentence for those who cannot see it.
            pub fn description(&self) -> String {
                match self { $(Self::$chart(data) => data.description()),* }
            }

            fn height(&self) -> u32 {
                match self { $(Self::$chart(data) => data.height()),* }
            }

            fn draw_on<DB: DrawingBackend>(&self, root: &Area<DB>, canvas: &mut Canvas<'_>) -> Drawn {
                match self { $(Self::$chart(data) => data.draw(root, canvas)),* }
            }
        }
    };
}

// A new chart is a file with its data and its `Draw`, and a line here.
charts! {
    Orders Orders "orders" /// allocations by order and migratetype
    FreeBlocks FreeBlocks "free-blocks" /// free blocks by order over time
    Unusable Unusable "unusable" /// unusable index by order over time
    Rate Rate "rate" /// bytes per second by zone
    Live Rate "live" /// bytes live over time, by zone
    Callsites Bars "callsites" /// top call sites
    Treemap Treemap "treemap" /// bytes by GFP mask
    Gfp Bars "gfp" /// GFP masks and bits
    Lifetimes LifetimeCurves "lifetimes" /// lifetimes by order
    Model Model "model" /// free blocks of a replay's model beside the machine's
}

impl Chart {
    /// Returns the SVG text. With [`Theme::Css`] it is meant for an HTML page: values appear under the pointer, colours
    /// are CSS variables.
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
        let svg = svg
            .replacen("<svg ", &style, 1)
            .replace("font-family=\"sans-serif\"", "font-family=\"system-ui, DejaVu Sans, sans-serif\"");
        let hovers: String = hovers.iter().map(hover_element).collect();
        // Scaled to a page, tiles side by side would show the background between them.
        let svg = svg.replacen(">\n", ">\n<style>rect { shape-rendering: crispEdges; }</style>\n", 1);
        let svg = svg.replacen("</svg>", &format!("{hovers}</svg>"), 1);
        Ok(if theme == Theme::Css { theme::to_css(svg) } else { svg })
    }

    /// Writes a PNG file of twice the size, so that it is sharp on any screen.
    ///
    /// # Errors
    /// [`Error::Chart`].
    pub fn write_png(&self, path: &Path, theme: Theme) -> Result<(), Error> {
        let scale = 2;
        let (width, height) = (WIDTH * scale, self.height() * scale);
        let mut pixels = vec![0; (width * height * 3) as usize];
        self.draw(BitMapBackend::with_buffer(&mut pixels, (width, height)), theme, f64::from(scale))?;
        let write = || {
            let mut encoder = Encoder::new(BufWriter::new(File::create(path)?), width, height);
            encoder.set_color(ColorType::Rgb);
            encoder.write_header()?.write_image_data(&pixels)
        };
        write().map_err(|error: EncodingError| Error::Chart { chart: self.name(), reason: error.to_string() })
    }

    fn draw<DB: DrawingBackend>(&self, backend: DB, theme: Theme, scale: f64) -> Result<Vec<Hover>, Error> {
        static FONT: Once = Once::new();
        FONT.call_once(|| {
            // A machine may have no font at all; this one is a part of the program.
            let _registered =
                register_font("sans-serif", FontStyle::Normal, include_bytes!("font/DejaVuSans-subset.ttf"));
        });
        let palette = Palette::of(theme);
        let mut canvas = Canvas { palette: &palette, scale, hovers: Vec::new() };
        let root = backend.into_drawing_area();
        let draw = |canvas: &mut Canvas<'_>| -> Drawn {
            self.draw_on(&root, canvas)?;
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
