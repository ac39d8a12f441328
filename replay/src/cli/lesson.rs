//! The command `replay lesson`.

use std::fmt::Write;

use anyhow::bail;
use replay::LESSONS;

use super::output::print;

/// Arguments of `replay lesson`.
#[derive(clap::Args)]
pub(super) struct Args {
    /// A topic or its number; all for every lesson; none for the list
    topic: Option<String>,
}

/// Runs one lesson, all of them, or lists them.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let Some(topic) = &args.topic else {
        let mut list = String::from("Lessons, each run on the reference allocator:\n");
        for lesson in &LESSONS {
            writeln!(list, "  T{:<3} {:<18} {}", lesson.row, lesson.topic, lesson.title)?;
        }
        return print(&list);
    };
    let wanted = topic.trim_start_matches(['T', 't']);
    let chosen: Vec<_> =
        LESSONS.iter().filter(|l| topic == "all" || l.topic == topic || l.row.to_string() == wanted).collect();
    if chosen.is_empty() {
        bail!("there is no lesson {topic:?}: `replay lesson` lists them");
    }
    for (n, lesson) in chosen.into_iter().enumerate() {
        print(&format!("{}{}", if n > 0 { "\n" } else { "" }, lesson.run()?))?;
    }
    Ok(())
}
