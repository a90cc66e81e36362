//! The environments that upstream lists for a proxy key, and their server-side keys.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Instant;

use contract::key::is_server_side;
use contract::{Expiry, KeyPair, ServerSideKey};
use jiff::Timestamp;
use reqwest::StatusCode;
use serde::Deserialize;

use super::Upstream;
use super::error::FetchError;
use super::http::require_ok;

/// One environment, as upstream lists it. What else it says of it is not needed.
#[derive(Deserialize)]
struct ListedEnvironment {
    client_side_key: String,
    #[serde(default)]
    server_side_keys: Vec<ListedKey>,
}

#[derive(Deserialize)]
struct ListedKey {
    key: String,
    active: bool,
    expires_at: Option<Timestamp>,
}

impl Upstream {
    /// Whether it lists environments.
    pub(crate) fn has_proxy_key(&self) -> bool {
        self.http.has_proxy_key()
    }

    /// The environments of the proxy key, each with the server-side keys that are active.
    pub(crate) async fn list(&self) -> Result<Vec<KeyPair>, FetchError> {
        let sent = Instant::now();
        let response = self.http.get(&self.list, None, None).await?;
        require_ok(&response).map_err(|error| match error {
            FetchError::Status {
                status: status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN),
                ..
            } => FetchError::ProxyKey(status),
            error => error,
        })?;
        let max_bytes = self.http.max_document_bytes();
        let body = self.http.receive(response, sent, max_bytes).await?;
        read(&body)
    }
}

/// Reads a list, or nothing of it: half of one would remove environments.
fn read(body: &[u8]) -> Result<Vec<KeyPair>, FetchError> {
    let listed: Vec<ListedEnvironment> = serde_json::from_slice(body).map_err(|error| {
        // Its own words may show what it found, which may be a key.
        let (line, column) = (error.line(), error.column());
        FetchError::List(format!(
            "not a list of them at line {line}, column {column}"
        ))
    })?;
    let mut pairs: Vec<KeyPair> = Vec::new();
    let mut positions = HashMap::new();
    for environment in listed {
        let name = environment.client_side_key;
        if name.is_empty() || is_server_side(name.as_bytes()) {
            return Err(FetchError::List("one has no client-side key".to_owned()));
        }
        let keys = environment.server_side_keys.into_iter();
        let keys = keys.filter_map(ListedKey::usable);
        match positions.entry(name.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(pairs.len());
                pairs.push(KeyPair::new(name, keys));
            }
            Entry::Occupied(entry) => pairs[*entry.get()].server_side_keys.extend(keys),
        }
    }
    Ok(pairs)
}

impl ListedKey {
    /// `None` if it is not active, or could not be a key of any request.
    fn usable(self) -> Option<ServerSideKey> {
        let is_plain = self.key.bytes().all(|byte| byte.is_ascii_graphic());
        if !self.active || !is_plain || !is_server_side(self.key.as_bytes()) {
            return None;
        }
        let expiry = self
            .expires_at
            .map_or(Expiry::NEVER, |at| Expiry::at(at.into()));
        Some(ServerSideKey::until(self.key, expiry))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn keys(body: &str) -> Vec<(String, Vec<(String, Expiry)>)> {
        let pairs = read(body.as_bytes()).unwrap().into_iter();
        let pairs = pairs.map(|pair| {
            let keys = pair.server_side_keys.iter();
            let keys = keys.map(|key| (key.expose().unwrap().to_owned(), key.expiry()));
            (pair.client_side_key, keys.collect())
        });
        pairs.collect()
    }

    #[test]
    fn a_list_names_environments_and_their_active_keys() {
        let body = r#"[
            {"id": 1, "name": "Production", "client_side_key": "a", "project_id": 2, "organisation_id": 3,
             "updated_at": "2026-01-15T10:30:00Z", "server_side_keys": [
                {"key": "ser.1", "active": true, "expires_at": null},
                {"key": "ser.2", "active": false, "expires_at": null},
                {"key": "ser.3", "active": true, "expires_at": "1970-01-01T00:00:01.5Z"},
                {"key": "other", "active": true, "expires_at": null}]},
            {"client_side_key": "b", "server_side_keys": []},
            {"client_side_key": "a", "server_side_keys": [{"key": "ser.4", "active": true, "expires_at": null}]}]"#;
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1500);
        let never = |key: &str| (key.to_owned(), Expiry::NEVER);
        let of_a = vec![
            never("ser.1"),
            ("ser.3".to_owned(), Expiry::at(at)),
            never("ser.4"),
        ];
        assert_eq!(
            keys(body),
            [("a".to_owned(), of_a), ("b".to_owned(), vec![])]
        );
        assert_eq!(keys("[]"), []);
    }

    #[test]
    fn a_list_that_cannot_be_read_is_refused_as_a_whole_and_shows_no_key() {
        for body in [
            r#"{"client_side_key":"a"}"#,
            r#"[{"client_side_key":"a"},{"server_side_keys":[]}]"#,
            r#"[{"client_side_key":"ser.SECRET"}]"#,
            r#"[{"client_side_key":"a","server_side_keys":["ser.SECRET"]}]"#,
            r#"[{"client_side_key":"a","server_side_keys":[{"key":"ser.SECRET","active":true,"expires_at":"soon"}]}]"#,
            r#"[{"client_side_key":"a","#,
        ] {
            let error = read(body.as_bytes()).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("SECRET"), "{error}");
        }
    }
}
