use std::borrow::Cow;

use ratatui::{
    style::{Color, Modifier, Style},
    text::Span,
};

/// How things look. Few colours, each with a meaning; without them everything is still told by words and signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    colour: bool,
}

impl Theme {
    /// With colours, or without any.
    pub const fn new(colour: bool) -> Self {
        Self { colour }
    }

    fn style(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    /// What stands out: keys, bars.
    pub fn accent_style(self) -> Style {
        self.style(Color::Cyan)
    }

    /// What can be overlooked: labels, explanations.
    pub fn dim_style(self) -> Style {
        if self.colour { Style::new().fg(Color::DarkGray) } else { Style::new() }
    }

    /// From good to bad.
    pub fn grade_style(self, permille: u64) -> Style {
        self.style(match permille {
            0..250 => Color::Green,
            250..750 => Color::Yellow,
            _ => Color::Red,
        })
    }

    /// What somebody has to look at.
    pub fn warning_style(self) -> Style {
        self.style(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// The selected row, the shown table.
    pub fn selected_style(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Headings.
    pub fn heading_style(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub(super) fn accent<'a>(self, text: impl Into<Cow<'a, str>>) -> Span<'a> {
        Span::styled(text, self.accent_style())
    }

    pub(super) fn dim<'a>(self, text: impl Into<Cow<'a, str>>) -> Span<'a> {
        Span::styled(text, self.dim_style())
    }

    pub(super) fn heading<'a>(self, text: impl Into<Cow<'a, str>>) -> Span<'a> {
        Span::styled(text, self.heading_style())
    }

    pub(super) fn warning<'a>(self, text: impl Into<Cow<'a, str>>) -> Span<'a> {
        Span::styled(text, self.warning_style())
    }
}
