//! `edge-proxy health`: asks the proxy that runs with this configuration whether it is ready, for health checks in an
//! image without a shell.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use supervisor::ANY_HOST;
use thiserror::Error;

use crate::config::{self, Config, ConfigError};

/// How long the proxy may take: less than the 5 s after which ECS gives up, and Docker later.
const TIMEOUT: Duration = Duration::from_secs(4);
/// An answer is a head and a line.
const LONGEST_ANSWER: u64 = 64 * 1024;

/// Why the proxy is not healthy.
#[derive(Debug, Error)]
pub(crate) enum HealthError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(
        "find the address of the proxy: server.port is 0, which is another port with each start"
    )]
    Port,
    #[error("look up {host}")]
    Host {
        host: String,
        #[source]
        cause: io::Error,
    },
    #[error("ask {address}")]
    Ask {
        address: SocketAddr,
        #[source]
        cause: io::Error,
    },
    #[error("{address} is not {wanted}: {answer}")]
    Refused {
        address: SocketAddr,
        wanted: &'static str,
        answer: String,
    },
}

/// Returns if the proxy is ready or, with `live`, if it answers.
///
/// # Errors
///
/// All of them have the exit status 1, because health checks know no other: also those of the configuration.
pub(crate) fn run(path: Option<PathBuf>, live: bool) -> Result<(), HealthError> {
    let config = Config::load(&config::path(path))?;
    let listen = &config.supervisor.server;
    let (endpoint, wanted) = match live {
        true => ("/proxy/health/liveness", "live"),
        false => ("/proxy/health/readiness", "ready"),
    };
    check(&listen.host, listen.port, endpoint, wanted)
}

fn check(host: &str, port: u16, path: &str, wanted: &'static str) -> Result<(), HealthError> {
    if port == 0 {
        return Err(HealthError::Port);
    }
    let begun = Instant::now();
    let mut last = None;
    for address in addresses(host, port)? {
        match ask(address, path, begun) {
            Ok(answer) if is_good(&answer) => return Ok(()),
            Ok(answer) => {
                let answer = in_words(&answer);
                return Err(HealthError::Refused {
                    address,
                    wanted,
                    answer,
                });
            }
            // A host may have addresses of a family that this machine does not have.
            Err(cause) => last = Some(HealthError::Ask { address, cause }),
        }
    }
    Err(last.unwrap_or_else(|| HealthError::Host {
        host: host.to_owned(),
        cause: io::ErrorKind::AddrNotAvailable.into(),
    }))
}

/// Where a proxy can be asked that listens on `host`: on this machine, if it listens on all addresses.
fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, HealthError> {
    let both: &[IpAddr] = &[
        IpAddr::V6(Ipv6Addr::LOCALHOST),
        IpAddr::V4(Ipv4Addr::LOCALHOST),
    ];
    let loopback: &[IpAddr] = match host.trim_matches(['[', ']']).parse() {
        Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED)) => &[IpAddr::V4(Ipv4Addr::LOCALHOST)],
        Ok(IpAddr::V6(Ipv6Addr::UNSPECIFIED)) => both,
        Ok(address) => &[address],
        Err(_) if host == ANY_HOST => both,
        Err(_) => {
            let found = (host, port).to_socket_addrs();
            return found
                .map(Iterator::collect)
                .map_err(|cause| HealthError::Host {
                    host: host.to_owned(),
                    cause,
                });
        }
    };
    let addresses = loopback
        .iter()
        .map(|address| SocketAddr::new(*address, port));
    Ok(addresses.collect())
}

/// Sends the request and returns the whole answer.
fn ask(address: SocketAddr, path: &str, begun: Instant) -> io::Result<String> {
    let late = || io::Error::from(io::ErrorKind::TimedOut);
    let left = || {
        TIMEOUT
            .checked_sub(begun.elapsed())
            .filter(|left| !left.is_zero())
    };
    let mut stream = TcpStream::connect_timeout(&address, left().ok_or_else(late)?)?;
    stream.set_write_timeout(left())?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut stream = stream.take(LONGEST_ANSWER);
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        stream
            .get_ref()
            .set_read_timeout(Some(left().ok_or_else(late)?))?;
        match stream.read(&mut piece) {
            Ok(0) => return Ok(String::from_utf8_lossy(&answer).into_owned()),
            Ok(length) => answer.extend_from_slice(&piece[..length]),
            // The kernel's words are those of a read that would block.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(late()),
            Err(error) => return Err(error),
        }
    }
}

fn is_good(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 200 ")
}

/// The status line and the body, in one line.
fn in_words(answer: &str) -> String {
    let status = answer.lines().next().unwrap_or_default();
    let status = status.strip_prefix("HTTP/1.1 ").unwrap_or("no HTTP");
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let body: String = body
        .chars()
        .filter(|character| !character.is_control())
        .collect();
    format!("{status} {body}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_on_all_addresses_is_asked_on_this_machine() {
        let shown = |host| -> Vec<String> {
            let found = addresses(host, 80).unwrap();
            found.iter().map(ToString::to_string).collect()
        };
        assert_eq!(shown("0.0.0.0"), ["127.0.0.1:80"]);
        assert_eq!(shown("::"), ["[::1]:80", "127.0.0.1:80"]);
        assert_eq!(shown("[::]"), ["[::1]:80", "127.0.0.1:80"]);
        assert_eq!(shown("*"), ["[::1]:80", "127.0.0.1:80"]);
        assert_eq!(shown("10.1.2.3"), ["10.1.2.3:80"]);
        assert_eq!(shown("fd00::1"), ["[fd00::1]:80"]);
        assert!(shown("localhost").contains(&"127.0.0.1:80".to_owned()));
    }

    #[test]
    fn a_refusal_is_one_line() {
        assert_eq!(
            in_words("HTTP/1.1 503 Service Unavailable\r\nA: b\r\n\r\n{\"status\":\n\"error\"}"),
            "503 Service Unavailable {\"status\":\"error\"}"
        );
        assert_eq!(in_words("SSH-2.0-OpenSSH"), "no HTTP");
        assert_eq!(in_words(""), "no HTTP");
    }
}
