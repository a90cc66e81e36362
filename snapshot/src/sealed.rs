//! Bytes in memory that belong to no process: a file without a name, which is written once and sealed. It can be handed
//! to another process and mapped there, so that nobody copies it. The memory is free again when the last one lets go of
//! it, whatever the heaps look like.

use std::fs::File;
use std::io::{self, Write};
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::map::{SEALS, SealedMap};

/// `MFD_NOEXEC_SEAL`, which some systems demand and Linux before 6.3 does not know.
const NOEXEC: MFdFlags = MFdFlags::from_bits_retain(0x8);

/// Bytes that are being written and will be [`Sealed`].
#[derive(Debug)]
pub struct Unsealed(File);

/// Bytes that nobody can change any more. A clone is the same bytes.
#[derive(Clone, Debug)]
pub struct Sealed(Arc<(File, SealedMap)>);

impl Unsealed {
    /// No bytes so far.
    ///
    /// # Errors
    ///
    /// The kernel gives no such file.
    pub fn new() -> io::Result<Self> {
        let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let file = match memfd_create(c"sealed", flags | NOEXEC) {
            Err(Errno::EINVAL) => memfd_create(c"sealed", flags),
            created => created,
        };
        Ok(Self(file?.into()))
    }

    /// Seals what was written.
    ///
    /// # Errors
    ///
    /// The kernel does not seal or map it.
    pub fn seal(self) -> io::Result<Sealed> {
        fcntl(&self.0, FcntlArg::F_ADD_SEALS(SEALS))?;
        Sealed::received(self.0)
    }
}

impl Write for Unsealed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sealed {
    /// The bytes of a descriptor that another process [gave](AsFd::as_fd) to this one.
    ///
    /// # Errors
    ///
    /// It is not sealed, or the kernel does not map it.
    pub fn received(file: File) -> io::Result<Self> {
        let map = SealedMap::of(&file)?;
        Ok(Self(Arc::new((file, map))))
    }
}

impl AsFd for Sealed {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.0.as_fd()
    }
}

impl Deref for Sealed {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0.1
    }
}

impl AsRef<[u8]> for Sealed {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_the_same_everywhere_and_nobody_changes_it() {
        let mut unsealed = Unsealed::new().unwrap();
        unsealed.write_all(b"some ").unwrap();
        unsealed.write_all(b"bytes").unwrap();
        let sealed = unsealed.seal().unwrap();
        assert_eq!(&*sealed, b"some bytes");
        let mut file = File::from(sealed.as_fd().try_clone_to_owned().unwrap());
        assert!(file.write_all(b"other").is_err());
        assert!(file.set_len(0).is_err());
        assert!(file.set_len(100).is_err());
        let received = Sealed::received(file).unwrap();
        drop(sealed);
        assert_eq!(&*received, b"some bytes");
    }

    #[test]
    fn what_somebody_could_change_is_not_received() {
        let unsealed = Unsealed::new().unwrap();
        assert!(Sealed::received(unsealed.0).is_err());
        assert!(Sealed::received(tempfile::tempfile().unwrap()).is_err());
    }

    #[test]
    fn no_bytes_can_be_sealed_too() {
        assert_eq!(&*Unsealed::new().unwrap().seal().unwrap(), b"");
    }
}
