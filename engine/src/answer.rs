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
    pub(crate) fn new(body: Vec<u8>) -> Answer {
        // The tag comes from the content alone, so every worker on every host names the same answer alike.
        let digest = xxh3_128(&body);
        Answer {
            gzip: (body.len() >= WORTH_COMPRESSING)
                .then(|| compress(&body))
                .flatten(),
            etag: format!("\"{digest:032x}\""),
            gzip_etag: format!("\"{digest:032x}-gzip\""),
            body,
        }
    }
}

impl ArchivedAnswer {
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
