//! The colours and styles of the live view.

use std::borrow::Cow;

use ratatui::{
    style::{Color, Modifier, Style},
    text::Span,
};

/// The styles of the view. There are few colours, each with a meaning. Without colours, words and signs carry the same
/// information.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    colour: bool,
}

impl Theme {
    /// Returns styles with or without colours.
    pub const fn new(colour: bool) -> Self {
        Self { colour }
    }

    fn style(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    /// Returns the style of emphasised text: keys and bars.
    pub(super) fn accent_style(self) -> Style {
        self.style(Color::Cyan)
    }

    /// Returns the style of less important text: labels and explanations.
    pub(super) fn dim_style(self) -> Style {
        if self.colour { Style::new().fg(Color::DarkGray) } else { Style::new() }
    }

    /// Returns the style of a share in 1/1000, from good to bad.
    pub(super) fn grade_style(self, permille: u64) -> Style {
        self.style(match permille {
            0..250 => Color::Green,
            250..750 => Color::Yellow,
            _ => Color::Red,
        })
    }

    /// Returns the style of warnings.
    pub(super) fn warning_style(self) -> Style {
        self.style(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// Returns the style of the selected row and of the name of the table that is shown.
    pub(super) fn selected_style() -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Returns the style of headings.
    pub(super) fn heading_style() -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Returns an emphasised text.
    pub(super) fn accent<'a>(self, text: impl Into<Cow<'a, str>>) -> Span<'a> {
        Span::styled(text, self.accent_style())
    }

    /// Returns a less important text.
    pub(super) fn dim<'a>(self, text: impl Into<Cow<'a, str>>) -> Span<'a> {
        Span::styled(text, self.dim_style())
    }

    /// Returns a heading.
    pub(super) fn heading<'a>(text: impl Into<Cow<'a, str>>) -> Span<'a> {
        Span::styled(text, Self::heading_style())
    }

    /// Returns a warning.
    pub(super) fn warning<'a>(self, text: impl Into<Cow<'a, str>>) -> Span<'a> {
        Span::styled(text, self.warning_style())
    }
}
