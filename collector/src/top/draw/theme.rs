//! Colours.

use std::borrow::Cow;

use ratatui::{
    style::{Color, Modifier, Style},
    text::Span,
};

/// The styles of the view. There are few colours, each with a meaning; without colours, words and signs still tell
/// everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    colour: bool,
}

impl Theme {
    /// Styles with colours, or without any.
    pub const fn new(colour: bool) -> Self {
        Self { colour }
    }

    fn style(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    /// The style of what stands out: keys, bars.
    pub(super) fn accent_style(self) -> Style {
        self.style(Color::Cyan)
    }

    /// The style of what can be overlooked: labels, explanations.
    pub(super) fn dim_style(self) -> Style {
        if self.colour { Style::new().fg(Color::DarkGray) } else { Style::new() }
    }

    /// The style of a share in 1/1000, from good to bad.
    pub(super) fn grade_style(self, permille: u64) -> Style {
        self.style(match permille {
            0..250 => Color::Green,
            250..750 => Color::Yellow,
            _ => Color::Red,
        })
    }

    /// The style of what somebody has to look at.
    pub(super) fn warning_style(self) -> Style {
        self.style(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// The style of the selected row and of the name of the table that is shown.
    pub(super) fn selected_style() -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// The style of headings.
    pub(super) fn heading_style() -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// A text that stands out.
    pub(super) fn accent<'a>(self, text: impl Into<Cow<'a, str>>) -> Span<'a> {
        Span::styled(text, self.accent_style())
    }

    /// A text that can be overlooked.
    pub(super) fn dim<'a>(self, text: impl Into<Cow<'a, str>>) -> Span<'a> {
        Span::styled(text, self.dim_style())
    }

    /// A heading.
    pub(super) fn heading<'a>(text: impl Into<Cow<'a, str>>) -> Span<'a> {
        Span::styled(text, Self::heading_style())
    }

    /// A text at which somebody has to look.
    pub(super) fn warning<'a>(self, text: impl Into<Cow<'a, str>>) -> Span<'a> {
        Span::styled(text, self.warning_style())
    }
}
