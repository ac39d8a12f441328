//! What a rule found, and the table of it.

use crate::present::table::{Cell, Table, Unit};

/// What a rule found: one kind of request or free by one sort of process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// name of the rule
    pub rule: &'static str,
    /// "error", "warning" or "note"
    pub severity: &'static str,
    /// the mask in words; empty for a free
    pub gfp: String,
    /// the order; `None` for an object
    pub order: Option<i64>,
    /// name of the threads that asked or freed
    pub comm: String,
    /// where in the kernel, as far as known
    pub callsite: String,
    /// requests, failed ones included; or frees
    pub count: i64,
    /// one of them: the first frame or the object, and when
    pub example: String,
    /// what to do
    pub advice: &'static str,
}

/// Sorts findings: errors first, then what happened most.
pub(super) fn sort(findings: &mut [Finding]) {
    let rank = |severity: &str| ["error", "warning", "note"].iter().position(|known| *known == severity);
    findings.sort_by_key(|finding| (rank(finding.severity), -finding.count));
}

/// Returns the findings as a table, with the advice of each rule as a note.
pub fn table(findings: &[Finding]) -> Table {
    let mut table = Table::new("Illegal and suspicious requests and frees");
    table.column("severity", "Severity", Unit::Text).column("rule", "Rule", Unit::Text).column(
        "count",
        "Count",
        Unit::Count,
    );
    table.column("order", "Order", Unit::Number).column("gfp", "GFP flags", Unit::Text).column(
        "comm",
        "Process name",
        Unit::Text,
    );
    table.column("callsite", "Call site", Unit::Text).column("example", "Example", Unit::Text);
    table.hidden("advice", "What to do", Unit::Text);
    for finding in findings {
        let text = |text: &str| Cell::Text(text.to_owned());
        table.row(vec![
            text(finding.severity),
            text(finding.rule),
            Cell::Integer(finding.count),
            finding.order.map_or(Cell::None, Cell::Integer),
            text(&finding.gfp),
            text(&finding.comm),
            text(&finding.callsite),
            text(&finding.example),
            text(finding.advice),
        ]);
    }
    let mut told = Vec::new();
    for finding in findings {
        if !told.contains(&finding.rule) {
            told.push(finding.rule);
            table.note(format!("{}: {}", finding.rule, finding.advice));
        }
    }
    table
}
