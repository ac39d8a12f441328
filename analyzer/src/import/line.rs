//! This module reads one line of `trace`, `trace_pipe`, `trace-cmd report` or `perf script`.
//!
//! ```text
//!               sh-156     [001] .....     4.503211: mm_page_alloc: page=00000000ced20c2f pfn=0x4b10 order=1 migratetype=0 gfp_flags=GFP_KERNEL
//!               sh   156 [001]     4.503211: kmem:mm_page_alloc: page=0x4b10 pfn=0x4b10 order=1 migratetype=0 gfp_flags=GFP_KERNEL
//! ```
//!
//! The columns between the CPU and the time depend on the kernel's options, and a task's name may hold any characters,
//! including blanks and brackets. So a line is read from the event's name towards both ends.

use trace::Kind;

/// The tracepoints that are imported. `mm_page_free_batched` is left out, since each of its pages has an `mm_page_free`
/// too.
pub(super) const EVENTS: [(&str, Kind); 8] = [
    ("mm_page_alloc", Kind::PageAlloc),
    ("mm_page_free", Kind::PageFree),
    ("kmalloc", Kind::Kmalloc),
    ("kmalloc_node", Kind::Kmalloc),
    ("kfree", Kind::Kfree),
    ("kmem_cache_alloc", Kind::CacheAlloc),
    ("kmem_cache_alloc_node", Kind::CacheAlloc),
    ("kmem_cache_free", Kind::CacheFree),
];

/// The content of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// One of the events of [`EVENTS`].
    Event(Event<'a>),
    /// The number of events that the tool lost at this line.
    Lost(u64),
    /// A line without an imported event: a comment, another event, a stack or an empty line.
    Other,
}

/// An event with the columns before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event<'a> {
    pub kind: Kind,
    pub comm: &'a str,
    pub pid: u32,
    /// The process, if the trace option `record-tgid` was on or perf prints it.
    pub tgid: Option<u32>,
    pub cpu: u16,
    pub time: u64,
    fields: &'a str,
}

impl<'a> Line<'a> {
    /// Reads a line. A line that names an imported event, but cannot be read, is an error with the reason.
    pub fn parse(line: &'a str) -> Result<Self, &'static str> {
        if let Some(lost) = lost(line) {
            return Ok(Self::Lost(lost));
        }
        if line.starts_with('#') {
            return Ok(Self::Other);
        }
        let found = EVENTS.iter().find_map(|(name, kind)| {
            let (at, _) = line.match_indices(name).find(|(at, _)| {
                let (before, after) = (&line[..*at], &line[at + name.len()..]);
                // In `4.503211: kfree: …` and `4.503211: kmem:kfree: …` colons stand before and after the event's name.
                // So a task whose name is that of an event is not taken for the event.
                let before = before.strip_suffix("kmem:").unwrap_or(before).trim_end();
                after.starts_with(':') && before.ends_with(':') && before.len() < *at
            })?;
            Some((at, name.len(), *kind))
        });
        let Some((at, len, kind)) = found else { return Ok(Self::Other) };
        let before = line[..at].trim_end().trim_end_matches("kmem:").trim_end();
        let before = before.strip_suffix(':').ok_or("no time before the event")?;
        let (before, time) = before.rsplit_once(char::is_whitespace).ok_or("no time before the event")?;
        let time = seconds(time).ok_or("the time is not SECONDS.FRACTION")?;
        let (before, cpu) = cpu(before).ok_or("no CPU in brackets before the time")?;
        let (before, tgid) = tgid(before.trim_end());
        // ftrace writes `comm-pid`, perf writes `comm pid`, or `comm process/thread` where both are asked for.
        let (comm, pid) = before.rsplit_once(['-', ' ']).ok_or("no task before the CPU")?;
        let (tgid, pid) = pid.split_once('/').map_or((tgid, pid), |(process, thread)| (process.parse().ok(), thread));
        let pid = pid.parse().map_err(|_| "the task's pid is no number")?;
        Ok(Self::Event(Event { kind, comm: comm.trim(), pid, tgid, cpu, time, fields: &line[at + len + 1..] }))
    }
}

impl<'a> Event<'a> {
    /// Returns the value of a field `name=value` as text.
    pub fn field(&self, name: &str) -> Option<&'a str> {
        let mut fields = self.fields.split_ascii_whitespace();
        let value = fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('='))?;
        // Linux 4.x pads a null pointer on the left: `ptr=          (null)`.
        if value.is_empty() { fields.next().filter(|next| *next == "(null)").or(Some(value)) } else { Some(value) }
    }

    /// Returns the value of a field that is a number, in decimal or, with 0x, in hexadecimal.
    pub fn number(&self, name: &str) -> Option<u64> {
        let text = self.field(name)?;
        text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |hex| u64::from_str_radix(hex, 16).ok())
    }

    /// Returns the value of a field that is a pointer, in hexadecimal with or without 0x. `(null)` and `(nil)` are 0.
    pub fn pointer(&self, name: &str) -> Option<u64> {
        let text = self.field(name)?;
        if matches!(text, "(null)" | "(nil)") {
            return Some(0);
        }
        u64::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()
    }
}

/// Reads the number of lost events from a line such as `CPU:1 [LOST 123 EVENTS]`.
fn lost(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once("[LOST ")?;
    line.starts_with("CPU:").then(|| rest.split_once(" EVENTS]")?.0.parse().ok())?
}

/// Converts seconds such as `4.503211` into ns. The fraction has at most nine digits.
fn seconds(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.')?;
    let digits = fraction.len();
    if digits > 9
        || !fraction.bytes().all(|byte| byte.is_ascii_digit())
        || !whole.bytes().all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let fraction = fraction.parse::<u64>().ok()? * 10_u64.pow(9 - digits as u32);
    whole.parse::<u64>().ok()?.checked_mul(1_000_000_000)?.checked_add(fraction)
}

/// Returns the number in the last brackets (`[001]`), which is the CPU, and the text before them.
fn cpu(text: &str) -> Option<(&str, u16)> {
    let open = text.rfind('[')?;
    let (number, _flags) = text[open + 1..].split_once(']')?;
    Some((&text[..open], number.parse().ok()?))
}

/// Returns the text before the parentheses at the end, and the process in them: `(  156)`, or `(-----)` for an unknown
/// one.
fn tgid(text: &str) -> (&str, Option<u32>) {
    let column = text.strip_suffix(')').and_then(|text| text.rsplit_once('('));
    match column {
        Some((before, number)) if number.bytes().all(|byte| byte.is_ascii_digit() || b" -".contains(&byte)) => {
            (before.trim_end(), number.trim().parse().ok())
        }
        _ => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(line: &str) -> Event<'_> {
        match Line::parse(line) {
            Ok(Line::Event(event)) => event,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn reads_both_tools_lines_to_the_same_event() {
        let ftrace = event(
            "              sh-156     [001] .....     4.503211: mm_page_alloc: page=00000000ced20c2f pfn=0x4b10 order=1 migratetype=0 gfp_flags=GFP_KERNEL|__GFP_ZERO",
        );
        let perf = event(
            "              sh   156 [001]     4.503211: kmem:mm_page_alloc: page=0x4b10 pfn=0x4b10 order=1 migratetype=0 gfp_flags=GFP_KERNEL|__GFP_ZERO",
        );
        for event in [&ftrace, &perf] {
            assert_eq!(
                (event.kind, event.comm, event.pid, event.cpu, event.time),
                (Kind::PageAlloc, "sh", 156, 1, 4_503_211_000)
            );
            assert_eq!(
                (event.number("pfn"), event.number("order"), event.field("gfp_flags")),
                (Some(0x4b10), Some(1), Some("GFP_KERNEL|__GFP_ZERO"))
            );
        }
    }

    #[test]
    fn a_null_pointer_of_an_old_kernel_is_read_although_it_is_padded() {
        let free = event("bash-1842 [001] 136.5: kfree: call_site=ffffffff81210af3 ptr=          (null)");
        assert_eq!((free.pointer("ptr"), free.field("call_site")), (Some(0), Some("ffffffff81210af3")));
        assert_eq!(event("sh-1 [0] 1.5: kfree: ptr= bytes=1").pointer("ptr"), None, "no value is none");
    }

    #[test]
    fn odd_tasks_are_read_whole() {
        assert_eq!(
            event("kworker/u8:2-ev-33  (-----) [000] d..2.  12.000001: kfree: call_site=x+0x1/0x2 ptr=(null)").comm,
            "kworker/u8:2-ev"
        );
        let odd = event("a kfree: [7] b-99 (   42) [003] 1.000000001: kfree: call_site=x+0x1/0x2 ptr=00ab");
        assert_eq!(
            (odd.comm, odd.pid, odd.tgid, odd.cpu, odd.time, odd.pointer("ptr")),
            ("a kfree: [7] b", 99, Some(42), 3, 1_000_000_001, Some(0xab))
        );
        assert_eq!(event("swapper     0/7 [000]     1.5: kmem:kfree: call_site=0xffff ptr=0x10").pid, 7);
    }

    #[test]
    fn other_lines_are_told_from_broken_ones() {
        for other in [
            "",
            "# tracer: nop",
            "  ffffffff9a vmalloc (kernel)",
            "sh-1 [000] 1.0: mm_page_free_batched: page=1 pfn=1",
            "sh-1 [000] 1.0: sched_switch: kfree: x",
        ] {
            assert!(!matches!(Line::parse(other), Ok(Line::Event(_))), "{other}");
        }
        assert_eq!(Line::parse("CPU:1 [LOST 123 EVENTS]"), Ok(Line::Lost(123)));
        for broken in
            ["sh-1 [000] now: kfree: ptr=1", "sh-1 1.0: kfree: ptr=1", "sh-x [0] 1.0: kfree: ptr=1", ": kfree: ptr=1"]
        {
            assert!(Line::parse(broken).is_err(), "{broken}");
        }
    }
}
