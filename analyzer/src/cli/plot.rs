use std::path::PathBuf;

use analyzer::{
    Events, Window,
    charts::{Chart, Theme},
    summary::{self, Summary},
};
use anyhow::{Context as _, bail};

use super::{
    arguments::{ReplayArgument, TraceInTime},
    output,
};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    trace: TraceInTime,
    /// Directory to write into; made if it is not there
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
    /// File format
    #[arg(long, value_enum, default_value_t = Format::Svg)]
    format: Format,
    /// Colours
    #[arg(long, value_enum, default_value_t = Colours::Light)]
    theme: Colours,
    #[command(flatten)]
    replay: ReplayArgument,
    /// Charts to draw; none: all of them
    #[arg(value_name = "CHART", value_parser = clap::builder::PossibleValuesParser::new(Chart::NAMES))]
    charts: Vec<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// scales without limit
    Svg,
    /// 1920 pixels wide
    Png,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Colours {
    /// dark on white
    Light,
    /// light on near-black
    Dark,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let trace = arguments.trace.open()?;
    let replay = arguments.replay.read(&trace)?;
    if replay.is_none() && arguments.charts.iter().any(|name| name == "model") {
        bail!(
            "the chart `model` shows a replay of the trace: make one with `replay run TRACE --json FILE`, and name it with --replay FILE"
        );
    }
    let bar = output::Bar::new("analysing");
    let summary = Summary::read(&trace, &|done, of| bar.update(done, of))?;
    drop(bar);
    let theme = match arguments.theme {
        Colours::Light => Theme::Light,
        Colours::Dark => Theme::Dark,
    };
    let dir = &arguments.output;
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make the directory {}", dir.display()))?;
    let wanted =
        |chart: &Chart| arguments.charts.is_empty() || arguments.charts.iter().any(|name| name == chart.name());
    let mut drawn = 0;
    let mut charts = summary::charts(&trace, &summary);
    charts.extend(replay.map(|replay| replay.chart()));
    for chart in charts.iter().filter(|chart| wanted(chart)) {
        if chart.is_empty() {
            eprintln!("analyzer: the trace has nothing for the chart `{}`: it is left out", chart.name());
            continue;
        }
        let path = match arguments.format {
            Format::Svg => {
                let path = dir.join(format!("{}.svg", chart.name()));
                std::fs::write(&path, chart.svg(theme)?).with_context(|| format!("cannot write {}", path.display()))?;
                path
            }
            Format::Png => {
                let path = dir.join(format!("{}.png", chart.name()));
                chart.write_png(&path, theme)?;
                path
            }
        };
        output::write(&format!("{}\n", path.display()))?;
        drawn += 1;
    }
    if drawn == 0 {
        bail!("there is nothing to draw: the trace has no events and no snapshots");
    }
    let losses = [Events::Page, Events::Slab].into_iter().filter_map(|events| summary.info.loss.sentence(events));
    for warning in losses.chain(Window::sentence(&trace)) {
        eprintln!("analyzer: {}", warning.trim_start_matches("! "));
    }
    Ok(())
}
