//! A small file system that tests fill.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};

/// A file system in memory, mounted on a directory until it is dropped.
pub(crate) struct Volume {
    path: PathBuf,
}

impl Volume {
    /// `None` where this user may not mount: the test is skipped.
    pub(crate) fn mount(path: &Path, flags: MsFlags, options: &str) -> Option<Self> {
        match mount(Some("none"), path, Some("tmpfs"), flags, Some(options)) {
            Ok(()) => Some(Self {
                path: path.to_owned(),
            }),
            Err(error) => {
                testing::skip(format!(
                    "only root can mount a file system to break: {error}"
                ));
                None
            }
        }
    }

    /// Leaves no room.
    pub(crate) fn fill(&self) {
        let mut file = fs::File::create(self.path.join("filling")).expect("a file");
        for size in [65536, 4096, 1] {
            while file.write_all(&vec![1; size]).is_ok() {}
        }
    }

    /// Makes room again.
    pub(crate) fn empty(&self) {
        fs::remove_file(self.path.join("filling")).expect("a file");
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let _ = umount2(&self.path, MntFlags::MNT_DETACH);
    }
}
