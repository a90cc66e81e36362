//! The worker as its clients see it: a real listener over published snapshots, and the bytes of real requests.

mod admin;
mod answers;
mod boot;
mod draining;
mod following;
mod gzip;
mod health;
mod identity;
mod large_bodies;
mod metrics;
mod ofrep;
mod privilege;
mod reports;
mod requests;
mod status_page;
mod streams;
mod stub_supervisor;
mod wire;
mod worker;

use std::io::Write;
use std::net::TcpStream;
use std::sync::Mutex;

use stub_supervisor::{StubSupervisor, document};
use worker::{Answer, Worker, read_answer, request};

const CLIENT: &str = "X-Environment-Key: client_one\r\n";
const SERVER: &str = "X-Environment-Key: ser.one\r\n";

/// The features of most documents.
const ONE: &[(u32, &str, bool, &str)] = &[(1, "first", true, "1"), (2, "second", true, "2")];

/// More bytes than the buffers of both ends of a connection hold.
const LARGE: usize = 16 * 1024 * 1024;

/// For the tests that ring: a signal goes to every worker of this process.
static DOORBELL: Mutex<()> = Mutex::new(());

fn ring() {
    nix::sys::signal::raise(contract::DOORBELL).expect("signal");
}

fn one_environment() -> (StubSupervisor, Worker) {
    let mut supervisor = StubSupervisor::new(&["one"]);
    supervisor.publish("one", &document("one", 0, ONE));
    let worker = Worker::start(&supervisor, &["*"]);
    (supervisor, worker)
}

/// A supervisor of one environment whose document has about that length, and the document.
fn environment_of_length(length: usize) -> (StubSupervisor, String) {
    let value = format!("\"{}\"", "0123456789abcdef".repeat(length / 16));
    let document = document("one", 0, &[(1, "first", true, &value)]);
    let mut supervisor = StubSupervisor::new(&["one"]);
    supervisor.publish("one", &document);
    (supervisor, document)
}

/// Asks for the document on a connection that stays open.
fn get_document(stream: &mut TcpStream) {
    let get =
        format!("GET /api/v1/environment-document/ HTTP/1.1\r\nHost: proxy.test\r\n{SERVER}\r\n");
    stream.write_all(get.as_bytes()).expect("request");
}
