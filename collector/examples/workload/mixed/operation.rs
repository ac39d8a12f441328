//! The operations of the mix. Each leaves the machine as it found it, but for memory handed to [`State::keep`].

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use super::state::State;
use crate::memory::{Mapping, check};

/// One thing a worker can do.
pub struct Operation {
    /// Its key in the JSON that the program prints.
    pub name: &'static str,
    /// Does the operation once.
    pub run: fn(&mut State) -> io::Result<()>,
}

/// All operations, each as likely as any other.
pub const ALL: [Operation; 9] = [
    Operation { name: "anonymous", run: anonymous },
    Operation { name: "huge", run: huge },
    Operation { name: "file", run: file },
    Operation { name: "pipe", run: pipe },
    Operation { name: "socket", run: socket },
    Operation { name: "spawn", run: spawn },
    Operation { name: "fork", run: fork },
    Operation { name: "objects", run: objects },
    Operation { name: "protect", run: protect },
];

/// Order-0 movable pages, some of them long-lived.
fn anonymous(state: &mut State) -> io::Result<()> {
    let mut mapping = Mapping::of_base_pages(1 + state.random.below(512))?;
    mapping.touch();
    state.keep(mapping);
    Ok(())
}

/// Order-9 pages where the kernel has transparent huge pages; base pages where it has not.
fn huge(_: &mut State) -> io::Result<()> {
    // 8 MiB hold at least three whole huge pages, wherever the mapping begins.
    let mut mapping = Mapping::new(2048)?;
    match mapping.advise(libc::MADV_HUGEPAGE) {
        Err(error) if error.raw_os_error() != Some(libc::EINVAL) => return Err(error),
        _ => mapping.touch(),
    }
    Ok(())
}

/// Page cache, and what a file system allocates for itself.
fn file(state: &mut State) -> io::Result<()> {
    let block = vec![0x5a; 64 << 10];
    let mut file = File::create(&state.file)?;
    for _ in 0..=state.random.below(64) {
        file.write_all(&block)?;
    }
    drop(file);
    let mut block = block;
    let mut file = File::open(&state.file)?;
    while file.read(&mut block)? > 0 {}
    fs::remove_file(&state.file)
}

/// Pipe buffers: one page each, and an array of them that grows with the pipe.
fn pipe(state: &mut State) -> io::Result<()> {
    let (mut reader, mut writer) = io::pipe()?;
    // Growing beyond the user's share of pipe pages is refused; the pipe then stays as it is, at 64 KiB.
    // SAFETY: the descriptor is open.
    let size = unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETPIPE_SZ, 1 << (16 + state.random.below(4))) };
    let mut data = vec![0; usize::try_from(size).unwrap_or(64 << 10)];
    writer.write_all(&data)?;
    reader.read_exact(&mut data)
}

/// Socket buffers, which ask for pages of a higher order first.
fn socket(state: &mut State) -> io::Result<()> {
    let (mut near, mut far) = UnixStream::pair()?;
    // Less than the smallest default of a socket's send buffer, so that the write cannot wait for a reader.
    let mut data = vec![0; 1024 << state.random.below(6)];
    near.write_all(&data)?;
    far.read_exact(&mut data)
}

/// A new program: page tables, stacks, the `execve` argument pages, file mappings.
fn spawn(_: &mut State) -> io::Result<()> {
    Command::new("true").stdin(Stdio::null()).stdout(Stdio::null()).status().map(drop)
}

/// A copy of this process that writes to inherited memory: copy-on-write faults.
fn fork(_: &mut State) -> io::Result<()> {
    let mut mapping = Mapping::of_base_pages(64)?;
    mapping.touch();
    // SAFETY: between fork and _exit the child only writes to memory, which is allowed in a copy of a threaded process.
    let child = unsafe { libc::fork() };
    if check(child)? == 0 {
        mapping.touch();
        // SAFETY: no preconditions; nothing of the parent's is flushed or dropped.
        unsafe { libc::_exit(0) };
    }
    loop {
        // SAFETY: the child is ours and not yet waited for; a null status is allowed.
        match check(unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) }) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result.map(drop),
        }
    }
}

/// Many small kernel objects, freed in another order than they were made.
fn objects(state: &mut State) -> io::Result<()> {
    let mut open = Vec::new();
    for number in 0..8 + state.random.below(56) {
        // SAFETY: none of these calls has preconditions.
        let fd = check(unsafe {
            match number % 4 {
                0 => libc::eventfd(0, libc::EFD_CLOEXEC),
                1 => libc::epoll_create1(libc::EPOLL_CLOEXEC),
                2 => libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC),
                _ => libc::inotify_init1(libc::IN_CLOEXEC),
            }
        });
        match fd {
            // SAFETY: the descriptor is new, and this is its only owner.
            Ok(fd) => open.push(unsafe { File::from_raw_fd(fd) }),
            // A user may have 128 inotify instances; other programs may hold them.
            Err(error) if error.raw_os_error() == Some(libc::EMFILE) => {}
            Err(error) => return Err(error),
        }
    }
    while !open.is_empty() {
        open.swap_remove(state.random.below(open.len()));
    }
    Ok(())
}

/// `vm_area_struct` objects and the page tables beneath them.
fn protect(state: &mut State) -> io::Result<()> {
    let mut mapping = Mapping::of_base_pages(2 + state.random.below(254))?;
    mapping.touch();
    mapping.split()
}
