//! The parser of `/proc/slabinfo` (`slab_show` in `mm/slab_common.c`), which lists the slab caches with their objects
//! and slabs.
//!
//! ```text
//! slabinfo - version: 2.1
//! # name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> … : slabdata <active_slabs> <num_slabs> <sharedavail>
//! kmalloc-64          6336   6336     64   64    1 : tunables    0    0    0 : slabdata     99     99      0
//! ```

use trace::SlabInfo;

/// Parses the whole file into rows of a snapshot. Returns `None` if the file has another layout. `time` is in ns of
/// `CLOCK_MONOTONIC`.
pub fn parse_slabinfo(text: &str, time: u64, snapshot: u32) -> Option<Vec<SlabInfo>> {
    let mut lines = text.lines();
    lines.next()?.starts_with("slabinfo - version: 2.").then_some(())?;
    lines.filter(|line| !line.starts_with('#')).map(|line| parse_line(line, time, snapshot)).collect()
}

fn parse_line(line: &str, time: u64, snapshot: u32) -> Option<SlabInfo> {
    let (objects, rest) = line.split_once(" : tunables ")?;
    let (_, slabs) = rest.split_once(" : slabdata ")?;
    let words: Vec<_> = objects.split_whitespace().collect();
    let [name, active_objs, num_objs, objsize, objperslab, pagesperslab] = words[..] else { return None };
    let mut slabs = slabs.split_whitespace();
    Some(SlabInfo {
        time,
        snapshot,
        name: name.to_owned(),
        active_objs: active_objs.parse().ok()?,
        num_objs: num_objs.parse().ok()?,
        objsize: objsize.parse().ok()?,
        objperslab: objperslab.parse().ok()?,
        pagesperslab: pagesperslab.parse().ok()?,
        active_slabs: slabs.next()?.parse().ok()?,
        num_slabs: slabs.next()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_columns() {
        let text = "slabinfo - version: 2.1\n# name <active_objs>\nkmalloc-64 6336 6400 64 64 1 : tunables 0 0 0 : slabdata 99 100 0\n";
        let line = SlabInfo {
            time: 7,
            snapshot: 1,
            name: "kmalloc-64".to_owned(),
            active_objs: 6336,
            num_objs: 6400,
            objsize: 64,
            objperslab: 64,
            pagesperslab: 1,
            active_slabs: 99,
            num_slabs: 100,
        };
        assert_eq!(parse_slabinfo(text, 7, 1), Some(vec![line]));
        assert_eq!(parse_slabinfo("slabinfo - version: 3.0\n", 7, 1), None);
        assert_eq!(parse_slabinfo("slabinfo - version: 2.1\nkmalloc-64 6336\n", 7, 1), None);
    }
}
