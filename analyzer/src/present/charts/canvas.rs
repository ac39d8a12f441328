//! What all charts share: the sheet with title, legend and panels, the axes, and the values that appear under the
//! pointer.

use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::theme::Palette;

/// Width of every chart in CSS pixels.
pub(crate) const WIDTH: u32 = 960;

/// A rectangle that shows a text under the pointer, in pixels of the backend.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hover {
    pub from: (i32, i32),
    pub to: (i32, i32),
    pub text: String,
}

/// The surface that a chart is drawn on.
pub(crate) struct Canvas<'a> {
    pub palette: &'a Palette,
    /// pixels of the backend per CSS pixel
    pub scale: f64,
    pub hovers: Vec<Hover>,
}

/// The result of drawing. plotters' errors differ from backend to backend, so they are turned into sentences.
pub(crate) type Drawn<T = ()> = Result<T, String>;
pub(crate) type Area<DB> = DrawingArea<DB, Shift>;

/// Turns an error into a sentence, for `map_err`.
pub(crate) fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Height of title and subtitle.
const TITLE: f64 = 62.0;
/// Height of one line of the legend.
const LEGEND_LINE: f64 = 22.0;

impl Canvas<'_> {
    /// Converts CSS pixels into pixels of the backend.
    pub fn px(&self, css: f64) -> i32 {
        (css * self.scale).round() as i32
    }

    /// Returns the style of a text, `css` pixels high.
    pub fn font(&self, css: f64, colour: RGBColor) -> TextStyle<'static> {
        TextStyle { color: colour.to_backend_color(), ..TextStyle::from(("sans-serif", css * self.scale).into_font()) }
    }

    /// Returns how wide a text is, in pixels of the backend.
    pub fn text_width<DB: DrawingBackend>(&self, area: &Area<DB>, text: &str, css: f64) -> i32 {
        area.estimate_text_size(text, &self.font(css, self.palette.text)).map_or(0, |(width, _)| width.cast_signed())
    }

    /// Writes a text whose middle is at a height in pixels.
    pub fn text<DB: DrawingBackend>(
        &self,
        area: &Area<DB>,
        text: &str,
        at: (i32, i32),
        css: f64,
        colour: RGBColor,
        hpos: HPos,
    ) -> Drawn {
        let style = self.font(css, colour).pos(Pos::new(hpos, VPos::Center));
        // plotters centres the box of the font; the letters in it sit a little higher.
        let at = (at.0, at.1 + self.px(css * 0.1));
        area.draw(&Text::new(text.to_owned(), at, style)).map_err(said)
    }

    /// Fills the background, writes title, subtitle and legend, and returns what is left.
    pub fn sheet<DB: DrawingBackend>(
        &self,
        root: &Area<DB>,
        title: &str,
        subtitle: &str,
        legend: &[(String, RGBColor)],
    ) -> Drawn<Area<DB>> {
        root.fill(&self.palette.background).map_err(said)?;
        let left = self.px(16.0);
        self.text(root, title, (left, self.px(22.0)), 20.0, self.palette.text, HPos::Left)?;
        self.text(root, subtitle, (left, self.px(46.0)), 13.5, self.palette.muted, HPos::Left)?;
        let (mut x, mut y) = (left, self.px(TITLE + LEGEND_LINE / 2.0));
        for (label, colour) in legend {
            let width = self.px(18.0) + self.text_width(root, label, 13.0) + self.px(18.0);
            if x > left && x + width > self.px(f64::from(WIDTH)) {
                (x, y) = (left, y + self.px(LEGEND_LINE));
            }
            let half = self.px(6.0);
            root.draw(&Rectangle::new([(x, y - half), (x + 2 * half, y + half)], colour.filled())).map_err(said)?;
            self.text(root, label, (x + self.px(18.0), y), 13.0, self.palette.text, HPos::Left)?;
            x += width;
        }
        let used = if legend.is_empty() { self.px(TITLE) } else { y + self.px(LEGEND_LINE / 2.0 + 4.0) };
        Ok(root.margin(used, self.px(8.0), self.px(8.0), self.px(20.0)))
    }

    /// Writes what a panel shows above it, and returns the rest of the panel.
    pub fn panel<DB: DrawingBackend>(&self, area: &Area<DB>, title: &str) -> Drawn<Area<DB>> {
        self.text(area, title, (self.px(8.0), self.px(12.0)), 14.5, self.palette.text, HPos::Left)?;
        Ok(area.margin(self.px(22.0), 0, 0, 0))
    }

    /// Adds a value that appears under the pointer between two points of the chart, in pixels.
    pub fn hover(&mut self, a: (i32, i32), b: (i32, i32), text: String) {
        let (from, to) = ((a.0.min(b.0), a.1.min(b.1)), (a.0.max(b.0), a.1.max(b.1)));
        self.hovers.push(Hover { from, to, text });
    }
}

/// Returns round positions for about `count` ticks from 0 to `end`: steps of 1, 2 or 5 times a power of ten.
pub(crate) fn ticks(end: f64, count: usize) -> Vec<f64> {
    if end <= 0.0 {
        return vec![0.0];
    }
    let least = end / count as f64;
    let power = 10_f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= least * 0.999)
        .unwrap_or(power * 10.0);
    (0..=(end * 1.0001 / step) as u32).map(|i| f64::from(i) * step).collect()
}

/// Returns ticks for an axis of seconds, labelled with as many decimals as they need.
pub(crate) fn seconds(end: f64) -> Vec<(f64, String)> {
    let ticks = ticks(end, 10);
    let step = ticks.get(1).copied().unwrap_or(1.0);
    let decimals = if step >= 1.0 { 0 } else { (-step.log10()).ceil() as usize };
    ticks.into_iter().map(|at| (at, format!("{at:.decimals$}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_stay_within() {
        assert_eq!(ticks(10.0, 5), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks(0.0, 5), [0.0]);
        let odd = ticks(7.3, 4);
        assert_eq!(odd, [0.0, 2.0, 4.0, 6.0]);
        assert_eq!(seconds(3.0).last(), Some(&(3.0, "3.0".to_owned())), "steps of a half");
        assert_eq!(seconds(9.0).last(), Some(&(9.0, "9".to_owned())));
    }
}
