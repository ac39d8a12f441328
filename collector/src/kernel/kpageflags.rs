//! The reader of `/proc/kpageflags` (fs/proc/page.c), which holds 64 flags of each page frame. The frames are read as
//! runs of one class.

use std::{fs::File, io, os::unix::fs::FileExt as _, path::Path};

use crate::Error;

/// The open file. If it was opened with privileges, it can be read after they were dropped.
pub struct KPageFlags(File);

/// A run of adjacent page frames of one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The number of the first frame.
    pub pfn: u64,
    /// The number of frames.
    pub pages: u64,
    /// The class of the frames: what they are used for.
    pub class: &'static str,
}

/// The classes and the flags that identify them. A frame belongs to the first class of which it has a flag. The numbers
/// of the bits are those of include/uapi/linux/kernel-page-flags.h, and `KPF_RESERVED` of
/// include/linux/kernel-page-flags.h, which the file has as well.
const CLASSES: [(&[u32], &str); 9] = [
    (&[20], "absent"),       // NOPAGE
    (&[10], "free"),         // BUDDY: in a zone's free_area, not on a pcp list
    (&[7], "slab"),          // SLAB
    (&[17], "huge"),         // HUGE: hugetlbfs
    (&[26], "page_table"),   // PGTABLE
    (&[12], "anon"),         // ANON
    (&[5, 11, 14], "file"),  // LRU, MMAP, SWAPBACKED: page cache, shared memory with it
    (&[32, 23], "reserved"), // RESERVED, OFFLINE
    (&[], "other"),
];

impl KPageFlags {
    /// Opens the file.
    ///
    /// # Errors
    /// [`Error::Read`] if the file cannot be opened, as on a kernel that was built without `CONFIG_PROC_PAGE_MONITOR`.
    pub fn open() -> Result<Self, Error> {
        let path = Path::new("/proc/kpageflags");
        File::open(path).map(Self).map_err(|error| Error::Read { path: path.to_owned(), error })
    }

    /// Returns the runs in a range of page frames. Frames that do not exist are in no run.
    ///
    /// # Errors
    /// The operating system's error if the file cannot be read.
    pub fn runs(&self, start_pfn: u64, end_pfn: u64) -> io::Result<Vec<Run>> {
        const CHUNK: u64 = 1 << 14;
        let (mut runs, mut buffer) = (Vec::new(), vec![0; CHUNK as usize * 8]);
        let mut pfn = start_pfn;
        while pfn < end_pfn {
            let wanted = (end_pfn - pfn).min(CHUNK) as usize * 8;
            let read = self.0.read_at(&mut buffer[..wanted], pfn * 8)?;
            if read < 8 {
                break;
            }
            for flags in buffer[..read].chunks_exact(8) {
                add(&mut runs, pfn, class(u64::from_ne_bytes(flags.try_into().expect("eight bytes"))));
                pfn += 1;
            }
        }
        runs.retain(|run| run.class != "absent");
        Ok(runs)
    }
}

/// Returns the class of a frame with these flags.
fn class(flags: u64) -> &'static str {
    let has = |bits: &[u32]| bits.is_empty() || bits.iter().any(|bit| flags >> bit & 1 == 1);
    CLASSES.iter().find(|(bits, _)| has(bits)).map_or("other", |(_, class)| class)
}

/// Adds a frame to the last run, or starts a new run with the frame.
fn add(runs: &mut Vec<Run>, pfn: u64, class: &'static str) {
    match runs.last_mut() {
        Some(last) if last.class == class && last.pfn + last.pages == pfn => last.pages += 1,
        _ => runs.push(Run { pfn, pages: 1, class }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_telling_flag_wins() {
        assert_eq!(class(1 << 10 | 1 << 5), "free");
        assert_eq!(class(1 << 12 | 1 << 5 | 1 << 11), "anon");
        assert_eq!(class(1 << 5), "file");
        assert_eq!(class(1 << 32), "reserved");
        assert_eq!(class(0), "other");
    }

    #[test]
    fn neighbours_of_one_class_are_one_run() {
        let mut runs = Vec::new();
        for (pfn, class) in [(4, "free"), (5, "free"), (6, "slab"), (8, "slab")] {
            add(&mut runs, pfn, class);
        }
        let expected =
            [(4, 2, "free"), (6, 1, "slab"), (8, 1, "slab")].map(|(pfn, pages, class)| Run { pfn, pages, class });
        assert_eq!(runs, expected);
    }
}
