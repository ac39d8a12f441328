//! Presenting: tables and charts as people and programs see them, in a terminal, as CSV and JSON, as SVG and PNG, and
//! on one HTML page.
//!
//! Nothing in here knows where a number comes from: reports fill the [`Table`](table::Table)s and
//! [`Chart`](charts::Chart)s, and everything that is printed or drawn is one of them.

pub mod charts;
pub(crate) mod page;
pub mod table;
pub mod terminal;
