//! An HTML page in one file: sections of charts and tables. It opens offline and loads nothing.

mod html;
mod section;

pub use self::{
    html::{Page, render},
    section::Section,
};
