//! Setting the sizes, marks and per-CPU lists of a zone of the model to those of `/proc/zoneinfo`.

use reference::{PageAllocator, PcpRule, PcpSizes, ZONE_TYPES, ZoneId, ZoneType};

use super::{machine::Machine, snapshot::ZoneSnapshot};

/// Sets the zone's sizes, marks, reserves and list sizes to those of `/proc/zoneinfo`.
pub(crate) fn apply_zoneinfo(mm: &mut PageAllocator, machine: &Machine, zone: ZoneId, now: &ZoneSnapshot) {
    if let Some(managed) = now.item("managed").filter(|m| *m != mm.config().layout.zones[usize::from(zone.0)].managed) {
        mm.set_managed(zone, managed);
    }
    if !machine.follows_marks {
        return;
    }
    if let (Some(min), Some(low), Some(high)) = (now.item("min"), now.item("low"), now.item("high")) {
        let promo = now.item("promo").unwrap_or(2 * high - low);
        mm.set_watermarks(zone, reference::Watermarks { min, low, high, promo });
    }
    let mut reserve = [0; ZONE_TYPES];
    let columns = machine.config.layout.configured.iter();
    let found = columns.enumerate().filter_map(|(i, kind)| Some((kind, now.item(&format!("protection[{i}]"))?)));
    let mut any = false;
    for (kind, pages) in found {
        reserve[kind.index()] = pages;
        any = true;
    }
    // The column of a zone type that the kernel lacks has the value of the type below it.
    for kind in 1..ZONE_TYPES {
        if !machine.config.layout.configured.contains(&ZoneType::ALL[kind]) {
            reserve[kind] = reserve[kind - 1];
        }
    }
    if any {
        mm.set_lowmem_reserve(zone, reserve);
    }
    if let Some(sizes) = pcp_sizes(machine, zone, now) {
        mm.set_pcp_sizes(zone, sizes);
    }
}

/// Returns the sizes of the per-CPU lists. Where the limit moves with the load, its bounds are needed; kernels before
/// about 6.13 do not print them, so they are computed by the formula.
fn pcp_sizes(machine: &Machine, zone: ZoneId, now: &ZoneSnapshot) -> Option<PcpSizes> {
    let batch = now.item("pagesets[0].batch")? as u32;
    let bounds = (now.item("pagesets[0].high_min"), now.item("pagesets[0].high_max"));
    if let (Some(min), Some(max)) = bounds {
        return Some(PcpSizes { batch, high_min: min as u32, high_max: max as u32 });
    }
    if machine.config.rules.pcp == PcpRule::AutoHigh {
        let managed = now.item("managed").unwrap_or(machine.config.layout.zones[usize::from(zone.0)].managed);
        return Some(reference::pcp_sizes(managed, now.item("low")?, machine.config.layout.cpus));
    }
    let high = now.item("pagesets[0].high")? as u32;
    Some(PcpSizes { batch, high_min: high, high_max: high })
}
