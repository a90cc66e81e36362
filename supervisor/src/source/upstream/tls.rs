//! TLS to upstream: whom we believe, and what the TLS library says when we do not.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

use super::Error;
use crate::source::api_url::ApiUrl;

/// With the machine's certificates, read at every start; without any where none are needed.
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

/// The TLS library's own reason in a chain of errors: the HTTP library passes it off as one of the kernel's.
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
