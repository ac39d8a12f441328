//! SLUB: each CPU allocates from its own slab and keeps a few more with free objects; the node keeps the rest.

use super::{allocator::SlabAllocator, lists::Place};
use crate::{Cpu, NodeId, PageAllocator};

impl SlabAllocator {
    /// `___slab_alloc`, up to the point where a new slab is needed: takes one of the CPU's partial slabs, or else one
    /// of the node's.
    pub(super) fn slub_slab(&mut self, cache: usize, cpu: Cpu, node: NodeId) -> Option<u32> {
        let k = usize::from(cpu.0);
        // All objects of the CPU's slab are used. A full slab is on no list.
        if let Some(full) = self.caches[cache].cpus[k].slab.take() {
            self.slabs[full].place = Place::Full;
        }
        let slab = match self.caches[cache].cpus[k].partial.pop(&mut self.slabs) {
            Some(slab) => slab,
            None => self.get_partial_node(cache, cpu, node)?,
        };
        self.caches[cache].cpus[k].slab = Some(slab);
        self.slabs[slab].place = Place::Cpu;
        Some(slab)
    }

    /// `get_partial_node`: takes the first slab of the node for use, and more for the CPU's list, up to half of its
    /// limit.
    fn get_partial_node(&mut self, cache: usize, cpu: Cpu, node: NodeId) -> Option<u32> {
        let nodes = self.caches[cache].partial.len();
        let local = usize::from(node.0).min(nodes - 1);
        let n = (0..nodes).map(|d| (local + d) % nodes).find(|n| self.caches[cache].partial[*n].len() > 0)?;
        let slab = self.caches[cache].partial[n].pop(&mut self.slabs)?;
        let room = self.caches[cache].sizes.cpu_partial_slabs / 2;
        for _ in 0..room {
            let Some(more) = self.caches[cache].partial[n].pop(&mut self.slabs) else { break };
            self.slabs[more].place = Place::CpuPartial(cpu.0);
            self.caches[cache].cpus[usize::from(cpu.0)].partial.push_head(&mut self.slabs, more);
        }
        Some(slab)
    }

    /// `__slab_free`: puts a slab that was full on the CPU's partial list, and gives an empty slab back if the node has
    /// enough.
    pub(super) fn slub_after_free(&mut self, pages: &mut PageAllocator, slab: u32, cpu: Cpu) {
        let s = &self.slabs[slab];
        let cache = s.cache as usize;
        match s.place {
            Place::Full => self.put_cpu_partial(pages, cache, slab, cpu),
            Place::Partial if s.in_use == 0 => {
                let node = usize::from(s.node);
                if self.caches[cache].partial[node].len() >= self.caches[cache].sizes.min_partial {
                    self.caches[cache].partial[node].remove(&mut self.slabs, slab);
                    self.discard_slab(pages, slab, cpu);
                }
            }
            _ => {}
        }
    }

    /// `put_cpu_partial`: puts a slab on the CPU's partial list. If the list is full, all its slabs go to the node
    /// first.
    fn put_cpu_partial(&mut self, pages: &mut PageAllocator, cache: usize, slab: u32, cpu: Cpu) {
        let k = usize::from(cpu.0);
        if self.caches[cache].cpus[k].partial.len() >= self.caches[cache].sizes.cpu_partial_slabs {
            while let Some(old) = self.caches[cache].cpus[k].partial.pop(&mut self.slabs) {
                self.unfreeze(pages, cache, old, cpu);
            }
        }
        self.slabs[slab].place = Place::CpuPartial(cpu.0);
        self.caches[cache].cpus[k].partial.push_head(&mut self.slabs, slab);
    }

    /// `__put_partials`, for one slab: puts the slab on the node's list, or gives it back if it is empty and the node
    /// has enough.
    fn unfreeze(&mut self, pages: &mut PageAllocator, cache: usize, slab: u32, cpu: Cpu) {
        let s = &self.slabs[slab];
        let node = usize::from(s.node);
        if s.in_use == 0 && self.caches[cache].partial[node].len() >= self.caches[cache].sizes.min_partial {
            self.discard_slab(pages, slab, cpu);
        } else {
            self.put_on_node(slab);
        }
    }
}
