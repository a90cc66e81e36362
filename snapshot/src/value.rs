//! What can be published: any type that rkyv can archive and validate.

use std::any::type_name;

use rkyv::api::high::{HighSerializer, HighValidator};
use rkyv::bytecheck::CheckBytes;
use rkyv::ser::allocator::ArenaHandle;
use rkyv::{Archive, Serialize, rancor};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::header::Identification;
use crate::payload::Payload;

/// A value that can be published and mapped. `#[derive(rkyv::Archive, rkyv::Serialize)]` implements it.
///
/// Its archive must need an alignment of 16 bytes at most, which the compiler checks.
pub trait Value:
    Archive<Archived: for<'a> CheckBytes<HighValidator<'a, rancor::Error>>>
    + for<'a, 'p, 'f> Serialize<HighSerializer<&'p mut Payload<'f>, ArenaHandle<'a>, rancor::Error>>
{
}

impl<T> Value for T where
    T: Archive<Archived: for<'a> CheckBytes<HighValidator<'a, rancor::Error>>>
        + for<'a, 'p, 'f> Serialize<
            HighSerializer<&'p mut Payload<'f>, ArenaHandle<'a>, rancor::Error>,
        >
{
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
