//! Memory for the bodies of answers that are written for one request, used again once an answer is sent.

use std::cell::RefCell;

use actix_web::web::Bytes;

/// How many unused buffers are kept. More are in use only while that many answers wait for slow clients.
const MAX_SPARE: usize = 16;

/// A buffer that has grown beyond this is freed.
const MAX_SPARE_BYTES: usize = 256 * 1024;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// The body of an answer while it is written and sent.
pub(crate) struct Buffer(pub(crate) Vec<u8>);

impl Buffer {
    /// An empty buffer.
    pub(crate) fn take() -> Self {
        let spare = SPARE.with_borrow_mut(Vec::pop);
        Self(spare.unwrap_or_else(|| Vec::with_capacity(8 * 1024)))
    }
}

impl From<Buffer> for Bytes {
    fn from(buffer: Buffer) -> Self {
        Bytes::from_owner(buffer)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.0.capacity() > MAX_SPARE_BYTES {
            return;
        }
        let mut buffer = std::mem::take(&mut self.0);
        buffer.clear();
        // When the thread ends the list may be gone before the last answers: then the buffer is freed.
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.len() < MAX_SPARE {
                spare.push(buffer);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_once_its_answer_is_sent() {
        let mut buffer = Buffer::take();
        buffer.0.extend_from_slice(b"answer");
        let address = buffer.0.as_ptr();
        let body = Bytes::from(buffer);
        assert_eq!(&body[..], b"answer");
        drop(body);
        let next = Buffer::take();
        assert_eq!(next.0.as_ptr(), address);
        assert!(next.0.is_empty());
    }
}
