//! Colours, and how large things are.

use plotters::style::RGBColor;

/// What a chart is shown on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// dark on white
    Light,
    /// light on near-black
    Dark,
    /// CSS variables, for an SVG inside an HTML page that switches between both
    Css,
}

/// The colours of a theme.
#[derive(Debug, Clone)]
pub(crate) struct Palette {
    pub background: RGBColor,
    pub text: RGBColor,
    pub muted: RGBColor,
    pub grid: RGBColor,
    /// for things without an order: Okabe and Ito's colours, which the colour-blind can tell apart too
    series: [RGBColor; 7],
    /// for orders 0 … 10: dark to light, or light to dark, evenly
    ramp: [RGBColor; 11],
}

const fn rgb(hex: u32) -> RGBColor {
    RGBColor((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

/// Viridis without its ends, so that every step stands out against the background.
const RAMP_ON_LIGHT: [u32; 11] = [
    0x44_0154, 0x48_2475, 0x41_4487, 0x35_5f8d, 0x2a_788e, 0x21_918c, 0x22_a884, 0x44_bf70, 0x7a_c943, 0xb5_c520,
    0xd9_b410,
];
const RAMP_ON_DARK: [u32; 11] = [
    0x9a_6fd0, 0x84_78d8, 0x6a_84d8, 0x50_93d2, 0x3f_a3c8, 0x35_b2b6, 0x3c_c19d, 0x62_cd7e, 0x95_d75c, 0xc8_de45,
    0xfd_e725,
];

/// Cividis: the same in both themes, readable with any sort of colour vision.
const HEAT: [u32; 9] =
    [0x00_224e, 0x12_3570, 0x3b_496c, 0x57_5d6d, 0x70_7173, 0x8a_8678, 0xa5_9c74, 0xc3_b369, 0xfe_e838];

impl Palette {
    pub fn of(theme: Theme) -> Self {
        match theme {
            Theme::Light => Self {
                background: rgb(0xff_ffff),
                text: rgb(0x1b_1f24),
                muted: rgb(0x5b_6570),
                grid: rgb(0xdf_e3e8),
                series: [0x00_72b2, 0xe6_9f00, 0x00_9e73, 0xd5_5e00, 0xcc_79a7, 0x56_b4e9, 0x6b_6b6b].map(rgb),
                ramp: RAMP_ON_LIGHT.map(rgb),
            },
            Theme::Dark => Self {
                background: rgb(0x15_191e),
                text: rgb(0xe8_ebee),
                muted: rgb(0x9a_a5b1),
                grid: rgb(0x32_3a43),
                series: [0x4a_a8e0, 0xf0_b429, 0x2b_c49a, 0xf0_7f3c, 0xdd_93bb, 0x8c_d0f5, 0xb0_b0b0].map(rgb),
                ramp: RAMP_ON_DARK.map(rgb),
            },
            // Colours that stand for variables: `to_css` turns them into what they stand for.
            Theme::Css => {
                let variable = |number: usize| RGBColor(1, 2, number as u8);
                Self {
                    background: variable(0),
                    text: variable(1),
                    muted: variable(2),
                    grid: variable(3),
                    series: std::array::from_fn(|i| variable(10 + i)),
                    ramp: std::array::from_fn(|i| variable(20 + i)),
                }
            }
        }
    }

    pub fn series(&self, number: usize) -> RGBColor {
        self.series[number % self.series.len()]
    }

    pub fn order(&self, order: usize) -> RGBColor {
        self.ramp[order.min(self.ramp.len() - 1)]
    }

    fn variables(&self) -> impl Iterator<Item = (String, RGBColor)> {
        let named = [("background", self.background), ("text", self.text), ("muted", self.muted), ("grid", self.grid)];
        let named = named.into_iter().map(|(name, colour)| (name.to_owned(), colour));
        let series = self.series.into_iter().enumerate().map(|(i, colour)| (format!("series-{i}"), colour));
        named.chain(series).chain(self.ramp.into_iter().enumerate().map(|(i, colour)| (format!("order-{i}"), colour)))
    }
}

/// Returns a fraction from 0 (fine) to 1 as a colour.
pub(crate) fn heat(fraction: f64) -> RGBColor {
    let place = fraction.clamp(0.0, 1.0) * (HEAT.len() - 1) as f64;
    let (low, part) = (place.floor() as usize, place.fract());
    let (a, b) = (rgb(HEAT[low]), rgb(HEAT[(low + 1).min(HEAT.len() - 1)]));
    let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * part).round() as u8;
    RGBColor(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

fn hex(colour: RGBColor) -> String {
    format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2)
}

/// Replaces the stand-ins of [`Theme::Css`] by the CSS variables `--chart-…`.
pub(crate) fn to_css(mut svg: String) -> String {
    for (name, colour) in Palette::of(Theme::Css).variables() {
        svg = svg.replace(&format!("\"{}\"", hex(colour)), &format!("\"var(--chart-{name})\""));
    }
    svg
}

/// Returns the declarations of the CSS variables for a theme.
pub fn css_variables(theme: Theme) -> String {
    let declarations: Vec<_> =
        Palette::of(theme).variables().map(|(name, colour)| format!("--chart-{name}: {};", hex(colour))).collect();
    declarations.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stand_in_becomes_a_variable_that_both_themes_declare() {
        let fills: Vec<_> =
            Palette::of(Theme::Css).variables().map(|(_, colour)| format!("fill=\"{}\"", hex(colour))).collect();
        let css = to_css(fills.join(" "));
        assert!(!css.contains('#'), "{css}");
        for name in css.split("var(").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            assert!(
                [Theme::Light, Theme::Dark].iter().all(|theme| css_variables(*theme).contains(&format!("{name}: #"))),
                "{name}"
            );
        }
    }

    #[test]
    fn heat_goes_from_end_to_end() {
        assert_eq!(
            [heat(-1.0), heat(0.0), heat(1.0), heat(2.0)].map(hex),
            ["#00224E", "#00224E", "#FEE838", "#FEE838"]
        );
    }
}
