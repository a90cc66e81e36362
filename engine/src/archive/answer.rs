//! A whole answer that depends on the document alone and is rendered when the document is compiled.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use rkyv::{Archive, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::document::document_digest;

/// Compression of a shorter body saves no packet.
const WORTH_COMPRESSING: usize = 1000;

/// A constant answer: its body plain and compressed, each with an entity tag.
#[derive(Archive, Serialize, Debug)]
pub struct ConstantAnswer {
    body: Bytes,
    gzip: Option<Vec<u8>>,
    etag: String,
    gzip_etag: String,
}

impl ConstantAnswer {
    /// An answer that is not compressed yet.
    pub(crate) fn new(body: impl Into<Bytes>) -> ConstantAnswer {
        let body = body.into();
        // The tag depends on the content alone, so that all workers of all hosts give an answer the same one.
        let digest = xxh3_128(&body);
        Self::tagged(body, digest)
    }

    /// The document itself. Its tag leaves out what upstream makes up anew for each answer.
    pub(crate) fn document(body: Bytes) -> ConstantAnswer {
        let digest = document_digest(&body);
        Self::tagged(body, digest)
    }

    fn tagged(body: Bytes, digest: u128) -> ConstantAnswer {
        ConstantAnswer {
            gzip: None,
            etag: format!("\"{digest:032x}\""),
            gzip_etag: format!("\"{digest:032x}-gzip\""),
            body,
        }
    }

    /// Compresses the body, unless it is compressed, too short, or longer than `budget`, from which its length is
    /// taken. Returns whether that made a compressed body.
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

impl ArchivedConstantAnswer {
    /// The body is compressed, or too short for it.
    pub fn is_complete(&self) -> bool {
        self.gzip.is_some() || self.body.len() < WORTH_COMPRESSING
    }

    /// The plain body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body in gzip format; `None` while it is not compressed, or if that made it no smaller.
    pub fn gzip(&self) -> Option<&[u8]> {
        self.gzip.as_ref().map(|gzip| gzip.as_slice())
    }

    /// The strong entity tag of [`body`](Self::body), with its quotes. It is made of the content.
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// The strong entity tag of [`gzip`](Self::gzip), with its quotes.
    pub fn gzip_etag(&self) -> &str {
        &self.gzip_etag
    }
}

fn compress(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(body).ok()?;
    encoder.finish().ok().filter(|gzip| gzip.len() < body.len())
}
