//! The part of user space that loads and attaches the eBPF programs and reads their records and counts.
//!
//! | file | does |
//! | --- | --- |
//! | `source`, `filter`, `fields` | the settings that the programs get before they are loaded |
//! | `capture`, `rings`, `record` | the programs that record: load, attach, read their rings and counters |
//! | `counting`, `sample` | the programs that only count, and their counts at one moment |
//! | `addresses` | converts the kernel addresses in the records |
//! | `misses`, `refusal` | how often the kernel did not run a program, and why it refuses one |

mod addresses;
mod capture;
mod counting;
mod fields;
mod filter;
mod misses;
mod object;
mod record;
mod refusal;
mod rings;
mod sample;
mod source;

pub use addresses::Addresses;
pub use capture::{Capture, Settings};
pub use counting::{CountSettings, Counting};
pub use filter::Filter;
pub use record::Record;
pub use sample::{ProgramAccount, Sample};
pub use source::Source;
