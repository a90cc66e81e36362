//! A small file system in memory, to be filled. Needs root.

use std::fs;
use std::io::Write;
use std::path::Path;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use tempfile::TempDir;

/// Mounted on a directory of its own until it is dropped.
pub(crate) struct Volume {
    directory: TempDir,
}

impl Volume {
    /// `None` if this user may not mount; the test is skipped then.
    pub(crate) fn mount(bytes: usize) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let options = format!("size={bytes},mode=700");
        let mounted = mount(
            Some("none"),
            directory.path(),
            Some("tmpfs"),
            MsFlags::empty(),
            Some(options.as_str()),
        );
        match mounted {
            Ok(()) => Some(Self { directory }),
            Err(error) => {
                testing::skip(format!(
                    "only root can mount a file system to fill: {error}"
                ));
                None
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Takes all the space that is left.
    pub(crate) fn fill(&self) {
        let mut file = fs::File::create(self.path().join("filling")).unwrap();
        for size in [65536, 4096, 1] {
            while file.write_all(&vec![1; size]).is_ok() {}
        }
    }

    /// Frees the space again.
    pub(crate) fn empty(&self) {
        fs::remove_file(self.path().join("filling")).unwrap();
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let _ = umount2(self.directory.path(), MntFlags::MNT_DETACH);
    }
}
