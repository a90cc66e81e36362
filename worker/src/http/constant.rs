//! Answers that are the same for every request, in one or two representations.

use actix_http::header::{HeaderMap, HeaderValue};
use actix_web::web::Bytes;
use jiff::Timestamp;
use jiff::fmt::rfc2822;

use super::accept_encoding::prefers_gzip;

/// A constant answer.
pub(crate) struct Constant {
    pub(crate) plain: Representation,
    /// `None` if the answer is too short to be worth compressing, or is not compressed yet.
    pub(crate) gzip: Option<Representation>,
    /// When it last changed, for clients that compare dates.
    pub(crate) date: Option<Date>,
}

/// When a constant last changed.
pub(crate) struct Date {
    time: Timestamp,
    /// For `Last-Modified`.
    pub(crate) value: HeaderValue,
    /// No other answer has the same second.
    is_unique: bool,
}

/// A constant in one encoding.
pub(crate) struct Representation {
    pub(crate) body: Bytes,
    /// `None` if it cannot be sent in a header.
    pub(crate) entity_tag: Option<HeaderValue>,
    pub(crate) is_gzip: bool,
}

impl Constant {
    /// The representation that suits a client best.
    pub(crate) fn choose(&self, headers: &HeaderMap) -> &Representation {
        match &self.gzip {
            Some(gzip) if prefers_gzip(headers) => gzip,
            _ => &self.plain,
        }
    }
}

impl Date {
    /// `None` if HTTP cannot write the time.
    pub(crate) fn new(time: Timestamp, is_unique: bool) -> Option<Self> {
        // RFC 9110, 5.6.7: without the fraction of the second.
        let value = time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        Some(Self {
            time,
            value: HeaderValue::try_from(value).ok()?,
            is_unique,
        })
    }

    /// A client that has an answer of that date has this one. A later date does not count: it may be the time of the
    /// client's request, and this answer may have arrived here since.
    pub(crate) fn is_of(&self, date: &HeaderValue) -> bool {
        let date = date
            .to_str()
            .ok()
            .and_then(|date| rfc2822::parse(date).ok());
        let second = date.map(|date| date.timestamp().as_second());
        self.is_unique && second == Some(self.time.as_second())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_whole_seconds_and_have_to_be_the_same_and_unique() {
        let time: Timestamp = "2026-01-05T10:30:09.999999Z".parse().expect("a time");
        let date = Date::new(time, true).expect("a date");
        assert_eq!(date.value, "Mon, 05 Jan 2026 10:30:09 GMT");
        let is_of = |date: &Date, text| date.is_of(&HeaderValue::from_static(text));
        for (text, same) in [
            ("Mon, 05 Jan 2026 10:30:09 GMT", true),
            ("Mon, 05 Jan 2026 10:30:09 +0000", true),
            ("Mon, 05 Jan 2026 10:30:08 GMT", false),
            ("Mon, 05 Jan 2026 10:30:10 GMT", false),
            ("yesterday", false),
            ("", false),
        ] {
            assert_eq!(is_of(&date, text), same, "{text}");
        }
        let shared = Date::new(time, false).expect("a date");
        assert!(!is_of(&shared, "Mon, 05 Jan 2026 10:30:09 GMT"));
    }
}
