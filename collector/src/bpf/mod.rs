//! The eBPF side of user space: the programs are loaded and attached here, and what they found is read.
//!
//! | file | does |
//! | --- | --- |
//! | `source`, `filter`, `fields` | what the programs are told before they are loaded |
//! | `capture`, `rings`, `record` | the programs that record: load, attach, read their rings and counters |
//! | `counting`, `sample` | the programs that only count, and what they had counted at one moment |
//! | `addresses` | learns what the kernel addresses in the records mean |
//! | `misses`, `refusal` | what the kernel tells about a program |

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
