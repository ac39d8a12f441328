//! Anonymous mappings whose pages are allocated when, and only when, this program says so.

use std::io;
use std::ptr;

/// A private anonymous mapping, unmapped on drop.
pub struct Mapping {
    start: *mut u8,
    bytes: usize,
}

// SAFETY: the mapping belongs to this value alone; nothing else holds its address.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Maps `pages` pages; the kernel allocates none of them yet.
    pub fn new(pages: usize) -> io::Result<Self> {
        let bytes = pages * page_size();
        // SAFETY: a new mapping at an address of the kernel's choosing touches no memory that is in use.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { start: start.cast(), bytes })
    }

    /// Maps `pages` base pages; the kernel allocates none of them yet. With huge pages, or the middle sizes of newer
    /// kernels, one fault would bring many pages.
    pub fn of_base_pages(pages: usize) -> io::Result<Self> {
        let mapping = Self::new(pages)?;
        match mapping.advise(libc::MADV_NOHUGEPAGE) {
            // A kernel built without transparent huge pages does not know the advice, and does not need it.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(mapping),
            Err(error) => Err(error),
            Ok(()) => Ok(mapping),
        }
    }

    /// `madvise` on the whole mapping.
    pub fn advise(&self, advice: libc::c_int) -> io::Result<()> {
        // SAFETY: the range is this mapping.
        check(unsafe { libc::madvise(self.start.cast(), self.bytes, advice) }).map(drop)
    }

    /// Writes one byte to every page.
    pub fn touch(&mut self) {
        for offset in (0..self.bytes).step_by(page_size()) {
            // SAFETY: the offset lies in the mapping. Volatile, because nothing ever reads the byte.
            unsafe { self.start.add(offset).write_volatile(1) };
        }
    }

    /// Makes every second page read-only: each change of protection splits the mapping in the kernel
    /// (`vm_area_struct`).
    pub fn split(&self) -> io::Result<()> {
        for offset in (0..self.bytes).step_by(2 * page_size()) {
            // SAFETY: the page lies in the mapping, and no reference into it exists.
            check(unsafe { libc::mprotect(self.start.add(offset).cast(), page_size(), libc::PROT_READ) })?;
        }
        Ok(())
    }

    /// How many pages are mapped.
    pub fn pages(&self) -> usize {
        self.bytes / page_size()
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is this mapping, and nothing can reach it after drop.
        unsafe { libc::munmap(self.start.cast(), self.bytes) };
    }
}

/// The size of a base page.
pub fn page_size() -> usize {
    // SAFETY: no preconditions.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).expect("the page size is positive")
}

/// Turns the −1 of a system call into its error.
pub fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
