//! A TLS server in front of the stub upstream, with a valid certificate or with a wrong one.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use testing::Stub;

/// How the server behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Manner {
    /// It has a certificate of the authority that the proxy trusts.
    Trusted,
    /// It has a self-signed certificate.
    SelfSigned,
    /// Its certificate is that of a CA which nobody knows, as `openssl req -x509` makes them.
    SelfSignedCa,
    /// Its certificate is that of a CA which the proxy trusts.
    OwnCa,
    /// The same for another host.
    OwnCaOfOtherHost,
    /// The same, but it expired years ago.
    ExpiredOwnCa,
    /// It has a certificate of that authority for another host.
    OtherHost,
    /// It has a certificate of a CA whose own certificate, which that authority has signed, it does not send.
    WithoutIntermediate,
    /// It has a certificate of that authority that expired years ago.
    Expired,
    /// It has a certificate of that authority that expires in a week.
    ExpiresSoon,
    /// It speaks HTTP without TLS.
    Plain,
    /// It closes every connection at once.
    Rude,
}

impl Manner {
    fn is_ca(self) -> bool {
        self == Manner::SelfSignedCa || self.is_root()
    }

    fn is_root(self) -> bool {
        use Manner::{ExpiredOwnCa, OwnCa, OwnCaOfOtherHost};
        matches!(self, OwnCa | OwnCaOfOtherHost | ExpiredOwnCa)
    }
}

const SIGNED: [Manner; 10] = [
    Manner::Trusted,
    Manner::SelfSigned,
    Manner::SelfSignedCa,
    Manner::OwnCa,
    Manner::OwnCaOfOtherHost,
    Manner::ExpiredOwnCa,
    Manner::OtherHost,
    Manner::WithoutIntermediate,
    Manner::Expired,
    Manner::ExpiresSoon,
];

/// A running server.
pub(crate) struct TlsFront {
    address: SocketAddr,
    manner: Arc<Mutex<Manner>>,
}

impl TlsFront {
    /// Starts a server that relays to `upstream`. Writes the certificates that the proxy is to trust to `authority`, in
    /// PEM.
    pub(crate) fn start(upstream: &Stub, authority: &Path) -> TlsFront {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "authority");
        let certificate = params.self_signed(&key).expect("an authority");
        let mut trusted = certificate.pem();
        let issuer = Issuer::new(params, key);
        let configs = SIGNED.map(|manner| {
            let (certificate, key) = certificate_of(manner, &issuer);
            if manner.is_root() {
                trusted += &certificate.pem();
            }
            (manner, config(&certificate, &key))
        });
        std::fs::write(authority, trusted).expect("write what is trusted");

        let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
        let front = TlsFront {
            address: listener.local_addr().expect("its address"),
            manner: Arc::new(Mutex::new(Manner::Trusted)),
        };
        let (behind, manner) = (upstream.address, Arc::clone(&front.manner));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let manner = *manner.lock().expect("the manner");
                let config = configs.iter().find(|(known, _)| *known == manner);
                let config = config.map(|(_, config)| Arc::clone(config));
                thread::spawn(move || match (manner, config) {
                    (_, Some(config)) => {
                        let connection = ServerConnection::new(config).expect("a connection");
                        relay(StreamOwned::new(connection, stream), behind);
                    }
                    (Manner::Plain, None) => relay(stream, behind),
                    (_, None) => drop(stream),
                });
            }
        });
        front
    }

    pub(crate) fn api_url(&self) -> String {
        format!("https://{}/api/v1", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Behaves so from the next connection on.
    pub(crate) fn set(&self, manner: Manner) {
        *self.manner.lock().expect("the manner") = manner;
    }
}

fn certificate_of(manner: Manner, issuer: &Issuer<'_, KeyPair>) -> (Certificate, KeyPair) {
    let hosts: &[_] = match manner {
        Manner::OtherHost | Manner::OwnCaOfOtherHost => &["other.example"],
        _ => &["127.0.0.1", "upstream.test"],
    };
    let hosts = hosts.iter().map(|host| (*host).to_owned());
    let key = KeyPair::generate().expect("a key");
    let mut params =
        CertificateParams::new(hosts.collect::<Vec<_>>()).expect("a certificate's content");
    // A root of the same name would be taken for the issuer.
    let name = format!("{manner:?}");
    params.distinguished_name.push(DnType::CommonName, name);
    if matches!(manner, Manner::Expired | Manner::ExpiredOwnCa) {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    }
    if manner == Manner::ExpiresSoon {
        let day = in_a_week();
        let (month, day_of_month) = (day.month().unsigned_abs(), day.day().unsigned_abs());
        params.not_after = date_time_ymd(day.year().into(), month, day_of_month);
    }
    if manner.is_ca() {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let certificate = match manner {
        Manner::WithoutIntermediate => params.signed_by(&key, &intermediate()),
        _ if manner.is_ca() || manner == Manner::SelfSigned => params.self_signed(&key),
        _ => params.signed_by(&key, issuer),
    };
    (certificate.expect("a certificate"), key)
}

/// The day on which [`Manner::ExpiresSoon`] expires.
pub(crate) fn in_a_week() -> Date {
    let now = Timestamp::now() + SignedDuration::from_hours(7 * 24);
    now.to_zoned(TimeZone::UTC).date()
}

/// A CA. Who has signed its own certificate does not matter, because nobody sends it.
fn intermediate() -> Issuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let name = "intermediate";
    params.distinguished_name.push(DnType::CommonName, name);
    Issuer::new(params, KeyPair::generate().expect("a key"))
}

fn config(certificate: &Certificate, key: &KeyPair) -> Arc<ServerConfig> {
    let chain = vec![certificate.der().clone()];
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS")
        .with_no_client_auth()
        .with_single_cert(chain, key);
    Arc::new(config.expect("a configuration"))
}

/// Relays one request and its answer. Ends when the client does not send a request.
fn relay(mut stream: impl Read + Write, behind: SocketAddr) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
        // A TLS hello gets an HTTP error, as from a server that does not know TLS.
        if head[0] == 0x16 {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
            return;
        }
    }
    let mut upstream = TcpStream::connect(behind).expect("connect to the stub");
    let mut answer = Vec::new();
    upstream.write_all(&head).expect("hand on");
    upstream
        .shutdown(std::net::Shutdown::Write)
        .expect("hand on");
    upstream.read_to_end(&mut answer).expect("hand back");
    let _ = stream.write_all(&answer);
    let _ = stream.flush();
}
