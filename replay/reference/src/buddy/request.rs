//! What one request asks for, and how deep its search has gone.

use crate::{Flags, NodeId, ZoneType, gfp::alloc_flags::AllocFlags, page::Migratetype};

/// What one request asks for, once its mask has been read.
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

/// How deep the search has gone (6.15+): remembered across one refill, so that each block of it need not repeat the
/// vain attempts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Mode {
    Normal,
    Cma,
    Claim,
    Steal,
}
