//! Processes that hardly get a processor, because their cgroup may not use one: needs root, and a `cpu` cgroup.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;

/// Processes of which all together may run for a millisecond in each second. Ended when dropped.
pub struct Throttle {
    group: PathBuf,
}

impl Throttle {
    /// Throttles these processes; `None` if this user or this machine cannot.
    #[must_use]
    pub fn of(processes: impl IntoIterator<Item = u32>) -> Option<Self> {
        let name = format!("test-{}-{:?}", process::id(), std::thread::current().id());
        let name: String = name.chars().filter(|it| it.is_alphanumeric()).collect();
        let throttle = Self {
            group: one(&name).or_else(|_| two(&name)).ok()?,
        };
        for process in processes {
            let moved = fs::write(throttle.group.join("cgroup.procs"), process.to_string());
            moved.ok()?;
        }
        Some(throttle)
    }
}

/// A group of cgroup version 1.
fn one(name: &str) -> io::Result<PathBuf> {
    let group = Path::new("/sys/fs/cgroup/cpu").join(name);
    fs::create_dir(&group)?;
    fs::write(group.join("cpu.cfs_period_us"), "1000000")?;
    fs::write(group.join("cpu.cfs_quota_us"), "1000")?;
    Ok(group)
}

/// A group of cgroup version 2.
fn two(name: &str) -> io::Result<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    fs::write(root.join("cgroup.subtree_control"), "+cpu")?;
    let group = root.join(name);
    fs::create_dir(&group)?;
    fs::write(group.join("cpu.max"), "1000 1000000")?;
    Ok(group)
}

impl Drop for Throttle {
    fn drop(&mut self) {
        // Without processes the group can be removed. Whoever has exited needs no move.
        let processes = fs::read_to_string(self.group.join("cgroup.procs")).unwrap_or_default();
        for process in processes.lines() {
            let _ = fs::write(self.group.with_file_name("cgroup.procs"), process);
        }
        let _ = fs::remove_dir(&self.group);
    }
}
