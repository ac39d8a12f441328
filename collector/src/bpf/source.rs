//! The two ways to attach.

/// How the page and slab programs are attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// to raw tracepoints, where a program reads the arguments of the traced call
    Raw,
    /// to tracepoints, where a program reads ftrace's record by the offsets of the `format` files
    Tracepoint,
}
