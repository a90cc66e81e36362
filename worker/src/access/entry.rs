//! One answer in the access log: what is noted of its request, and its line.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Instant;

use actix_http::header::{HeaderValue, USER_AGENT};
use actix_http::{Method, RequestHead, StatusCode, Uri, Version};
use contract::key::SERVER_SIDE_PREFIX;
use percent_encoding::percent_decode_str;

use super::LOGGER;

/// What is noted of a request until its answer is sent.
pub(crate) struct Entry {
    since: Instant,
    client: String,
    method: Method,
    uri: Uri,
    version: Version,
    user_agent: Option<HeaderValue>,
    status: StatusCode,
}

impl Entry {
    pub(super) fn new(head: &RequestHead, since: Instant, client: String) -> Self {
        Self {
            since,
            client,
            method: head.method.clone(),
            uri: head.uri.clone(),
            version: head.version,
            user_agent: head.headers.get(USER_AGENT).cloned(),
            status: StatusCode::OK,
        }
    }

    /// Notes the status of the answer.
    pub(crate) fn set_status(&mut self, status: StatusCode) {
        self.status = status;
    }

    /// Logs the answer, of whose body `bytes` were sent.
    pub(crate) fn log(&self, bytes: usize) {
        let microseconds = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX);
        let status = self.status.as_u16();
        let client = without_keys(&self.client);
        let method = without_keys(self.method.as_str());
        let target = self
            .uri
            .path_and_query()
            .map_or("", |target| target.as_str());
        let path = without_keys(target);
        let user_agent = self
            .user_agent
            .as_ref()
            .map_or(&b""[..], |agent| agent.as_bytes());
        let user_agent = String::from_utf8_lossy(user_agent);
        let user_agent = without_keys(&user_agent);
        log::info!(
            target: LOGGER,
            method = &*method, path = &*path, status, bytes, microseconds, remote_ip = &*client,
            user_agent = &*user_agent;
            "{client} - \"{method} {path} {:?}\" {status}, {bytes} bytes, {microseconds} µs, {user_agent:?}",
            self.version,
        );
    }
}

/// Logs the refusal of bytes that are no request, so nothing is known of it but who sent it.
pub(super) fn log_malformed(client: IpAddr, status: u16, bytes: usize) {
    let remote_ip = client.to_string();
    log::info!(
        target: LOGGER,
        status, bytes, remote_ip = &*remote_ip;
        "{remote_ip} - \"-\" {status}, {bytes} bytes"
    );
}

/// A text of a client in which server-side keys are masked, which belong in a header and not there.
fn without_keys(text: &str) -> Cow<'_, str> {
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    if !decoded.contains(SERVER_SIDE_PREFIX) {
        return text.into();
    }
    let mut masked = String::with_capacity(decoded.len());
    let mut rest = &*decoded;
    while let Some((before, key)) = rest.split_once(SERVER_SIDE_PREFIX) {
        masked.extend([before, SERVER_SIDE_PREFIX]);
        rest = key;
        if !before.ends_with(|char: char| char.is_ascii_alphanumeric()) {
            masked.push_str("***");
            let is_of_key = |char: char| char.is_ascii_alphanumeric() || "-_.".contains(char);
            rest = key.trim_start_matches(is_of_key);
        }
    }
    masked.push_str(rest);
    masked.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_side_keys_are_masked_wherever_they_are() {
        for (text, masked) in [
            ("/api/v1/flags/?feature=a", "/api/v1/flags/?feature=a"),
            ("/%C3%BC?a=%20", "/%C3%BC?a=%20"),
            ("/?key=ser.AbC-1_2.3&b=ser.x", "/?key=ser.***&b=ser.***"),
            ("/?key=%73er%2Ex&b=%C3%BC", "/?key=ser.***&b=ü"),
            ("/ser.", "/ser.***"),
            ("/user.css", "/user.css"),
        ] {
            assert_eq!(without_keys(text), masked);
        }
    }
}
