//! The part of a request's evaluation that is computed in advance.

use alloc::vec::Vec;

use super::config::Config;
use crate::{
    Migratetype, Order,
    gfp::{gfp_migratetype, gfp_zone},
    machine::MAX_ORDER,
    pcp::allows,
    zone::zonelist::Zonelists,
};

/// The zone that serves a request as long as no zone runs low, and the request's mobility type.
#[derive(Clone, Copy)]
pub(super) struct Route {
    pub(super) zone: u8,
    pub(super) highest: u8,
    pub(super) migratetype: Migratetype,
}

/// The routes of all requests, computed in advance.
pub(crate) struct Routes {
    /// The route, by node and by the low five bits of a mask.
    pub(super) by_bits: Vec<[Option<Route>; 32]>,
    /// A bit per order that says whether blocks of that order are cached per CPU.
    cached: u16,
}

impl Routes {
    pub(super) fn new(config: &Config, zonelists: &Zonelists) -> Self {
        let usable = config.gfp.is_current();
        let grouping = config.rules.mobility_grouping;
        let route = |node: usize, bits: usize| {
            let flags = config.gfp.flags(bits as u32);
            let migratetype = gfp_migratetype(flags).filter(|_| usable)?;
            let highest = gfp_zone(flags).ok()?;
            let zone = zonelists.get(node as u8, highest, 0)?;
            Some(Route {
                zone,
                highest: highest as u8,
                migratetype: if grouping { migratetype } else { Migratetype::Unmovable },
            })
        };
        let by_bits = (0..config.layout.nodes()).map(|node| core::array::from_fn(|bits| route(node, bits))).collect();
        let cached = (0..=MAX_ORDER).filter(|order| allows(&config.rules, *order)).map(|order| 1 << order).sum();
        Self { by_bits, cached }
    }

    #[inline]
    pub(super) fn caches(&self, order: Order) -> bool {
        order.0 <= MAX_ORDER && self.cached >> order.0 & 1 != 0
    }
}
