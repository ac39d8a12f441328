//! The description of the traced host in the header of a trace.

use std::{collections::BTreeMap, env, fs};

use trace::{Clock, Header, Program, Tool, Zone};

use super::{
    buddyinfo::BuddyInfo,
    clock::{monotonic_ns, utc_ns},
    cpus::cpu_node,
    pagetypeinfo::PageTypeInfo,
    proc_file::ProcFile,
    tracefs::Tracefs,
    zoneinfo::ZoneInfo,
};
use crate::Error;

/// Returns the header of a trace that starts now on this host, with the formats of the programs' tracepoints, but
/// without the options of the recording.
///
/// # Errors
/// [`Error::Read`] or [`Error::Unknown`] if a file of `/proc` cannot be read or has an unknown layout;
/// [`Error::NoTracepoint`] if a tracepoint is missing.
pub fn describe(tracefs: &Tracefs, programs: &[Program]) -> Result<Header, Error> {
    let zone_items = parse_proc("/proc/zoneinfo", ZoneInfo::parse)?;
    let buddyinfo = parse_proc("/proc/buddyinfo", BuddyInfo::parse)?;
    let pagetypes = parse_proc("/proc/pagetypeinfo", PageTypeInfo::parse)?;

    let mut tracepoints = BTreeMap::new();
    for program in programs {
        let (group, name) = program.tracepoint();
        tracepoints.insert(name.to_owned(), tracefs.format_text(group, name)?);
    }
    let now = monotonic_ns();
    Ok(Header {
        format: Header::FORMAT,
        tool: Tool {
            name: "collector".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: env::args().collect(),
        },
        host: sys_kernel("hostname"),
        kernel: sys_kernel("osrelease"),
        architecture: env::consts::ARCH.to_owned(),
        boot_id: sys_kernel("random/boot_id"),
        clock: Clock {
            name: "CLOCK_MONOTONIC".to_owned(),
            utc_offset_ns: utc_ns() - now.cast_signed(),
            start_ns: now,
            end_ns: now,
        },
        page_size: procfs::page_size(),
        pageblock_order: pagetypes.pageblock_order,
        nr_orders: buddyinfo.iter().map(|zone| zone.nr_free.len() as u8).max().unwrap_or(0),
        cpu_node: cpu_node(),
        zones: zone_items
            .iter()
            .map(|zone| Zone {
                node: zone.node,
                name: zone.zone.clone(),
                start_pfn: zone.get("start_pfn"),
                spanned: zone.get("spanned"),
                present: zone.get("present"),
                managed: zone.get("managed"),
            })
            .collect(),
        migratetypes: pagetypes.migratetypes,
        gfp: tracefs.format(Program::PageAlloc)?.gfp_table()?,
        kinds: Header::kinds(),
        tracepoints,
        options: BTreeMap::new(),
        sample: 1,
        stack_sample: 0,
        raw_addresses: false,
        objects_are_physical: false,
        finished: None,
    })
}

/// Reads and parses a file of `/proc`.
fn parse_proc<T>(path: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, Error> {
    let unknown = || Error::Unknown {
        path: path.into(),
        reason: "its layout is none that gfpscope knows; please report it".to_owned(),
    };
    parse(ProcFile::open(path)?.read()?).ok_or_else(unknown)
}

/// Returns the text of a file of `/proc/sys/kernel`; empty if the file cannot be read.
fn sys_kernel(name: &str) -> String {
    fs::read_to_string(format!("/proc/sys/kernel/{name}")).map_or_else(|_| String::new(), |text| text.trim().to_owned())
}
