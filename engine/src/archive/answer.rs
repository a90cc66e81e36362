//! A whole answer, rendered once when its document is compiled.
//!
//! Knows nothing of what the bytes say.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use rkyv::{Archive, Serialize};
use xxhash_rust::xxh3::xxh3_128;

/// Below this many bytes compression saves nothing that a packet would notice.
const WORTH_COMPRESSING: usize = 1000;

/// A whole answer: its body as it is and compressed, each with an entity tag.
#[derive(Archive, Serialize, Debug)]
pub struct Answer {
    body: Vec<u8>,
    gzip: Option<Vec<u8>>,
    etag: String,
    gzip_etag: String,
}

impl Answer {
    /// An answer that is not compressed yet.
    pub(crate) fn new(body: Vec<u8>) -> Answer {
        // The tag comes from the content alone, so every worker on every host names the same answer alike.
        let digest = xxh3_128(&body);
        Answer {
            gzip: None,
            etag: format!("\"{digest:032x}\""),
            gzip_etag: format!("\"{digest:032x}-gzip\""),
            body,
        }
    }

    /// Compresses the body if that is not done, worth while and possible with `budget` bytes, of which it takes what it
    /// needs. Whether there is a compressed body now that was not there.
    pub(crate) fn compress(&mut self, budget: &mut usize) -> bool {
        let size = self.body.len();
        if self.gzip.is_some() || size < WORTH_COMPRESSING || size > *budget {
            return false;
        }
        *budget -= size;
        self.gzip = compress(&self.body);
        self.gzip.is_some()
    }
}

impl ArchivedAnswer {
    /// Whether it was tried to compress it, or is not worth that.
    pub fn is_complete(&self) -> bool {
        self.gzip.is_some() || self.body.len() < WORTH_COMPRESSING
    }

    /// The body as it is.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body in gzip format, where that is smaller.
    pub fn gzip(&self) -> Option<&[u8]> {
        self.gzip.as_ref().map(|gzip| gzip.as_slice())
    }

    /// The strong entity tag of [`body`](Self::body), quotes included.
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// The strong entity tag of [`gzip`](Self::gzip), quotes included.
    pub fn gzip_etag(&self) -> &str {
        &self.gzip_etag
    }
}

fn compress(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(body).ok()?;
    encoder.finish().ok().filter(|gzip| gzip.len() < body.len())
}
