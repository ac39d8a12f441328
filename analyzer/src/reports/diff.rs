//! Two traces side by side.

use std::collections::BTreeMap;

use crate::{
    Key,
    aggregate::groups::{Counts, Grouping},
    present::table::{Cell, Table, Unit},
};

/// Returns what each group did in both traces; per second, since they need not be equally long.
pub fn table(by: &[Key], (a, a_seconds): (&Grouping, f64), (b, b_seconds): (&Grouping, f64)) -> Table {
    let mut groups: BTreeMap<Vec<&str>, [Counts; 2]> = BTreeMap::new();
    for (side, stat) in [a, b].into_iter().enumerate() {
        for group in &stat.groups {
            // By name: numbers of zones, flags and call sites mean something else in another trace.
            groups.entry(group.values.iter().map(|(_, name)| name.as_str()).collect()).or_default()[side] =
                group.counts;
        }
    }
    let seconds = [a_seconds, b_seconds].map(|seconds| seconds.max(1e-9));
    let mut rows: Vec<(f64, Vec<Cell>)> = groups
        .into_iter()
        .map(|(names, counts)| {
            let rate = |side: usize, number: i64| number as f64 / seconds[side];
            let bytes = [0, 1].map(|side: usize| rate(side, counts[side].alloc_bytes));
            let allocs = [0, 1].map(|side: usize| rate(side, counts[side].allocs));
            let ratio = if bytes[0] > 0.0 { Cell::Real(bytes[1] / bytes[0] - 1.0) } else { Cell::None };
            let mut row: Vec<Cell> = names.into_iter().map(|name| Cell::Text(name.to_owned())).collect();
            row.extend([allocs[0], allocs[1], bytes[0], bytes[1], bytes[1] - bytes[0]].map(Cell::Real));
            row.extend([ratio, Cell::Integer(counts[0].failures), Cell::Integer(counts[1].failures)]);
            ((bytes[1] - bytes[0]).abs(), row)
        })
        .collect();
    rows.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let mut table = Table::new("What changed from A to B, per second");
    for key in by {
        table.column(key.name(), key.title(), Unit::Text);
    }
    table.column("a_allocs_per_s", "A allocs/s", Unit::Count).column("b_allocs_per_s", "B allocs/s", Unit::Count);
    table.column("a_bytes_per_s", "A bytes/s", Unit::Bytes).column("b_bytes_per_s", "B bytes/s", Unit::Bytes);
    table.column("change_bytes_per_s", "Change/s", Unit::Bytes).column("change", "Change", Unit::Fraction);
    table.column("a_failures", "A failures", Unit::Count).column("b_failures", "B failures", Unit::Count);
    for (_, row) in rows {
        table.row(row);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::groups::Group;

    fn stat(groups: &[(&str, i64)]) -> Grouping {
        let group = |(name, bytes): &(&str, i64)| Group {
            values: vec![(0, (*name).to_owned())],
            counts: Counts { allocs: 1, alloc_bytes: *bytes, ..Counts::default() },
        };
        Grouping { by: vec![Key::Gfp], groups: groups.iter().map(group).collect() }
    }

    #[test]
    fn groups_are_joined_by_name_and_rates_allow_for_length() {
        let table = table(
            &[Key::Gfp],
            (&stat(&[("GFP_KERNEL", 100), ("GFP_NOFS", 7)]), 1.0),
            (&stat(&[("GFP_KERNEL", 600), ("GFP_USER", 50)]), 2.0),
        );
        let rows = table.to_json();
        assert_eq!(
            (&rows[0]["gfp"], rows[0]["change_bytes_per_s"].as_f64(), rows[0]["change"].as_f64()),
            (&"GFP_KERNEL".into(), Some(200.0), Some(2.0))
        );
        assert_eq!(
            (&rows[1]["gfp"], rows[1]["b_bytes_per_s"].as_f64(), rows[1]["change"].as_f64()),
            (&"GFP_USER".into(), Some(25.0), None)
        );
        assert_eq!((&rows[2]["gfp"], rows[2]["b_bytes_per_s"].as_f64()), (&"GFP_NOFS".into(), Some(0.0)));
    }
}
