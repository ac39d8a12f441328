//! The report of `collector probe`, which tries each thing that a recording needs on this host.

use serde::Serialize;
use trace::{Family, Program};

use crate::{
    Error,
    bpf::{Addresses, Capture, Filter, Settings, Source},
    kernel::{Kallsyms, Tracefs, describe},
    os::privilege,
};

/// The report of what this host can capture. The fields are the keys of `collector probe --json`.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The release of the kernel.
    pub kernel: String,
    /// Whether `collector record` can work on this host.
    pub can_record: bool,
    /// The things that were tried.
    pub checks: Vec<Check>,
}

/// The result of one thing that was tried.
#[derive(Debug, Serialize)]
pub struct Check {
    /// The name of the thing that was tried.
    pub name: String,
    /// Whether the thing works.
    pub ok: bool,
    /// Whether recording is impossible if the thing does not work.
    pub needed: bool,
    /// What was found; or, if the thing does not work, the reason and what to do about it.
    pub detail: String,
}

/// Tries everything that recording needs, and leaves no program attached.
pub fn probe() -> Report {
    let mut checks = Vec::new();
    let mut check = |name: &str, needed: bool, result: Result<String, String>| {
        let ok = result.is_ok();
        checks.push(Check { name: name.to_owned(), ok, needed, detail: result.unwrap_or_else(|detail| detail) });
        ok
    };
    let text = |error: Error| error.to_string();

    let root = if privilege::can_load() { Ok("may load eBPF programs".to_owned()) } else { Err(text(Error::NotRoot)) };
    let root = check("privileges", true, root);
    let open = if privilege::is_locked_down() { Err(text(Error::Lockdown)) } else { Ok("not in the way".to_owned()) };
    let root = check("lockdown", true, open) && root;
    let tracefs = Tracefs::find();
    let mounted = check("tracefs", true, tracefs.as_ref().map(|_| "mounted".to_owned()).map_err(ToString::to_string));
    let mut works = [false; 2];
    if let Ok(tracefs) = tracefs
        && root
        && mounted
    {
        let header = describe(&tracefs, &[Program::PageAlloc]);
        let summary = header.as_ref().map(|header| {
            format!(
                "{} zones, {} GFP flags, {} migratetypes",
                header.zones.len(),
                header.gfp.entries().count(),
                header.migratetypes.len()
            )
        });
        check("/proc and the kernel's tables", true, summary.map_err(ToString::to_string));
        for (slot, (source, name)) in
            [(Source::Raw, "raw tracepoints"), (Source::Tracepoint, "tracepoints by format")].into_iter().enumerate()
        {
            let attached = attach(&tracefs, source, &[Family::Page, Family::Slab, Family::Task]);
            works[slot] = check(
                name,
                false,
                attached.map(|()| "pages and objects: all programs load and attach".to_owned()).map_err(text),
            );
            if works[slot] {
                let learned = Addresses::learn(&tracefs, source);
                let detail = learned.map(|learned| {
                    format!(
                        "frames: yes; objects as physical addresses: {}",
                        if learned.objects_are_physical() {
                            "yes"
                        } else {
                            "no, they are kept apart but cannot be linked to frames"
                        }
                    )
                });
                works[slot] = check(&format!("{name}: addresses"), false, detail.map_err(text));
            }
        }
        for family in [Family::Cache, Family::Frag, Family::Reclaim] {
            let attached = attach(&tracefs, Source::Raw, &[family]);
            check(
                &format!("events of `{}`", family.name()),
                false,
                attached.map(|()| "all programs load and attach".to_owned()).map_err(text),
            );
        }
        let symbols = Kallsyms::read().map_err(text).and_then(|symbols| {
            if symbols.is_empty() {
                Err("the kernel hides its symbols: set /proc/sys/kernel/kptr_restrict to 1 or 0 to get names of call sites".to_owned())
            } else {
                Ok("readable".to_owned())
            }
        });
        check("symbols of call sites", false, symbols);
    }
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned();
    let can_record = works.contains(&true) && checks.iter().all(|check| check.ok || !check.needed);
    Report { kernel, can_record, checks }
}

/// Attaches all programs of the families, and detaches them before it returns.
///
/// # Errors
/// [`Error`] if the kernel lacks or refuses something.
fn attach(tracefs: &Tracefs, source: Source, families: &[Family]) -> Result<(), Error> {
    let programs = Program::ALL.into_iter().filter(|program| families.contains(&program.family())).collect();
    let settings = Settings { programs, source, ring_size: 1 << 16, filter: Filter::default(), stack_sample: 0 };
    Capture::load(tracefs, &settings)?.attach()
}
