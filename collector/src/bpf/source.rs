//! The two ways to attach a program.

/// The way in which the page and slab programs are attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The programs are attached to raw tracepoints and read the tracepoint's arguments.
    Raw,
    /// The programs are attached to tracepoints and read ftrace's records at the offsets of the `format` files.
    Tracepoint,
}
