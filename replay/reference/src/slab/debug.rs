//! Poison, red zones and constructors: the data that the allocator writes into objects.

use alloc::vec;

use super::cache::Cache;
use crate::{Misuse, machine::Memory};

/// The pattern that fills freed objects (`POISON_FREE`).
const POISON_FREE: u8 = 0x6b;
/// The last byte of a freed object (`POISON_END`).
const POISON_END: u8 = 0xa5;
/// The guard byte behind a free object (`SLUB_RED_INACTIVE`).
const RED_INACTIVE: u8 = 0xbb;
/// The guard byte behind an object in use (`SLUB_RED_ACTIVE`).
const RED_ACTIVE: u8 = 0xcc;
/// The bytes of a guard.
const RED_ZONE: usize = 8;

/// Prepares an object of a new slab: constructs it, or poisons it if there is no constructor whose work would be lost.
pub(super) fn on_new(cache: &Cache, memory: &mut Memory, address: u64) {
    if let Some(ctor) = cache.ctor {
        let mut object = vec![0; cache.object_size as usize];
        ctor(&mut object);
        memory.write(address, &object);
    } else if cache.flags.poison {
        memory.write(address, &poison(cache));
    }
    red_zone(cache, memory, address, RED_INACTIVE);
}

/// Checks an object that is being allocated: a damaged poison means that someone wrote to it after it was freed. The
/// damage is recorded, and the object is allocated all the same.
pub(super) fn on_alloc(cache: &mut Cache, memory: &mut Memory, address: u64) {
    if cache.flags.poison && cache.ctor.is_none() && memory.read(address, cache.object_size as usize) != poison(cache) {
        cache.damaged.push(address);
    }
    red_zone(cache, memory, address, RED_ACTIVE);
}

/// Checks an object that is being freed: its guard must be undamaged.
pub(super) fn on_free(cache: &Cache, memory: &mut Memory, address: u64) -> Result<(), Misuse> {
    if cache.flags.red_zone && memory.read(address + guard_offset(cache), RED_ZONE) != [RED_ACTIVE; RED_ZONE] {
        return Err(Misuse::RedZoneOverwritten(address));
    }
    if cache.flags.poison && cache.ctor.is_none() {
        memory.write(address, &poison(cache));
    }
    red_zone(cache, memory, address, RED_INACTIVE);
    Ok(())
}

fn guard_offset(cache: &Cache) -> u64 {
    u64::from(cache.object_size.next_multiple_of(8))
}

fn red_zone(cache: &Cache, memory: &mut Memory, address: u64, byte: u8) {
    if cache.flags.red_zone {
        memory.write(address + guard_offset(cache), &[byte; RED_ZONE]);
    }
}

fn poison(cache: &Cache) -> vec::Vec<u8> {
    let mut bytes = vec![POISON_FREE; cache.object_size as usize];
    if let Some(last) = bytes.last_mut() {
        *last = POISON_END;
    }
    bytes
}
