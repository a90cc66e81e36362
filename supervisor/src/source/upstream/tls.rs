//! TLS to upstream: the certificates that are trusted, and the TLS library's errors.

use std::error::Error as StdError;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

use super::error::Error;
use crate::source::api_url::ApiUrl;

/// A configuration that trusts the machine's certificates, which are read anew each time. Without any, `https` is an
/// error.
pub(super) fn config(api_url: &ApiUrl, witness: Option<Witness>) -> Result<ClientConfig, Error> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs.iter().cloned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(Error::Tls)?;
    if roots.is_empty() {
        if api_url.is_encrypted() {
            return Err(Error::NoCertificates {
                api_url: api_url.clone(),
                reasons: found.errors.iter().map(ToString::to_string).collect(),
            });
        }
        return Ok(config.with_root_certificates(roots).with_no_client_auth());
    }
    let verifier = Verifier {
        chains: WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(Error::Verifier)?,
        roots: found.certs,
        witness,
    };
    Ok(config
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// Trusts chains to a root, and a server whose own certificate is a root. `openssl req -x509` makes certificates that
/// are their own CA; the library refuses those of servers, although the operator has named this very certificate.
#[derive(Debug)]
struct Verifier {
    chains: Arc<WebPkiServerVerifier>,
    roots: Vec<CertificateDer<'static>>,
    witness: Option<Witness>,
}

/// Keeps what the last server presented, for those who explain why it is not trusted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Witness(Arc<Mutex<Option<Presented>>>);

/// What a server presented.
#[derive(Clone, Debug)]
pub(crate) struct Presented {
    /// Its own certificate, and those that it sent with it.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) verified: Result<(), rustls::Error>,
    /// Why it will be refused after [`SOON`], if it is not refused today.
    pub(crate) soon: Option<rustls::Error>,
}

/// So long before a certificate expires the doctor warns of it: certificates that are renewed by a program are renewed
/// a month before.
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);

impl Witness {
    pub(crate) fn presented(&self) -> Option<Presented> {
        let presented = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        presented.clone()
    }
}

impl Verifier {
    fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.chains.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verified {
            // The library checks the dates first: those of this certificate are good.
            Err(error) if is_ca_as_end_entity(&error) && self.roots.contains(end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.verify(end_entity, intermediates, server_name, ocsp_response, now);
        if let Some(Witness(presented)) = &self.witness {
            let chain = std::iter::once(end_entity).chain(intermediates);
            let chain = chain.map(|each| each.clone().into_owned()).collect();
            let verified = verified.as_ref().map(|_| ()).map_err(rustls::Error::clone);
            let then = Duration::from_secs(now.as_secs()) + SOON;
            let then = UnixTime::since_unix_epoch(then);
            let soon = self.verify(end_entity, intermediates, server_name, ocsp_response, then);
            let soon = soon.err().filter(|_| verified.is_ok());
            let mut presented = presented.lock().unwrap_or_else(PoisonError::into_inner);
            *presented = Some(Presented {
                chain,
                verified,
                soon,
            });
        }
        verified
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

/// Whether a server's certificate was refused because it is that of a CA.
pub(crate) fn is_ca_as_end_entity(error: &rustls::Error) -> bool {
    let rustls::Error::InvalidCertificate(CertificateError::Other(other)) = error else {
        return false;
    };
    other.0.downcast_ref() == Some(&webpki::Error::CaUsedAsEndEntity)
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
