//! `kmap`: temporary kernel addresses for pages of high memory.

use alloc::{vec, vec::Vec};

use crate::{Address, AllocError, Context, Cpu, Misuse, Pfn, machine::PAGE_SIZE};

/// The number of slots in the permanent pool (`LAST_PKMAP`; 512 with PAE).
pub const LAST_PKMAP: usize = 1024;
/// The number of atomic slots of one CPU (`KM_TYPE_NR`).
pub const KM_TYPE_NR: usize = 20;
/// The first address of the permanent pool on x86-32.
const PKMAP_BASE: u64 = 0xff80_0000;
/// The first address of the atomic slots on x86-32.
const FIXADDR_START: u64 = 0xffc0_0000;

/// The mappings of high memory: a pool that all CPUs share, and the slots of each CPU.
pub struct Kmap {
    /// The frame and the number of users of each slot.
    pool: Vec<Option<(Pfn, u32)>>,
    /// The slot that was handed out last, after which the next search starts.
    last: usize,
    atomic: Vec<Vec<Pfn>>,
}

impl Kmap {
    /// Creates a `Kmap` without mappings.
    pub fn new(cpus: u16) -> Self {
        Self { pool: vec![None; LAST_PKMAP], last: 0, atomic: vec![Vec::new(); usize::from(cpus)] }
    }

    /// Maps a frame permanently. It may sleep, because it waits for a slot when the pool is full.
    pub(crate) fn map(&mut self, pfn: Pfn, context: Context) -> Result<Address, AllocError> {
        if context == Context::Atomic {
            return Err(AllocError::MaySleep);
        }
        let slot = self.slot_of(pfn).or_else(|| {
            let rest = (1..=LAST_PKMAP).map(|k| (self.last + k) % LAST_PKMAP);
            rest.into_iter().find(|slot| self.pool[*slot].is_none()).inspect(|slot| self.last = *slot)
        });
        let slot = slot.ok_or(AllocError::NoAddressSpace)?;
        self.pool[slot].get_or_insert((pfn, 0)).1 += 1;
        Ok(Address(PKMAP_BASE + slot as u64 * PAGE_SIZE))
    }

    /// Undoes one [`Self::map`]; the last user frees the slot.
    pub(crate) fn unmap(&mut self, pfn: Pfn) -> Result<(), Misuse> {
        let slot = self.slot_of(pfn).ok_or(Misuse::NotMapped(pfn))?;
        self.pool[slot] = self.pool[slot].map(|(pfn, users)| (pfn, users - 1)).filter(|(_, users)| *users > 0);
        Ok(())
    }

    fn slot_of(&self, pfn: Pfn) -> Option<usize> {
        self.pool.iter().position(|slot| slot.is_some_and(|(p, _)| p == pfn))
    }

    /// Returns the address of a permanently mapped frame.
    pub fn address_of(&self, pfn: Pfn) -> Option<Address> {
        self.slot_of(pfn).map(|slot| Address(PKMAP_BASE + slot as u64 * PAGE_SIZE))
    }

    /// Maps a frame into the next slot of a CPU. It never sleeps.
    pub(crate) fn map_atomic(&mut self, pfn: Pfn, cpu: Cpu) -> Result<Address, AllocError> {
        let slots = self.atomic.get_mut(usize::from(cpu.0)).ok_or(AllocError::NoSuchCpuOrNode)?;
        if slots.len() == KM_TYPE_NR {
            return Err(AllocError::NoAddressSpace);
        }
        slots.push(pfn);
        let slot = usize::from(cpu.0) * KM_TYPE_NR + slots.len() - 1;
        Ok(Address(FIXADDR_START + slot as u64 * PAGE_SIZE))
    }

    /// Undoes the last [`Self::map_atomic`] of a CPU.
    pub(crate) fn unmap_atomic(&mut self, pfn: Pfn, cpu: Cpu) -> Result<(), Misuse> {
        let slots = self.atomic.get_mut(usize::from(cpu.0)).ok_or(Misuse::NotMapped(pfn))?;
        match slots.last() {
            Some(last) if *last == pfn => {
                slots.pop();
                Ok(())
            }
            Some(_) if slots.contains(&pfn) => Err(Misuse::KmapOrder),
            _ => Err(Misuse::NotMapped(pfn)),
        }
    }
}
