//! The access log: a line for each answer, with the client that it was for.
//!
//! It is off by default. Then there is no [`AccessLog`], and a request costs one look whether there is.
//!
//! | file | what it is |
//! |---|---|
//! | `client` | who the client is, behind proxies that are trusted |
//! | `entry` | one answer: what is noted of its request, and its line |

mod client;
mod entry;

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Instant;

use actix_http::RequestHead;
use contract::WorkerSettings;

use client::TrustedProxies;
pub(crate) use entry::Entry;

/// The logger of its lines.
const LOGGER: &str = "access";

/// Says who the client of a request is, and notes when the request came.
pub(crate) struct AccessLog {
    /// The proxies that may name a client; `None` if headers do not count.
    trusted: Option<TrustedProxies>,
}

impl AccessLog {
    /// `None` if answers are not logged.
    pub(crate) fn new(settings: &WorkerSettings) -> Option<Rc<Self>> {
        let is_on = settings.logging.enable_access_log
            && log::log_enabled!(target: LOGGER, log::Level::Info);
        is_on.then(|| {
            let forwarding = &settings.forwarding;
            let trusted = || TrustedProxies::parse(&forwarding.forwarded_allow_ips);
            Rc::new(Self {
                trusted: forwarding.proxy_headers.then(trusted),
            })
        })
    }

    /// Notes a request whose head has arrived, at `since`.
    pub(crate) fn begin(&self, head: &RequestHead, since: Instant) -> Box<Entry> {
        let address = head.peer_addr.map(address);
        let named = self.trusted.as_ref().zip(address);
        let named = named.and_then(|(trusted, address)| trusted.client(address, &head.headers));
        let client = named.or_else(|| address.map(|address| address.to_string()));
        Box::new(Entry::new(head, since, client.unwrap_or_default()))
    }

    /// Logs the refusal of bytes that are no request.
    pub(crate) fn log_malformed(&self, peer: SocketAddr, status: u16, bytes: usize) {
        entry::log_malformed(address(peer), status, bytes);
    }
}

/// The address, an IPv4 one as such also where the socket is for IPv6.
fn address(peer: SocketAddr) -> IpAddr {
    peer.ip().to_canonical()
}
