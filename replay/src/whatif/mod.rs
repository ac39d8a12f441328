//! What-ifs: changes to the model's configuration, and the results of the models side by side.

mod change;
mod table;

pub use change::WhatIf;
pub use table::side_by_side;
