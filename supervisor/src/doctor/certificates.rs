//! TLS: which certificates are trusted, and why upstream's is not.

use std::fs;
use std::path::PathBuf;

use contract::counted;
use jiff::Timestamp;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, RootCertStore};
use webpki::EndEntityCert;

use super::finding::Finding;
use crate::source::upstream::{FetchError, Presented, Way, is_ca_as_end_entity};

const TRUSTED: &str = "upstream.certificates";
const TLS: &str = "upstream.tls";
const FILE: &str = "SSL_CERT_FILE";
const DIRECTORIES: &str = "SSL_CERT_DIR";
/// The identifiers of a common name and of an organisation in a name.
const NAMES: [[u8; 3]; 2] = [[0x55, 4, 3], [0x55, 4, 10]];

/// How many certificates are trusted and where they come from; whether a bundle could be read as a whole.
pub(super) fn trusted() -> Finding {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    let (file, place) = place();
    let count = counted(roots.len(), "certificate");
    if roots.is_empty() {
        return Finding::failed(
            TRUSTED,
            format!("no certificate is trusted: none was found in {place}"),
            "install a CA bundle (package ca-certificates), or name one in SSL_CERT_FILE",
        );
    }
    let text = file
        .as_ref()
        .and_then(|file| fs::read(file).ok())
        .unwrap_or_default();
    let (sections, whole) = sections(&text);
    if whole < sections {
        return Finding::warning(
            TRUSTED,
            format!(
                "{count} trusted, from {place}: that file has {sections} sections, and {whole} of them can be used"
            ),
            "mend the file: each certificate stands between lines that are exactly -----BEGIN CERTIFICATE----- and \
             -----END CERTIFICATE-----",
        );
    }
    if let Some(error) = found.errors.first() {
        return Finding::warning(
            TRUSTED,
            format!("{count} trusted, from {place}; a part could not be read: {error}"),
            format!("check {FILE} and {DIRECTORIES}, and who may read the files"),
        );
    }
    Finding::ok(TRUSTED, format!("{count} trusted, from {place}"))
}

/// The bundle, and all places in words: those of the variables or, without them, those of this system.
fn place() -> (Option<PathBuf>, String) {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let (file, directories) = (variable(FILE), variable(DIRECTORIES));
    if file.is_none() && directories.is_none() {
        let system = openssl_probe::probe();
        let directories = system
            .cert_dir
            .iter()
            .map(|path| path.display().to_string());
        let files = system
            .cert_file
            .iter()
            .map(|path| path.display().to_string());
        let places: Vec<_> = files.chain(directories).collect();
        let places = match places.is_empty() {
            true => "the places of this system".to_owned(),
            false => places.join(", "),
        };
        return (system.cert_file, places);
    }
    let file = file.map(PathBuf::from);
    let of_file = file
        .as_ref()
        .map(|path| format!("{} ({FILE})", path.display()));
    let of_directories = directories.map(|paths| format!("{} ({DIRECTORIES})", paths.display()));
    let places: Vec<_> = of_file.into_iter().chain(of_directories).collect();
    (file, places.join(", "))
}

/// How many sections begin in a PEM file, and how many of them are certificates that can be used.
fn sections(text: &[u8]) -> (usize, usize) {
    let lines = text.split(|byte| *byte == b'\n');
    let begun = lines
        .filter(|line| line.trim_ascii_start().starts_with(b"-----BEGIN "))
        .count();
    let whole = CertificateDer::pem_slice_iter(text)
        .filter_map(Result::ok)
        .filter(|each| webpki::anchor_from_trusted_cert(each).is_ok())
        .count();
    (begun, whole)
}

/// What came of the handshake with upstream.
pub(super) fn handshake(
    presented: Option<&Presented>,
    error: Option<&FetchError>,
    way: &Way,
) -> Finding {
    let Some(Presented {
        chain,
        verified,
        soon,
    }) = presented
    else {
        let reason = error.map_or_else(|| "no certificate came".to_owned(), ToString::to_string);
        let advice = match way {
            Way::Through(_) => {
                "check the proxy on the way: user name and password in its URL, and whether it leads to this host"
            }
            _ => {
                "begin api_url with https:// only if that port speaks TLS, and check what is in the way"
            }
        };
        return Finding::failed(TLS, reason, advice);
    };
    let certificate = Certificate::of(&chain[0]);
    match (verified, soon) {
        (Ok(()), Some(error)) => Finding::warning(
            TLS,
            format!("{certificate} is trusted today, {}", soon_refused(error)),
            "renew it, and look why that was not done in time",
        ),
        (Ok(()), None) => {
            let sent = counted(chain.len(), "certificate");
            Finding::ok(TLS, format!("{certificate} is trusted ({sent} sent)"))
        }
        (Err(error), _) => {
            let (words, advice) = refusal(error, chain, &certificate);
            Finding::failed(TLS, words, advice)
        }
    }
}

/// The end of a certificate's time, which is near.
fn soon_refused(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::ExpiredContext {
            not_after, ..
        }) => {
            format!("but it or its issuer expires on {}", day(*not_after))
        }
        error => format!("but not for long: {error}"),
    }
}

fn refusal(
    error: &rustls::Error,
    chain: &[CertificateDer<'_>],
    certificate: &Certificate,
) -> (String, String) {
    if is_ca_as_end_entity(error) {
        return (
            format!("{certificate} is that of a CA, not of a server"),
            "save this very certificate as a PEM file and name that in SSL_CERT_FILE".to_owned(),
        );
    }
    let rustls::Error::InvalidCertificate(reason) = error else {
        return (
            format!("{certificate} is refused: {error}"),
            "renew it".to_owned(),
        );
    };
    match reason {
        CertificateError::UnknownIssuer if certificate.subject == certificate.issuer => (
            format!("{certificate} is self-signed"),
            "save it as a PEM file and name that in SSL_CERT_FILE".to_owned(),
        ),
        CertificateError::UnknownIssuer if chain.len() == 1 => (
            format!("{certificate}, who is not trusted, and no other certificate was sent"),
            "if that is an intermediate CA, have the server send its whole chain (nginx: fullchain.pem); if it is a \
             CA of your own, name its certificate in SSL_CERT_FILE"
                .to_owned(),
        ),
        CertificateError::UnknownIssuer => {
            let last = chain.last().map_or_else(Certificate::default, Certificate::of);
            (
                format!("{certificate}; the chain that was sent ends at {:?}, who is not trusted", last.issuer),
                "name the certificate of that CA in SSL_CERT_FILE: some proxies on the way put in their own".to_owned(),
            )
        }
        CertificateError::Expired => (format!("{certificate} has expired"), "renew it".to_owned()),
        CertificateError::ExpiredContext { not_after, .. } => (
            format!("{certificate} has expired on {}", day(*not_after)),
            "renew it; if that day is not over, set this machine's clock".to_owned(),
        ),
        CertificateError::NotValidYetContext { not_before, .. } => (
            format!("{certificate} is valid only from {}", day(*not_before)),
            "set this machine's clock".to_owned(),
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            format!("{certificate} is not for the host of api_url, but for {}", certificate.hosts),
            "set api_url to one of those names, or put the host into the certificate as an alternative name".to_owned(),
        ),
        other => (format!("{certificate} is refused: {other}"), "renew it".to_owned()),
    }
}

/// A certificate in words.
#[derive(Default)]
struct Certificate {
    subject: String,
    issuer: String,
    hosts: String,
}

impl Certificate {
    fn of(certificate: &CertificateDer<'_>) -> Self {
        let Ok(parsed) = EndEntityCert::try_from(certificate) else {
            return Self::default();
        };
        let hosts: Vec<_> = parsed.valid_dns_names().collect();
        Self {
            subject: name(parsed.subject()),
            issuer: name(parsed.issuer()),
            hosts: match hosts.is_empty() {
                true => "no name".to_owned(),
                false => hosts.join(", "),
            },
        }
    }
}

impl std::fmt::Display for Certificate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "the certificate {:?} of issuer {:?}",
            self.subject, self.issuer
        )
    }
}

/// The common name in a distinguished name in DER, else its organisation.
fn name(der: &[u8]) -> String {
    let find = |id: [u8; 3]| {
        let pattern = [6, 3, id[0], id[1], id[2]];
        let start = der
            .windows(pattern.len())
            .rposition(|window| window == pattern)?;
        let [_, length, rest @ ..] = der.get(start + pattern.len()..)? else {
            return None;
        };
        let text = rest.get(..usize::from(*length))?;
        Some(String::from_utf8_lossy(text).into_owned())
    };
    NAMES.into_iter().find_map(find).unwrap_or_default()
}

fn day(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).map_or_else(
        |_| "a day that cannot be written".to_owned(),
        |time| time.strftime("%Y-%m-%d").to_string(),
    )
}
