//! The paths of control groups (version 2), by the kernel's numbers. The kernel's number of a group is the inode number
//! of the group's directory.

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Component, Path, PathBuf},
};

use crate::Error;

/// A group in the form for the eBPF programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cgroup {
    /// The kernel's number of the group.
    pub id: u64,
    /// The level of the group below the root, which has level 0.
    pub level: u32,
}

/// The mounted hierarchy, and the paths that have been looked up so far.
#[derive(Debug, Clone)]
pub struct Cgroups {
    /// The directory on which the hierarchy is mounted, if it is mounted.
    mount: Option<PathBuf>,
    /// The paths in the hierarchy, by the kernel's numbers.
    paths: HashMap<u64, String>,
}

impl Cgroups {
    /// Finds where the hierarchy is mounted, on its own or beside those of version 1 (`/sys/fs/cgroup/unified`).
    pub fn find() -> Self {
        let mounts = procfs::mounts().unwrap_or_default();
        let mount =
            mounts.into_iter().find(|mount| mount.fs_vfstype == "cgroup2").map(|mount| PathBuf::from(mount.fs_file));
        Self { mount, paths: HashMap::new() }
    }

    /// Returns the group that a user names by the group's path in the hierarchy, with or without the mount point.
    ///
    /// # Errors
    /// [`Error::Option`] if there is no such group, or no hierarchy of version 2.
    pub fn named(&self, path: &str) -> Result<Cgroup, Error> {
        let Some(mount) = &self.mount else {
            return Err(Error::Option(
                "no cgroup hierarchy of version 2 is mounted, and those of version 1 cannot be filtered by".to_owned(),
            ));
        };
        let relative = Path::new(path).strip_prefix(mount).unwrap_or(Path::new(path));
        let relative: PathBuf = relative.components().filter(|part| matches!(part, Component::Normal(_))).collect();
        let directory = mount.join(&relative);
        let id = fs::metadata(&directory)
            .map_err(|error| Error::Option(format!("there is no cgroup {path} ({}: {error})", directory.display())))?
            .ino();
        Ok(Cgroup { id, level: relative.components().count() as u32 })
    }

    /// Returns the number of a process' group, from `/proc/PID/cgroup`; 0 if unknown.
    pub fn of_process(&mut self, pid: i32) -> u64 {
        let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        let (Some(mount), Some(path)) = (&self.mount, text.lines().find_map(|line| line.strip_prefix("0::"))) else {
            return 0;
        };
        if let Some((id, _)) = self.paths.iter().find(|(_, known)| *known == path) {
            return *id;
        }
        let Ok(directory) = fs::metadata(mount.join(path.trim_start_matches('/'))) else { return 0 };
        self.paths.insert(directory.ino(), path.to_owned());
        directory.ino()
    }

    /// Returns the path of a group in the hierarchy, "/" for the root, or `None` if the group no longer exists.
    pub fn path(&mut self, id: u64) -> Option<&str> {
        if !self.paths.contains_key(&id) {
            let mount = self.mount.clone()?;
            self.walk(&mount, "/");
        }
        self.paths.get(&id).map(String::as_str)
    }

    /// Stores the paths of a directory and of all directories below it.
    fn walk(&mut self, directory: &Path, path: &str) {
        let Ok(metadata) = fs::metadata(directory) else { return };
        self.paths.insert(metadata.ino(), path.to_owned());
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let name = entry.file_name();
                self.walk(&entry.path(), &format!("{}/{}", path.trim_end_matches('/'), name.to_string_lossy()));
            }
        }
    }
}
