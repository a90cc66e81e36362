//! The pages of a document after the first: followed within the origin, as many as there are, and put together.
//!
//! Pages that cannot belong together, because the document was edited meanwhile, are thrown away. Does not know what
//! stands in them.

use std::collections::HashSet;
use std::time::{Instant, SystemTime};

use engine::{Edition, Pages};
use reqwest::header::{LAST_MODIFIED, LINK};
use reqwest::{Response, Url};
use tokio::task::spawn_blocking;

use super::{Credential, FetchError, TIMEOUTS_IN_ALL, Upstream, date, link, refuse_other_than_ok};

/// Pages hold about a megabyte, so this many are more than any document has.
pub(super) const MOST_PAGES: usize = 1024;
/// So many times as long as one page, all of them together may take.
const PAGES_IN_ALL: u32 = 10;

/// A document of which the first page is there.
pub(super) struct Beginning {
    pub(super) first: Vec<u8>,
    pub(super) next: Url,
    pub(super) asked: Instant,
    pub(super) last_modified: Option<SystemTime>,
}

impl Upstream {
    /// Where the page after this one is.
    pub(super) fn next_page(&self, response: &Response) -> Result<Option<Url>, FetchError> {
        for header in response.headers().get_all(LINK) {
            let header = String::from_utf8_lossy(header.as_bytes());
            if let Some(target) = link::next(&header) {
                let url = response.url().join(target);
                let mut url = url.map_err(|error| FetchError::PageAddress(error.to_string()))?;
                if url.origin() != self.document.origin() {
                    let origin = url.origin().ascii_serialization();
                    return Err(FetchError::PageCrossOrigin(origin));
                }
                url.set_fragment(None);
                return Ok(Some(url));
            }
        }
        Ok(None)
    }

    /// Fetches the other pages and puts all together; `None`: they are not of one edition.
    pub(super) async fn pages(
        &self,
        credential: &Credential,
        beginning: Beginning,
    ) -> Result<Option<Vec<u8>>, FetchError> {
        let in_all = self.timeout.saturating_mul(TIMEOUTS_IN_ALL * PAGES_IN_ALL);
        let Beginning {
            first,
            next,
            asked,
            last_modified,
        } = beginning;
        let mut pages = off_thread(move || Pages::new(first))
            .await?
            .map_err(|error| FetchError::Page(1, error))?;
        let mut seen = HashSet::from([self.document.clone()]);
        let mut next = Some(next);
        while let Some(url) = next {
            if seen.contains(&url) {
                return Err(FetchError::PagesRepeat(seen.len()));
            }
            if seen.len() == MOST_PAGES {
                return Err(FetchError::PagesEndlessly);
            }
            if asked.elapsed() >= in_all {
                return Err(FetchError::Endless(in_all));
            }
            let asked = Instant::now();
            let response = self.get(&url, credential, None).await?;
            refuse_other_than_ok(&response)?;
            next = self.next_page(&response)?;
            seen.insert(url);
            let own = date(response.headers(), &LAST_MODIFIED);
            let room = self.largest_document.saturating_sub(pages.length());
            let page = self.body(response, asked, room).await?;
            let appended;
            (pages, appended) = off_thread(move || {
                let appended = pages.append(&page);
                (pages, appended)
            })
            .await?;
            match appended.map_err(|error| FetchError::Page(seen.len(), error))? {
                Edition::Same => {}
                Edition::Unknown if own.is_none() || last_modified.is_none() => {}
                Edition::Unknown if own == last_modified => {}
                Edition::Unknown | Edition::Another => return Ok(None),
            }
        }
        Ok(Some(pages.into_document()))
    }
}

/// Reading a page takes as long as it is large, and other environments' timeouts would pass meanwhile.
async fn off_thread<T: Send + 'static>(
    act: impl FnOnce() -> T + Send + 'static,
) -> Result<T, FetchError> {
    spawn_blocking(act)
        .await
        .map_err(|error| FetchError::Panicked(error.to_string()))
}
