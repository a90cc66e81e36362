//! TLS to upstream: the certificates that are trusted, and the TLS library's errors.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

use super::error::Error;
use crate::source::api_url::ApiUrl;

/// A configuration that trusts the machine's certificates, which are read anew each time. Without any, `https` is an
/// error.
pub(super) fn config(api_url: &ApiUrl) -> Result<ClientConfig, Error> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() && api_url.is_encrypted() {
        return Err(Error::NoCertificates {
            api_url: api_url.clone(),
            reasons: found.errors.iter().map(ToString::to_string).collect(),
        });
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Error::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// The TLS library's error in a chain of errors. The HTTP library wraps it in `io::Error`, sometimes twice.
pub(super) fn failure<'error>(
    mut chain: impl Iterator<Item = &'error (dyn StdError + 'static)>,
) -> Option<&'error rustls::Error> {
    chain.find_map(|error| {
        let mut error = error.downcast_ref::<io::Error>()?.get_ref()?;
        while let Some(inner) = error.downcast_ref::<io::Error>() {
            error = inner.get_ref()?;
        }
        error.downcast_ref()
    })
}
