//! The section `server`: where to listen, what a client may take, how long an end may last. Knows nothing of
//! environments.

use std::time::Duration;

use serde_json::Value;

use super::section::{ConfigError, Section, non_empty, positive, seconds};

/// Every setting of the section.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) host: String,
    /// 0 picks a free one.
    pub(crate) port: u16,
    /// Of each worker.
    pub(crate) max_connections: usize,
    pub(crate) max_body_bytes: usize,
    pub(crate) header_timeout: Duration,
    pub(crate) body_timeout: Duration,
    pub(crate) keep_alive: Duration,
    pub(crate) shutdown_delay: Duration,
    pub(crate) shutdown_timeout: Duration,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            host: "0.0.0.0".to_owned(),
            port: 8000,
            max_connections: 16_384,
            max_body_bytes: 1 << 20,
            header_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(5),
            keep_alive: Duration::from_secs(75),
            shutdown_delay: Duration::ZERO,
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}

impl Server {
    /// Takes the settings out of the section.
    pub(super) fn read(section: &mut Section<'_>) -> Result<Self, ConfigError> {
        let default = Self::default();
        let mut time = |name, expected, default, read: fn(&Value) -> Option<Duration>| {
            section.setting(&[name], expected, || Some(default), read)
        };
        let above = "a number above 0";
        let header_timeout = time(
            "header_timeout_seconds",
            above,
            default.header_timeout,
            positive,
        )?;
        let body_timeout = time(
            "body_timeout_seconds",
            above,
            default.body_timeout,
            positive,
        )?;
        let keep_alive = time("keep_alive_seconds", above, default.keep_alive, positive)?;
        let from = "a number from 0";
        let shutdown_delay = time(
            "shutdown_delay_seconds",
            from,
            default.shutdown_delay,
            seconds,
        )?;
        let shutdown_timeout = time(
            "shutdown_timeout_seconds",
            from,
            default.shutdown_timeout,
            seconds,
        )?;
        let mut count = |name, default| {
            section.setting(&[name], "a whole number above 0", || Some(default), whole)
        };
        let max_connections = count("max_connections", default.max_connections)?;
        let max_body_bytes = count("max_body_bytes", default.max_body_bytes)?;
        Ok(Self {
            host: section.setting(
                &["host"],
                "an address or a host name",
                || Some(default.host),
                non_empty,
            )?,
            port: section.setting(
                &["port"],
                "a whole number from 0 to 65535",
                || Some(default.port),
                |value| value.as_u64().and_then(|port| u16::try_from(port).ok()),
            )?,
            max_connections,
            max_body_bytes,
            header_timeout,
            body_timeout,
            keep_alive,
            shutdown_delay,
            shutdown_timeout,
        })
    }
}

/// A whole number above 0.
pub(super) fn whole(value: &Value) -> Option<usize> {
    let number = value.as_u64().filter(|number| *number > 0)?;
    usize::try_from(number).ok()
}
