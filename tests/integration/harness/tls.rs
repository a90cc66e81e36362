//! A TLS server in front of the stub upstream, with a valid certificate or with a wrong one.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use testing::Stub;

/// How the server behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Manner {
    /// It has a certificate of the authority that the proxy trusts.
    Trusted,
    /// It has a self-signed certificate.
    SelfSigned,
    /// It has a certificate of that authority for another host.
    OtherHost,
    /// It has a certificate of that authority that expired years ago.
    Expired,
    /// It speaks HTTP without TLS.
    Plain,
    /// It closes every connection at once.
    Rude,
}

const SIGNED: [Manner; 4] = [
    Manner::Trusted,
    Manner::SelfSigned,
    Manner::OtherHost,
    Manner::Expired,
];

/// A running server.
pub(crate) struct TlsFront {
    address: SocketAddr,
    manner: Arc<Mutex<Manner>>,
}

impl TlsFront {
    /// Starts a server that relays to `upstream`. Writes the certificate of its authority to `authority`, in PEM.
    pub(crate) fn start(upstream: &Stub, authority: &Path) -> TlsFront {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "authority");
        let certificate = params.self_signed(&key).expect("an authority");
        std::fs::write(authority, certificate.pem()).expect("write the authority");
        let issuer = Issuer::new(params, key);
        let configs = SIGNED.map(|manner| (manner, config(manner, &issuer)));

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

    /// Behaves so from the next connection on.
    pub(crate) fn set(&self, manner: Manner) {
        *self.manner.lock().expect("the manner") = manner;
    }
}

fn config(manner: Manner, issuer: &Issuer<'_, KeyPair>) -> Arc<ServerConfig> {
    let host = match manner {
        Manner::OtherHost => "other.example",
        _ => "127.0.0.1",
    };
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new([host.to_owned()]).expect("a certificate's content");
    if manner == Manner::Expired {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    }
    let certificate = match manner {
        Manner::SelfSigned => params.self_signed(&key),
        _ => params.signed_by(&key, issuer),
    };
    let chain = vec![CertificateDer::from(certificate.expect("a certificate"))];
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
