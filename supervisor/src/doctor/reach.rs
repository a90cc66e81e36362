//! Whether upstream, or the proxy on the way to it, has an address and takes connections.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::finding::Finding;
use crate::source::upstream::{UpstreamSettings, Way};
use crate::words::Seconds;

const WAY: &str = "upstream.way";
const DNS: &str = "upstream.dns";
const CONNECTION: &str = "upstream.connection";
/// A name may have many addresses. So many are tried.
const MAX_ADDRESSES: usize = 8;

pub(super) fn way(way: &Way) -> Finding {
    Finding::ok(WAY, format!("the way to upstream is {way}"))
}

/// Whether one can get further.
pub(super) async fn check(upstream: &UpstreamSettings, findings: &mut Vec<Finding>) -> bool {
    let limit = upstream.poll_timeout;
    let of_upstream = (upstream.api_url.host(), upstream.api_url.port());
    let (whose, host, port) = match &upstream.way {
        Way::Through(proxy) => {
            let (host, port) = proxy.host_and_port();
            if proxy.resolves_here() {
                let found = resolve("upstream's host", of_upstream.0, of_upstream.1, limit).await;
                match found {
                    Ok((_, finding)) => findings.push(finding),
                    Err(finding) => {
                        findings.push(finding);
                        return false;
                    }
                }
            }
            ("the proxy's host", host, port)
        }
        _ => ("upstream's host", of_upstream.0, of_upstream.1),
    };
    let addresses = match resolve(whose, host, port, limit).await {
        Ok((addresses, finding)) => {
            findings.push(finding);
            addresses
        }
        Err(finding) => {
            findings.push(finding);
            return false;
        }
    };
    let finding = connect(whose, &addresses, limit).await;
    let is_reached = finding.status != super::Status::Failed;
    findings.push(finding);
    is_reached
}

async fn resolve(
    whose: &str,
    host: &str,
    port: u16,
    limit: Duration,
) -> Result<(Vec<SocketAddr>, Finding), Finding> {
    let failed = |reason: String| {
        Finding::failed(
            DNS,
            format!("{whose} {host} has no address: {reason}"),
            "check the spelling, and the DNS of this machine, container or cluster",
        )
    };
    let found = match timeout(limit, lookup_host((host, port))).await {
        Ok(Ok(found)) => found.take(MAX_ADDRESSES).collect::<Vec<_>>(),
        Ok(Err(error)) => return Err(failed(error.to_string())),
        Err(_) => return Err(failed(format!("no answer within {}", Seconds(limit)))),
    };
    let shown: Vec<_> = found
        .iter()
        .map(|address| address.ip().to_string())
        .collect();
    match shown.is_empty() {
        true => Err(failed("none was found".to_owned())),
        false => Ok((
            found,
            Finding::ok(DNS, format!("{whose} {host} is {}", shown.join(", "))),
        )),
    }
}

/// Tries all addresses, because the proxy uses any of them.
async fn connect(whose: &str, addresses: &[SocketAddr], limit: Duration) -> Finding {
    let attempts: Vec<_> = addresses
        .iter()
        .map(|address| {
            let address = *address;
            let attempt = async move { timeout(limit, TcpStream::connect(address)).await };
            (address, tokio::spawn(attempt))
        })
        .collect();
    let mut reached = Vec::new();
    let mut refused = Vec::new();
    for (address, attempt) in attempts {
        match attempt.await {
            Ok(Ok(Ok(_))) => reached.push(address.to_string()),
            Ok(Ok(Err(error))) => refused.push(format!("{address} ({})", reason(&error))),
            _ => refused.push(format!("{address} (no answer within {})", Seconds(limit))),
        }
    }
    let advice =
        "check the port, firewalls, network policies, and whether a proxy is needed (HTTPS_PROXY)";
    if reached.is_empty() {
        let words = format!("{whose} takes no connection at {}", refused.join(", "));
        Finding::failed(CONNECTION, words, advice)
    } else if refused.is_empty() {
        Finding::ok(
            CONNECTION,
            format!("{whose} takes connections at {}", reached.join(", ")),
        )
    } else {
        let words = format!(
            "{whose} takes connections at {}, but not at {}",
            reached.join(", "),
            refused.join(", ")
        );
        Finding::warning(CONNECTION, words, advice)
    }
}

/// Without the number that the kernel's words end with.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
