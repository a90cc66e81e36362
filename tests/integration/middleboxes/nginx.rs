//! nginx in front of the proxy: kept connections with the headers of a widespread snippet, and its cache.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use testing::{Stub, document};

use crate::harness::{Connection, Proxy, Relay, Response, Start};

/// A running nginx. It ends when it is dropped.
struct Nginx {
    process: Child,
    address: SocketAddr,
    _directory: tempfile::TempDir,
}

impl Nginx {
    /// In front of `target`, with these directives for `http` and for the only location. `None` if it is not installed.
    fn start(target: SocketAddr, http: &str, location: &str) -> Option<Nginx> {
        let installed = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"];
        let Some(program) = installed.iter().find(|path| Path::new(path).exists()) else {
            testing::skip("there is no nginx: apt-get install nginx-light");
            return None;
        };
        let directory = tempfile::tempdir().expect("a directory");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("its address");
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {kind};"))
            .concat();
        // As root it would give its workers to another user, who may not enter the directory.
        let user = if nix::unistd::geteuid().is_root() {
            "user root;"
        } else {
            ""
        };
        let configuration = format!(
            "{user} daemon off; worker_processes 1; pid nginx.pid; error_log stderr;
            events {{ worker_connections 256; }}
            http {{
                access_log off; {temporary} {http}
                upstream proxy {{ server {target}; keepalive 16; }}
                server {{
                    listen {address};
                    keepalive_requests 1000000;
                    location / {{
                        proxy_pass http://proxy;
                        proxy_http_version 1.1;
                        {location}
                    }}
                }}
            }}"
        );
        std::fs::write(directory.path().join("nginx.conf"), configuration).expect("write it");
        let process = Command::new(program)
            .arg("-p")
            .arg(directory.path())
            .args(["-e", "stderr", "-c", "nginx.conf"])
            // It takes over the listening socket, so that nobody else gets its port in between.
            .env("NGINX", "0;")
            .stdin(Stdio::from(OwnedFd::from(listener)))
            .spawn()
            .expect("start nginx");
        Some(Nginx {
            process,
            address,
            _directory: directory,
        })
    }

    fn get(&self, path: &str, key: &str) -> Response {
        let headers = [("X-Environment-Key", key)];
        Connection::open(self.address).request("GET", path, &headers, b"")
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let id = i32::try_from(self.process.id()).expect("a process id");
        kill(Pid::from_raw(id), Signal::SIGTERM).expect("end nginx");
        self.process.wait().expect("the end of nginx");
    }
}

/// The snippet is meant for WebSockets, and sends `Connection: upgrade` with every request.
#[test]
fn connections_are_kept_although_every_request_asks_for_an_upgrade() {
    const CLIENTS: usize = 4;
    let upstream = Stub::start([("test", document("test", "hello"))]);
    let proxy = Proxy::ready(&upstream, "test");
    let relay = Relay::to(proxy.address);
    let snippet =
        "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";";
    let Some(nginx) = Nginx::start(relay.address, "", snippet) else {
        return;
    };
    let requests = 2_000 * testing::scale();
    let failures: Vec<String> = thread::scope(|scope| {
        let client = || {
            let mut connection = Connection::open(nginx.address);
            let headers = [("X-Environment-Key", "test")];
            let ask = |number: usize| {
                let upgrade = ("Upgrade", ["websocket", "h2c", ""][number % 3]);
                let headers = [headers[0], upgrade];
                let body = format!(r#"{{"identifier":"{number}"}}"#);
                let path = "/api/v1/identities/";
                let answer = connection.request("POST", path, &headers, body.as_bytes());
                let is_right =
                    answer.status == 200 && answer.text().starts_with(&body[..body.len() - 1]);
                (!is_right).then(|| format!("{number}: {answer:?}"))
            };
            (0..requests / CLIENTS)
                .filter_map(ask)
                .take(1)
                .collect::<Vec<_>>()
        };
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        let failures = clients.into_iter();
        failures
            .flat_map(|client| client.join().expect("a client"))
            .collect()
    });
    assert!(
        failures.is_empty(),
        "{} failures: {}",
        failures.len(),
        failures[0]
    );
    // nginx itself ends a connection after 1,000 requests.
    let most = CLIENTS + requests / 1_000 + CLIENTS;
    assert!(
        relay.connections() <= most,
        "{} connections",
        relay.connections()
    );
}

const CACHE: &str = "proxy_cache_path cache keys_zone=flags:1m;";

/// Asks for everything with three keys, several times, and compares with what the proxy itself answers.
fn every_key_gets_its_own(location: &str) -> Option<usize> {
    let upstream = Stub::start([
        ("one", document("one", "value of one")),
        ("two", document("two", "value of two")),
    ]);
    let proxy = Start::new(&upstream, &["one", "two"]).start();
    proxy.wait_until_ready();
    let location =
        format!("proxy_cache flags; add_header X-Cache $upstream_cache_status always; {location}");
    let nginx = Nginx::start(proxy.address, CACHE, &location)?;
    let mut hits = 0;
    for _ in 0..3 {
        for path in [
            "/api/v1/flags/",
            "/api/v1/flags/?feature=secret",
            "/api/v1/identities/?identifier=alice",
            "/api/v1/environment-document/",
        ] {
            for key in ["ser.one", "one", "two", "unknown"] {
                let (cached, own) = (nginx.get(path, key), proxy.get(path, key));
                assert_eq!(cached.status, own.status, "{path} {key}");
                assert_eq!(cached.text(), own.text(), "{path} {key}");
                hits += usize::from(cached.headers["x-cache"] == "HIT");
            }
        }
    }
    Some(hits)
}

#[test]
fn a_shared_cache_keeps_nothing() {
    let hits = every_key_gets_its_own("proxy_cache_valid any 10s;");
    assert!(hits.is_none_or(|hits| hits == 0), "{hits:?}");
}

#[test]
fn a_cache_that_keeps_answers_against_the_rules_mixes_no_keys() {
    let location = "proxy_cache_valid any 10s; proxy_ignore_headers Cache-Control;";
    let hits = every_key_gets_its_own(location);
    // Everything comes from the cache the second and the third time.
    assert!(hits.is_none_or(|hits| hits == 2 * 4 * 4), "{hits:?}");
}

#[test]
fn a_browser_may_ask_through_nginx_whether_its_answer_is_still_right() {
    let upstream = Stub::start([("test", document("test", "hello"))]);
    let proxy = Proxy::ready(&upstream, "test");
    let Some(nginx) = Nginx::start(proxy.address, "", "") else {
        return;
    };
    let tag = nginx.get("/api/v1/flags/", "test").headers["etag"].clone();
    let headers = [
        ("X-Environment-Key", "test"),
        ("If-None-Match", tag.as_str()),
    ];
    let again = Connection::open(nginx.address).request("GET", "/api/v1/flags/", &headers, b"");
    assert_eq!((again.status, again.text()), (304, String::new()));
}
