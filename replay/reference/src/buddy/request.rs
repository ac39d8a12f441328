//! The parameters of one request, and the progress of its search.

use crate::{Flags, NodeId, ZoneType, gfp::alloc_flags::AllocFlags, page::Migratetype};

/// The parameters of one request, derived from its mask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) order: u8,
    pub(crate) migratetype: Migratetype,
    pub(crate) flags: Flags,
    pub(crate) alloc: AllocFlags,
    pub(crate) highest: ZoneType,
    pub(crate) node: NodeId,
    pub(crate) cpu: u16,
}

/// The deepest step that the search has reached (`enum rmqueue_mode`, 6.15 and later). It is kept during one refill, so
/// that the refill's later blocks do not repeat attempts that failed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Mode {
    Normal,
    Cma,
    Claim,
    Steal,
}
