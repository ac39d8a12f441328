//! `__rmqueue`: one block from the buddy lists, of the requested type or of another.

use super::{
    expand::rmqueue_smallest,
    fallback,
    request::{Mode, Request},
};
use crate::{
    gfp::alloc_flags::AllocFlags,
    machine::{FallbackRule, Rules},
    page::{Migratetype, mem_map::MemMap},
    zone::mmzone::Zone,
};

/// Takes one block. The kernel holds the zone lock during the call.
#[inline]
pub(crate) fn rmqueue(
    rules: &Rules,
    map: &mut MemMap,
    zone: &mut Zone,
    request: &Request,
    mode: &mut Mode,
) -> Option<u32> {
    if zone.nr_free_cma > 0 && request.alloc.has(AllocFlags::CMA) && zone.nr_free_cma > zone.nr_free / 2 {
        // Half of the free pages are CMA. They are used now, or they would be all that is left when unmovable requests
        // come.
        if let Some(i) = rmqueue_smallest(map, zone, request.order, Migratetype::Cma) {
            return Some(i);
        }
    }
    if rules.fallback == FallbackRule::ClaimOrSteal {
        return rmqueue_by_mode(rules, map, zone, request, mode);
    }
    loop {
        if let Some(i) = rmqueue_smallest(map, zone, request.order, request.migratetype) {
            return Some(i);
        }
        if let Some(i) = from_cma(map, zone, request) {
            return Some(i);
        }
        match fallback::fallback(rules, map, zone, request) {
            fallback::Outcome::Took(i) => return Some(i),
            fallback::Outcome::Moved => {}
            fallback::Outcome::Nothing => return None,
        }
    }
}

#[inline]
fn from_cma(map: &mut MemMap, zone: &mut Zone, request: &Request) -> Option<u32> {
    if zone.nr_free_cma == 0 || !request.alloc.has(AllocFlags::CMA) {
        return None;
    }
    rmqueue_smallest(map, zone, request.order, Migratetype::Cma)
}

/// `__rmqueue` of 6.15 and later: tries normal, CMA, claim and steal, starting where the last call of this refill
/// ended.
#[inline]
fn rmqueue_by_mode(
    rules: &Rules,
    map: &mut MemMap,
    zone: &mut Zone,
    request: &Request,
    mode: &mut Mode,
) -> Option<u32> {
    if *mode == Mode::Normal
        && let Some(i) = rmqueue_smallest(map, zone, request.order, request.migratetype)
    {
        return Some(i);
    }
    if *mode <= Mode::Cma
        && let Some(i) = from_cma(map, zone, request)
    {
        *mode = Mode::Cma;
        return Some(i);
    }
    if *mode <= Mode::Claim
        && let Some(i) = fallback::claim(rules, map, zone, request)
    {
        // The claimed pageblock has more free pages of the requested type.
        *mode = Mode::Normal;
        return Some(i);
    }
    if request.alloc.has(AllocFlags::NOFRAGMENT) {
        return None;
    }
    let i = fallback::steal(map, zone, request)?;
    *mode = Mode::Steal;
    Some(i)
}
