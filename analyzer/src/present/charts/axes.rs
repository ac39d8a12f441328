//! Axes drawn by hand: plotters' own place labels where they collide, and cannot give each panel the room that its
//! labels need.

use plotters::{prelude::*, style::text_anchor::HPos};

use super::canvas::{Area, Canvas, Drawn, said};

/// Maps values to pixels, linearly or by logarithm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    pub from: f64,
    pub to: f64,
    pub log: bool,
}

impl Scale {
    pub fn linear(from: f64, to: f64) -> Self {
        Self { from, to: if to > from { to } else { from + 1.0 }, log: false }
    }

    pub fn log(from: f64, to: f64) -> Self {
        Self { from, to: to.max(from * 10.0), log: true }
    }

    /// Returns where a value is: 0 at `from`, 1 at `to`.
    pub fn place(&self, value: f64) -> f64 {
        let f = |x: f64| if self.log { x.max(f64::MIN_POSITIVE).ln() } else { x };
        ((f(value) - f(self.from)) / (f(self.to) - f(self.from))).clamp(0.0, 1.0)
    }
}

/// The rectangle that data is drawn in, with its scales.
pub(crate) struct Plot<'a, DB: DrawingBackend> {
    pub area: &'a Area<DB>,
    pub left: i32,
    pub right: i32,
    pub top: i32,
    pub bottom: i32,
    pub x: Scale,
    pub y: Scale,
}

/// Values and their labels on an axis.
pub(crate) type Ticks = Vec<(f64, String)>;

impl<'a, DB: DrawingBackend> Plot<'a, DB> {
    /// Draws grid lines, tick labels and what the axes mean; leaves as much room at the left as the labels need.
    pub fn new(
        canvas: &Canvas<'_>,
        area: &'a Area<DB>,
        (x, x_ticks, x_title): (Scale, &Ticks, &str),
        (y, y_ticks, y_title): (Scale, &Ticks, &str),
    ) -> Drawn<Self> {
        let (width, height) = (area.dim_in_pixel().0.cast_signed(), area.dim_in_pixel().1.cast_signed());
        let widest = y_ticks.iter().map(|(_, label)| canvas.text_width(area, label, 12.5)).max().unwrap_or(0);
        let left = widest + canvas.px(if y_title.is_empty() { 18.0 } else { 40.0 });
        let bottom = height - canvas.px(if x_title.is_empty() { 24.0 } else { 44.0 });
        let plot = Self { area, left, right: width - canvas.px(18.0), top: canvas.px(8.0), bottom, x, y };
        let palette = canvas.palette;
        for (value, label) in y_ticks {
            let at = plot.at_y(*value);
            area.draw(&PathElement::new([(plot.left, at), (plot.right, at)], palette.grid)).map_err(said)?;
            canvas.text(area, label, (plot.left - canvas.px(8.0), at), 12.5, palette.muted, HPos::Right)?;
        }
        for (value, label) in x_ticks {
            let at = plot.at_x(*value);
            area.draw(&PathElement::new([(at, plot.bottom), (at, plot.bottom + canvas.px(5.0))], palette.muted))
                .map_err(said)?;
            canvas.text(area, label, (at, plot.bottom + canvas.px(15.0)), 12.5, palette.muted, HPos::Center)?;
        }
        area.draw(&PathElement::new([(plot.left, plot.bottom), (plot.right, plot.bottom)], palette.muted))
            .map_err(said)?;
        if !x_title.is_empty() {
            let at = (i32::midpoint(plot.left, plot.right), plot.bottom + canvas.px(34.0));
            canvas.text(area, x_title, at, 13.0, palette.muted, HPos::Center)?;
        }
        if !y_title.is_empty() {
            let style = canvas.font(13.0, palette.muted).transform(FontTransform::Rotate270);
            let style = style
                .pos(plotters::style::text_anchor::Pos::new(HPos::Center, plotters::style::text_anchor::VPos::Center));
            area.draw(&Text::new(y_title.to_owned(), (canvas.px(12.0), i32::midpoint(plot.top, plot.bottom)), style))
                .map_err(said)?;
        }
        Ok(plot)
    }

    pub fn at_x(&self, value: f64) -> i32 {
        self.left + (self.x.place(value) * f64::from(self.right - self.left)).round() as i32
    }

    pub fn at_y(&self, value: f64) -> i32 {
        self.bottom - (self.y.place(value) * f64::from(self.bottom - self.top)).round() as i32
    }

    pub fn at(&self, x: f64, y: f64) -> (i32, i32) {
        (self.at_x(x), self.at_y(y))
    }

    /// Draws a filled rectangle between two points in pixels, and what it says under the pointer.
    pub fn rectangle(
        &self,
        canvas: &mut Canvas<'_>,
        a: (i32, i32),
        b: (i32, i32),
        colour: RGBColor,
        text: String,
    ) -> Drawn {
        self.area.draw(&Rectangle::new([a, b], colour.filled())).map_err(said)?;
        self.hover(canvas, a, b, text);
        Ok(())
    }

    /// Adds a value that appears under the pointer between two points in pixels of this plot.
    pub fn hover(&self, canvas: &mut Canvas<'_>, a: (i32, i32), b: (i32, i32), text: String) {
        let (dx, dy) = self.area.get_base_pixel();
        canvas.hover((a.0 + dx, a.1 + dy), (b.0 + dx, b.1 + dy), text);
    }

    /// Draws a line through points in values.
    pub fn line(&self, points: impl Iterator<Item = (f64, f64)>, colour: RGBColor, width: u32) -> Drawn {
        let points: Vec<_> = points.map(|(x, y)| self.at(x, y)).collect();
        self.area.draw(&PathElement::new(points, colour.stroke_width(width))).map_err(said)
    }
}

/// Returns powers of ten for a logarithmic axis, thinned to at most `count`; on a short axis twice and five times of
/// them, too.
pub(crate) fn decades(from: f64, to: f64, count: usize, label: impl Fn(f64) -> String) -> Ticks {
    let (low, high) = (from.log10().floor() as i32, to.log10().ceil() as i32);
    let step = ((high - low) as usize).div_ceil(count).max(1);
    let between: &[f64] = if high - low <= 1 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    (low..=high)
        .step_by(step)
        .flat_map(|power| between.iter().map(move |factor| factor * 10_f64.powi(power)))
        .filter(|value| *value >= from * 0.999 && *value <= to * 1.001)
        .map(|value| (value, label(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logarithmic_axis_has_neither_too_many_ticks_nor_too_few() {
        let values =
            |from, to| decades(from, to, 5, |_| String::new()).into_iter().map(|(value, _)| value).collect::<Vec<_>>();
        assert_eq!(values(1.0, 6.5), [1.0, 2.0, 5.0]);
        assert_eq!(values(1.0, 2000.0), [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(values(1.0, 1e9), [1.0, 1e2, 1e4, 1e6, 1e8]);
    }
}
