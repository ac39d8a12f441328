//! The report of everything: the numbers of one pass over the pages and one over the objects ([`Summary`]), which of
//! them each chart shows ([`charts()`]), and the sections of charts and tables that make up one page ([`Report`]).

mod charts;
mod numbers;
mod report;
mod sections;

pub use self::{charts::charts, numbers::Summary, report::Report};
