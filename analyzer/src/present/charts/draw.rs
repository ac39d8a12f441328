//! What every chart can do with its data.

use plotters::prelude::DrawingBackend;

use super::canvas::{Area, Canvas, Drawn};

/// The data of a chart, which can be drawn; [`Chart`](super::Chart) passes every call on.
pub(super) trait Draw {
    /// Returns whether there is nothing to draw.
    fn is_empty(&self) -> bool;
    /// Returns what it shows, in a sentence for those who cannot see it.
    fn description(&self) -> String;
    /// Returns the height in CSS pixels.
    fn height(&self) -> u32;
    /// Draws the sheet, and notes what appears under the pointer.
    fn draw<DB: DrawingBackend>(&self, root: &Area<DB>, canvas: &mut Canvas<'_>) -> Drawn;
}
