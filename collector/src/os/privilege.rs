//! The privileges of this process: checking for those that are needed, and dropping them.

use std::{env, fs};

use caps::{CapSet, Capability, CapsHashSet};

use crate::Error;

/// Returns whether this process may load eBPF programs that read kernel memory, as root or with `CAP_BPF` and
/// `CAP_PERFMON`.
pub fn can_load() -> bool {
    let has = |capability| caps::has_cap(None, CapSet::Effective, capability).unwrap_or(false);
    has(Capability::CAP_SYS_ADMIN) || (has(Capability::CAP_BPF) && has(Capability::CAP_PERFMON))
}

/// Returns whether the kernel is locked down in mode `confidentiality`, in which it lets nobody read its memory. If the
/// mode cannot be read, the kernel is assumed not to be locked down.
pub fn is_locked_down() -> bool {
    fs::read_to_string("/sys/kernel/security/lockdown").is_ok_and(|modes| modes.contains("[confidentiality]"))
}

/// Checks that eBPF programs that read kernel memory can be loaded on this host.
///
/// # Errors
/// [`Error::NotRoot`], [`Error::Lockdown`]
pub fn check() -> Result<(), Error> {
    if !can_load() {
        return Err(Error::NotRoot);
    }
    if is_locked_down() { Err(Error::Lockdown) } else { Ok(()) }
}

/// Returns the user and group ids of the user who ran sudo, to whom the trace shall belong; `None` if sudo was not
/// used, or was run by root.
pub fn sudo_user() -> Option<(u32, u32)> {
    let id = |name| env::var(name).ok()?.parse().ok();
    Some((id("SUDO_UID")?, id("SUDO_GID")?)).filter(|(uid, _)| *uid != 0)
}

/// Drops the privileges that loading and attaching needed. After that, this process belongs to the user who ran sudo,
/// cannot gain privileges, and keeps one capability, `CAP_BPF`, to read the counters.
///
/// # Errors
/// [`Error::System`]
pub fn drop_all() -> Result<(), Error> {
    let failed =
        |action| move |error: caps::errors::CapsError| Error::System { action, error: std::io::Error::other(error) };
    let last = |action| {
        move |result: libc::c_int| {
            if result == 0 { Ok(()) } else { Err(Error::System { action, error: std::io::Error::last_os_error() }) }
        }
    };
    let kept = CapsHashSet::from([Capability::CAP_BPF]);
    if let Some((uid, gid)) = sudo_user() {
        // SAFETY: these system calls take no pointers (setgroups gets an empty list), and std has none of them for the
        // running process.
        unsafe {
            last("keep capabilities")(libc::prctl(libc::PR_SET_KEEPCAPS, 1, 0, 0, 0))?;
            last("drop the supplementary groups")(libc::setgroups(0, std::ptr::null()))?;
            last("change the group")(libc::setresgid(gid, gid, gid))?;
            last("change the user")(libc::setresuid(uid, uid, uid))?;
        }
    }
    // The effective and the inheritable set are cleared before the permitted one is reduced, because they must stay
    // within it.
    caps::clear(None, CapSet::Effective).map_err(failed("drop capabilities"))?;
    caps::clear(None, CapSet::Inheritable).map_err(failed("drop capabilities"))?;
    caps::set(None, CapSet::Permitted, &kept).map_err(failed("drop capabilities"))?;
    caps::set(None, CapSet::Effective, &kept).map_err(failed("drop capabilities"))?;
    // After a change of the user, a process cannot read its own /proc/self unless it is dumpable. SAFETY: these system
    // calls take no pointers.
    unsafe {
        last("stay readable to itself")(libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0))?;
        last("renounce new privileges")(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    }
}
