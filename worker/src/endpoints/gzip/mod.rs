//! Gzip of the answer for an identity, of which the flags are compressed once and used again.
//!
//! Such an answer begins with a short head that is different for each request, and goes on with a list of flags that
//! many identities share. Deflated data is a sequence of blocks: the head goes into a block that stores it as it is,
//! and the list into blocks that were made when it first occurred. They meet at a byte boundary, and their checksums
//! combine.

mod cache;

use engine::{Flags, Side};
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

use cache::{Cache, Deflated};

/// From this many bytes on, compression saves a packet.
pub(super) const WORTH_COMPRESSING: usize = 1000;

/// The longest head that is stored. Few are longer, and those are worth compressing.
const MAX_STORED_BYTES: usize = 4 * 1024;
/// The memory for a list that is being compressed is freed if it has grown beyond this.
const MAX_PLAIN_BYTES: usize = 256 * 1024;
/// Speed before size: a list that does not occur again was compressed for one request.
const LEVEL: Compression = Compression::fast();
/// Magic, deflate, no name, no time, fastest, from Unix (RFC 1952, 2.3).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 3];
/// Begins a block that is stored and is not the last (RFC 1951, 3.2.4).
const STORED_BLOCK: u8 = 0;

/// Compresses answers. Its memory, a quarter of a megabyte, is allocated when the first client accepts gzip.
#[derive(Default)]
pub(super) struct Gzip {
    compress: Option<Compress>,
    cache: Cache,
    /// The list that is being compressed.
    plain: Vec<u8>,
}

/// A list of flags, with what tells it apart from others.
pub(super) struct FlagList<'f, 'e, 's> {
    /// The generation of the environment's snapshot.
    pub(super) generation: u64,
    pub(super) side: Side,
    pub(super) flags: &'f Flags<'e, 's>,
}

impl Gzip {
    /// Appends `head`, the list and `}` in gzip format. Returns false if that fails; then `out` is unusable.
    pub(super) fn write(
        &mut self,
        head: &[u8],
        list: &FlagList<'_, '_, '_>,
        out: &mut Vec<u8>,
    ) -> bool {
        let length = head.len() + list.flags.byte_length() + 1;
        out.extend_from_slice(&HEADER);
        let checksum =
            if head.len() > MAX_STORED_BYTES || list.flags.byte_length() < WORTH_COMPRESSING {
                self.write_whole(head, list.flags, out)
            } else {
                self.write_joined(head, list, out)
            };
        let Some(checksum) = checksum else {
            return false;
        };
        out.extend_from_slice(&checksum.sum().to_le_bytes());
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the format counts modulo 2^32"
        )]
        out.extend_from_slice(&(length as u32).to_le_bytes());
        true
    }

    /// Compresses head and list for this answer alone.
    fn write_whole(
        &mut self,
        head: &[u8],
        flags: &Flags<'_, '_>,
        out: &mut Vec<u8>,
    ) -> Option<Crc> {
        self.plain.clear();
        self.plain.extend_from_slice(head);
        self.deflate(flags, out)
    }

    /// Stores the head, and compresses the list unless it is in the cache.
    fn write_joined(
        &mut self,
        head: &[u8],
        list: &FlagList<'_, '_, '_>,
        out: &mut Vec<u8>,
    ) -> Option<Crc> {
        let length = u16::try_from(head.len()).ok()?;
        out.push(STORED_BLOCK);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(head);
        let mut checksum = Crc::new();
        checksum.update(head);
        let choices = list.flags.choices();
        if let Some(cached) = self.cache.find(list.generation, list.side, choices) {
            out.extend_from_slice(&cached.deflated);
            checksum.combine(&cached.checksum);
            return Some(checksum);
        }
        self.plain.clear();
        let start = out.len();
        let list_checksum = self.deflate(list.flags, out)?;
        checksum.combine(&list_checksum);
        self.cache.insert_missed(Deflated {
            deflated: out[start..].into(),
            checksum: list_checksum,
        });
        Some(checksum)
    }

    /// Appends what `plain` contains, the list and `}`, deflated to the end. Returns their checksum.
    fn deflate(&mut self, flags: &Flags<'_, '_>, out: &mut Vec<u8>) -> Option<Crc> {
        let plain = &mut self.plain;
        flags.write(plain);
        plain.push(b'}');
        let compress = self
            .compress
            .get_or_insert_with(|| Compress::new(LEVEL, false));
        compress.reset();
        // Enough for data that does not compress, so that one call does it.
        out.reserve(plain.len() + plain.len() / 1000 + 64);
        let deflated = compress.compress_vec(plain, out, FlushCompress::Finish);
        let mut checksum = Crc::new();
        checksum.update(plain);
        if plain.capacity() > MAX_PLAIN_BYTES {
            *plain = Vec::new();
        }
        matches!(deflated, Ok(Status::StreamEnd)).then_some(checksum)
    }
}
