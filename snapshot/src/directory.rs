//! The state directory: whose it is, what its files are called, how one gets its name. Knows
//! nothing of what is in them.

use std::fs::{self, DirBuilder, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::posix_fallocate;

use crate::error::Error;

const PRIVATE_DIRECTORY: u32 = 0o700;
const PRIVATE_FILE: u32 = 0o600;
const OTHERS: u32 = 0o077;
const LONGEST_NAME: usize = 64;

/// A state directory that belongs to this user alone.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
}

/// What a directory holds of earlier runs.
#[derive(Debug)]
pub(crate) struct Found {
    /// Every file with a generation in its name.
    pub(crate) files: Vec<PathBuf>,
    /// The highest of those generations, 0 if there are none.
    pub(crate) generation: u64,
}

impl Found {
    fn add(&mut self, directory: &Path, is_ours: fn(&str) -> bool) -> Result<(), Error> {
        for name in names(directory)? {
            if let Some((stem, generation)) = split(&name)
                && is_ours(stem)
            {
                self.generation = self.generation.max(generation);
                self.files.push(directory.join(&name));
            }
        }
        Ok(())
    }
}

impl Directory {
    /// For the writer: created if need be, closed to others if it was not.
    pub(crate) fn create(path: &Path) -> Result<Self, Error> {
        create_private(path)?;
        let directory = Self {
            path: path.to_owned(),
        };
        if directory.mode_if_ours()? & OTHERS != 0 {
            fs::set_permissions(path, Permissions::from_mode(PRIVATE_DIRECTORY))
                .map_err(Error::io("restrict the permissions of", path))?;
        }
        create_private(&directory.environments())?;
        Ok(directory)
    }

    /// For a reader: as the writer left it.
    pub(crate) fn existing(path: &Path) -> Result<Self, Error> {
        let directory = Self {
            path: path.to_owned(),
        };
        let mode = directory.mode_if_ours()? & 0o777;
        if mode & OTHERS != 0 {
            return Err(Error::Permissions {
                directory: directory.path,
                mode,
            });
        }
        Ok(directory)
    }

    /// Held until the returned file is dropped, or its process is gone.
    pub(crate) fn lock(&self) -> Result<fs::File, Error> {
        let path = self.path.join("lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(PRIVATE_FILE)
            .open(&path)
            .map_err(Error::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(Error::Locked {
                directory: self.path.clone(),
            }),
            Err(TryLockError::Error(source)) => Err(Error::io("lock", &path)(source)),
        }
    }

    pub(crate) fn board(&self) -> PathBuf {
        self.path.join("board")
    }

    pub(crate) fn index(&self, generation: u64) -> PathBuf {
        self.path.join(format!("index.{generation}"))
    }

    /// Refuses a name that could lead elsewhere.
    pub(crate) fn file(&self, name: &str, generation: u64) -> Result<PathBuf, Error> {
        if !is_name(name) {
            return Err(Error::Name {
                name: name.to_owned(),
            });
        }
        Ok(self.environments().join(format!("{name}.{generation}")))
    }

    /// Writes `content` under a temporary name and gives it its own. Whatever had that name before
    /// keeps its content. Not synced: that is slow, and nobody who is served waits for it.
    pub(crate) fn stage(&self, content: &[u8], path: &Path) -> Result<(), Error> {
        self.stage_with_room(content, content.len(), path)
    }

    /// As [`stage`](Self::stage), with zeros up to `length`. The disk holds room for all of them:
    /// who maps the file and writes to it is not killed because the disk is full.
    pub(crate) fn stage_with_room(
        &self,
        content: &[u8],
        length: usize,
        path: &Path,
    ) -> Result<(), Error> {
        let staging = self.staging();
        // One writer at a time, so what is there was left by a failure or by an earlier run.
        unlink(&staging)?;
        let written = self.write(content, length, &staging).and_then(|()| {
            fs::rename(&staging, path).map_err(Error::io("rename the staged file to", path))
        });
        if written.is_err() {
            // The failure at hand says more than one to tidy up; the next stage unlinks too.
            let _ = unlink(&staging);
        }
        written
    }

    /// Everything with a generation. Files of any other name are somebody's, not ours.
    pub(crate) fn found(&self) -> Result<Found, Error> {
        let mut found = Found {
            files: Vec::new(),
            generation: 0,
        };
        found.add(&self.path, |stem| stem == "index")?;
        found.add(&self.environments(), is_name)?;
        Ok(found)
    }

    /// Makes sure that every name given so far outlives a power cut.
    pub(crate) fn sync_names(&self) -> Result<(), Error> {
        [&self.path, &self.environments()]
            .into_iter()
            .try_for_each(|directory| {
                fs::File::open(directory)
                    .and_then(|directory| directory.sync_all())
                    .map_err(Error::io("sync", directory))
            })
    }

    pub(crate) fn staging(&self) -> PathBuf {
        self.path.join("staging")
    }

    fn environments(&self) -> PathBuf {
        self.path.join("environments")
    }

    fn write(&self, content: &[u8], length: usize, staging: &Path) -> Result<(), Error> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(PRIVATE_FILE)
            .open(staging)
            .map_err(Error::io("create", staging))?;
        file.write_all(content)
            .map_err(Error::io("write", staging))?;
        if length > content.len() {
            let reserve = Error::io("reserve room for", staging);
            let length = i64::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge.into());
            length
                .and_then(|length| Ok(posix_fallocate(&file, 0, length)?))
                .map_err(reserve)?;
        }
        Ok(())
    }

    /// The permission bits, if nobody else can put another directory or other files here.
    fn mode_if_ours(&self) -> Result<u32, Error> {
        let user = nix::unistd::geteuid().as_raw();
        let refused = |owner| Error::Owner {
            directory: self.path.clone(),
            owner,
            user,
        };
        let act = Error::io("examine state directory", &self.path);
        let (link, target) = fs::symlink_metadata(&self.path)
            .and_then(|link| Ok((link, fs::metadata(&self.path)?)))
            .map_err(act)?;
        // A link by the administrator is fine (systemd makes one for a dynamic user); a stranger's,
        // say in a temporary directory, would have us write wherever it points.
        if link.is_symlink() && link.uid() != user && link.uid() != 0 {
            return Err(refused(link.uid()));
        }
        if target.uid() != user {
            return Err(refused(target.uid()));
        }
        Ok(target.mode())
    }
}

/// Makes sure that the content of a file outlives a power cut. `Ok` if the name is gone.
pub(crate) fn sync(path: &Path) -> Result<(), Error> {
    match fs::File::open(path).and_then(|file| file.sync_data()) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("sync", path)(source))
        }
        _ => Ok(()),
    }
}

/// `Ok` if the name is gone, whoever did it.
pub(crate) fn unlink(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("unlink", path)(source))
        }
        _ => Ok(()),
    }
}

fn create_private(path: &Path) -> Result<(), Error> {
    DirBuilder::new()
        .recursive(true)
        .mode(PRIVATE_DIRECTORY)
        .create(path)
        .map_err(Error::io("create directory", path))
}

fn is_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// `<stem>.<generation>`, written as we write it: no sign, no leading zero.
fn split(name: &str) -> Option<(&str, u64)> {
    let (stem, text) = name.rsplit_once('.')?;
    let generation: u64 = text.parse().ok()?;
    (generation.to_string() == text).then_some((stem, generation))
}

fn names(directory: &Path) -> Result<Vec<String>, Error> {
    fs::read_dir(directory)
        .and_then(|entries| {
            entries
                .map(|entry| Ok(entry?.file_name().into_string().unwrap_or_default()))
                .collect::<io::Result<_>>()
        })
        .map_err(Error::io("list", directory))
}
