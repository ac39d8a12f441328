//! What the collector cannot do it says in a sentence; and what it finds it leaves alone.

use std::{fs, os::unix::process::CommandExt as _, process::Command};

use tempfile::TempDir;

use crate::common::{collector, program};

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn without_root_it_says_so_in_a_sentence() {
    let tmp = TempDir::new().unwrap();
    // A copy that any user may run, wherever the original lies.
    let copy = tmp.path().join("collector");
    fs::copy(program("collector"), &copy).unwrap();
    std::os::unix::fs::chown(tmp.path(), Some(65534), None).unwrap();
    let output = Command::new(&copy).args(["record", "-o", "/nowhere"]).uid(65534).gid(65534).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr.starts_with("collector: capturing needs root") && stderr.contains("sudo") && stderr.lines().count() == 1,
        "{stderr}"
    );
}

/// In a mount namespace of its own, where nobody else misses it.
#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn without_tracefs_it_says_so_in_a_sentence() {
    let script = "umount -l /sys/kernel/tracing; umount -l /sys/kernel/debug; exec \"$0\" record -o /nowhere";
    let output = Command::new("unshare").args(["-m", "sh", "-c", script]).arg(program("collector")).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    let sentence = stderr.lines().last().unwrap();
    assert!(
        sentence.starts_with("collector: tracefs is not mounted") && sentence.contains("mount -t tracefs"),
        "{stderr}"
    );
}

/// As in a container that was given no capabilities.
#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn a_root_without_capabilities_is_told_which_it_lacks() {
    let Ok(output) = Command::new("capsh")
        .args(["--drop=cap_sys_admin,cap_bpf,cap_perfmon", "--"])
        .arg("-c")
        .arg(format!("{} record -o /nowhere", program("collector").display()))
        .output()
    else {
        assert!(
            std::env::var_os("GFPSCOPE_GUEST").is_some(),
            "capsh is missing: `make setup` installs it (libcap2-bin)"
        );
        println!("SKIPPED: the guests of the kernel matrix have no capsh; on the host this check must run");
        return;
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("CAP_BPF") && stderr.lines().count() == 1, "{stderr}");
}

/// One tracepoint is hidden, as if the kernel did not have it; in a mount namespace of its own.
#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn without_a_tracepoint_it_names_the_tracepoint() {
    let hidden = "/sys/kernel/tracing/events/kmem/kmalloc";
    let script = format!("mount -t tmpfs none {hidden} && exec \"$0\" record -o /nowhere");
    let output = Command::new("unshare").args(["-m", "sh", "-c", &script]).arg(program("collector")).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr.starts_with("collector: this kernel has no tracepoint kmem:kmalloc") && stderr.lines().count() == 1,
        "{stderr}"
    );
}

/// Only the slab caches' names need the kernel's type information.
#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn without_btf_only_the_caches_are_refused() {
    let tmp = TempDir::new().unwrap();
    for (events, works) in [("page,slab,frag,reclaim", true), ("cache", false)] {
        let script = "mount -t tmpfs none /sys/kernel/btf && exec \"$0\" record --duration 0.3 --events $1 -o \"$2\"";
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", script]).arg(program("collector")).arg(events).arg(tmp.path().join(events));
        let output = command.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), works, "{events}: {stderr}");
        assert!(
            works
                || (stderr.starts_with("collector: cannot read /sys/kernel/btf/vmlinux")
                    && stderr.lines().count() == 1),
            "{stderr}"
        );
    }
}

/// There is no way back from lockdown but a reboot, so `cargo xtask live` runs this by itself, as the last thing that a
/// guest does.
#[test]
#[ignore = "locks the kernel down until it is booted again: run by cargo xtask live, in guests"]
fn under_lockdown_it_says_what_lockdown_forbids() {
    if !crate::pressure::is_guest() {
        println!("SKIPPED: the kernel is locked down in the guests of the kernel matrix only");
        return;
    }
    let lockdown = "/sys/kernel/security/lockdown";
    if !std::path::Path::new(lockdown).exists() {
        assert!(
            Command::new("mount")
                .args(["-t", "securityfs", "none", "/sys/kernel/security"])
                .status()
                .unwrap()
                .success()
        );
    }
    fs::write(lockdown, "confidentiality").unwrap();
    let output = collector().args(["record", "-o", "/nowhere"]).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.starts_with("collector: the kernel is locked down") && stderr.lines().count() == 1, "{stderr}");
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn what_exists_is_not_overwritten() {
    let tmp = TempDir::new().unwrap();
    fs::write(tmp.path().join("precious"), "data").unwrap();
    let output = collector().args(["record", "--duration", "1", "-o"]).arg(tmp.path()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("is not empty") && stderr.lines().count() == 1, "{stderr}");
    assert_eq!(fs::read_dir(tmp.path()).unwrap().count(), 1);
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn probe_finds_everything_here() {
    let output = collector().args(["probe", "--json"]).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["can_record"], true, "{report:#}");
    assert!(report["checks"].as_array().unwrap().iter().all(|check| check["ok"] == true), "{report:#}");
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn a_command_that_is_not_there_is_told_once() {
    let tmp = TempDir::new().unwrap();
    let output = collector()
        .args(["record", "-o"])
        .arg(tmp.path().join("trace"))
        .args(["--", "/no/such/program"])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr, "collector: cannot run `/no/such/program`: No such file or directory (os error 2)\n");
}
