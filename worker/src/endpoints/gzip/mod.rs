//! Gzip of an answer to an identity: what repeats is compressed once. Knows nothing of HTTP.
//!
//! Such an answer is a head that is the request's own, short and never the same, and a list of flags that many
//! identities share. Deflated data is a sequence of blocks, so the head goes into a block that stores it as it is, and
//! the list into blocks made when it first occurred. They meet at a byte boundary, and their checksums combine.

mod cache;

use engine::{Flags, Side};
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

use cache::{List, Lists};

/// From this many bytes on compression saves a packet.
pub(crate) const WORTH_COMPRESSING: usize = 1000;

/// The longest head that is stored. Hardly any is longer; one that is would be sent at its full length.
const STORED: usize = 4 * 1024;
/// Memory for a list being compressed is let go beyond this.
const KEPT: usize = 256 * 1024;
/// Speed before size: what does not repeat is compressed for one request.
const LEVEL: Compression = Compression::fast();
/// Magic, deflate, no name, no time, fastest, from Unix (RFC 1952, 2.3).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 3];
/// A block that is not the last and stores what follows its length (RFC 1951, 3.2.4).
const STORES: u8 = 0;

/// Makes gzip of answers. Its memory, a quarter of a megabyte, is taken when a client first asks for that.
#[derive(Default)]
pub(crate) struct Gzip {
    compress: Option<Compress>,
    lists: Lists,
    /// A list being compressed.
    plain: Vec<u8>,
}

/// A list of flags, and where it belongs.
pub(crate) struct Listed<'f, 'e, 's> {
    /// The generation of the environment's file.
    pub(crate) generation: u64,
    /// Who asks.
    pub(crate) side: Side,
    /// The list.
    pub(crate) flags: &'f Flags<'e, 's>,
}

impl Gzip {
    /// Appends `head`, the list and `}` in gzip format. False if that fails: `out` is of no use then.
    pub(crate) fn write(
        &mut self,
        head: &[u8],
        listed: &Listed<'_, '_, '_>,
        out: &mut Vec<u8>,
    ) -> bool {
        let length = head.len() + listed.flags.byte_length() + 1;
        out.extend_from_slice(&HEADER);
        let checksum = if head.len() > STORED || listed.flags.byte_length() < WORTH_COMPRESSING {
            self.write_whole(head, listed.flags, out)
        } else {
            self.write_joined(head, listed, out)
        };
        let Some(checksum) = checksum else {
            return false;
        };
        out.extend_from_slice(&checksum.sum().to_le_bytes());
        // The format counts modulo 2^32.
        #[expect(clippy::cast_possible_truncation, reason = "as the format wants it")]
        out.extend_from_slice(&(length as u32).to_le_bytes());
        true
    }

    /// Compresses everything for this one answer.
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

    fn write_joined(
        &mut self,
        head: &[u8],
        listed: &Listed<'_, '_, '_>,
        out: &mut Vec<u8>,
    ) -> Option<Crc> {
        let length = u16::try_from(head.len()).ok()?;
        out.push(STORES);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(head);
        let mut checksum = Crc::new();
        checksum.update(head);
        let choices = listed.flags.choices();
        let known = self.lists.find(listed.generation, listed.side, choices);
        if let Some(list) = known {
            out.extend_from_slice(&list.deflated);
            checksum.combine(&list.checksum);
            return Some(checksum);
        }
        self.plain.clear();
        let start = out.len();
        let of_list = self.deflate(listed.flags, out)?;
        checksum.combine(&of_list);
        self.lists.keep(List {
            deflated: out[start..].into(),
            checksum: of_list,
        });
        Some(checksum)
    }

    /// Appends what `plain` holds already, the list and `}`, deflated to the end. Returns their checksum.
    fn deflate(&mut self, flags: &Flags<'_, '_>, out: &mut Vec<u8>) -> Option<Crc> {
        let plain = &mut self.plain;
        flags.write(plain);
        plain.push(b'}');
        let compress = self
            .compress
            .get_or_insert_with(|| Compress::new(LEVEL, false));
        compress.reset();
        // Enough even for what does not compress, so that one call does it.
        out.reserve(plain.len() + plain.len() / 1000 + 64);
        let deflated = compress.compress_vec(plain, out, FlushCompress::Finish);
        let mut checksum = Crc::new();
        checksum.update(plain);
        if plain.capacity() > KEPT {
            *plain = Vec::new();
        }
        matches!(deflated, Ok(Status::StreamEnd)).then_some(checksum)
    }
}
