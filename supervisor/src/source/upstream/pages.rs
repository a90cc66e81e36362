//! The pages of a document after the first: fetched from where the first one came from, and put together.
//!
//! Only the query of a link is used. Behind a TLS terminator or a path prefix upstream does not know its own address,
//! and no link may lead a key to another origin. The URL of an answer lacks the user name and password of `api_url`.
//!
//! If the document was edited between two pages, they do not belong together and none is used.

use std::collections::HashSet;
use std::time::{Duration, Instant, SystemTime};

use engine::{Edition, Pages};
use reqwest::header::{LAST_MODIFIED, LINK};
use reqwest::{Response, Url};

use super::credential::Credential;
use super::error::FetchError;
use super::http::{Http, date, require_ok};
use super::link;
use crate::blocking::off_thread;
use crate::source::body::{Arriving, Body};

/// A page holds about a megabyte, so no document has so many.
const MAX_PAGES: usize = 1024;

/// The first page of a document that has more.
pub(super) struct FirstPage<'upstream> {
    pub(super) url: &'upstream Url,
    pub(super) body: Body,
    pub(super) next: Url,
    pub(super) sent: Instant,
    /// The longest time for all pages, from `sent`.
    pub(super) timeout: Duration,
    pub(super) last_modified: Option<SystemTime>,
}

/// The address of the page after this one: `document`, or where that redirected to, with the query of the link.
pub(super) fn next(response: &Response, document: &Url) -> Result<Option<Url>, FetchError> {
    for header in response.headers().get_all(LINK) {
        let header = String::from_utf8_lossy(header.as_bytes());
        if let Some(target) = link::next(&header) {
            let query = link::query(target).ok_or(FetchError::PageWithoutQuery)?;
            let mut url = document.clone();
            url.set_path(response.url().path());
            url.set_query(Some(query));
            return Ok(Some(url));
        }
    }
    Ok(None)
}

/// Fetches the other pages and returns the whole document and the number of its pages; `None` if they are not of one
/// edition.
pub(super) async fn fetch(
    http: &Http,
    credential: &Credential,
    first: FirstPage<'_>,
) -> Result<Option<(Body, usize)>, FetchError> {
    let FirstPage {
        url: document,
        body,
        next,
        sent: begun,
        timeout,
        last_modified,
    } = first;
    // Reading a page takes as long as it is large, and other environments' timeouts would pass meanwhile.
    let mut pages = off_thread(move || Pages::new(body.bytes()))
        .await
        .map_err(FetchError::Panicked)?
        .map_err(|error| FetchError::Page(1, error))?;
    let mut whole = Arriving::default();
    append(&mut whole, &[pages.beginning()])?;
    let mut seen = HashSet::from([document.clone()]);
    let mut next_url = Some(next);
    while let Some(url) = next_url {
        if seen.contains(&url) {
            return Err(FetchError::PagesRepeat(seen.len()));
        }
        if seen.len() == MAX_PAGES {
            return Err(FetchError::TooManyPages(MAX_PAGES));
        }
        if begun.elapsed() >= timeout {
            return Err(FetchError::TooSlow(timeout));
        }
        let sent = Instant::now();
        let response = http.get(&url, credential.header_value(), None).await?;
        require_ok(&response)?;
        next_url = self::next(&response, document)?;
        seen.insert(url);
        let page_modified = date(response.headers(), &LAST_MODIFIED);
        let length = whole.length() + pages.end().map(<[u8]>::len).iter().sum::<usize>();
        let max_bytes = http.max_document_bytes().saturating_sub(length);
        let page = http.body(response, sent, max_bytes).await?;
        let number = seen.len();
        let edition;
        (pages, whole, edition) = off_thread(move || {
            let appended = pages.append(&page);
            let appended = appended.map_err(|error| FetchError::Page(number, error));
            let edition = appended.and_then(|(edition, text)| {
                append(&mut whole, &text)?;
                Ok(edition)
            });
            (pages, whole, edition)
        })
        .await
        .map_err(FetchError::Panicked)?;
        match edition? {
            Edition::Same => {}
            Edition::Unknown if page_modified.is_none() || last_modified.is_none() => {}
            Edition::Unknown if page_modified == last_modified => {}
            Edition::Unknown | Edition::Another => return Ok(None),
        }
    }
    append(&mut whole, &pages.end())?;
    let whole = whole.end().map_err(FetchError::Unkept)?;
    Ok(Some((whole, seen.len())))
}

fn append(arriving: &mut Arriving, texts: &[&[u8]]) -> Result<(), FetchError> {
    let mut texts = texts.iter();
    texts
        .try_for_each(|text| arriving.append(text))
        .map_err(FetchError::Unkept)
}
