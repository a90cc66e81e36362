//! What can be published: any type that rkyv can archive and validate.

use std::any::type_name;

use rkyv::api::high::{HighSerializer, HighValidator, to_bytes_in};
use rkyv::bytecheck::CheckBytes;
use rkyv::ser::allocator::ArenaHandle;
use rkyv::util::AlignedVec;
use rkyv::{Archive, Serialize, rancor};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::header::{self, Identification};

/// A value that can be published and mapped. `#[derive(rkyv::Archive, rkyv::Serialize)]` implements it.
///
/// Its archive must need an alignment of 16 bytes at most, which the compiler checks.
pub trait Value:
    Archive<Archived: for<'a> CheckBytes<HighValidator<'a, rancor::Error>>>
    + for<'a> Serialize<HighSerializer<AlignedVec, ArenaHandle<'a>, rancor::Error>>
{
}

impl<T> Value for T where
    T: Archive<Archived: for<'a> CheckBytes<HighValidator<'a, rancor::Error>>>
        + for<'a> Serialize<HighSerializer<AlignedVec, ArenaHandle<'a>, rancor::Error>>
{
}

/// The whole content of a file, header and archive in one piece. Its generation is 0 so far, because archiving takes
/// long and is done before it is the value's turn to be numbered.
pub(crate) fn archive<T: Value>(value: &T, format: u32) -> Result<AlignedVec, rancor::Error> {
    let mut file = AlignedVec::new();
    file.resize(header::LENGTH, 0);
    let mut file = to_bytes_in(value, file)?;
    header::write(&mut file, identification::<T>(format, 0));
    Ok(file)
}

pub(crate) fn identification<T: Value>(format: u32, generation: u64) -> Identification {
    Identification {
        format,
        generation,
        fingerprint: fingerprint::<T>(),
    }
}

/// Tells one archived type from another by its name (with its module path) and size, so that no file is read as a
/// type that it does not hold. The caller's format number covers changes of layout that keep both.
fn fingerprint<T: Value>() -> u64 {
    xxh3_64_with_seed(type_name::<T>().as_bytes(), size_of::<T::Archived>() as u64)
}
