//! Documents in files, without an API: served, watched, and refused by name when they are wrong.

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use testing::document;

use crate::harness::{Clients, Expect, Proxy, Start, executable, run};
use crate::reload::{edit, reload};

const FLAGS: &str = "/api/v1/flags/?feature=greeting";
const DOCUMENT: &str = "/api/v1/environment-document/";

/// A directory with a document of each of these environments.
struct Files(tempfile::TempDir);

impl Files {
    fn of(environments: &[&str]) -> Self {
        let files = Self(tempfile::tempdir().expect("a directory"));
        for environment in environments {
            files.put(environment, &document(environment, "first"));
        }
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(format!("{name}.json"))
    }

    /// Puts a file in place by a rename.
    fn put(&self, name: &str, content: &str) {
        let new = self.0.path().join(".new");
        fs::write(&new, content).expect("write");
        fs::rename(new, self.path(name)).expect("rename");
    }

    fn start(&self) -> Start {
        self.start_at(json!(self.0.path()))
    }

    fn start_at(&self, place: Value) -> Start {
        Start::without_upstream().set("environment_documents", place)
    }
}

/// The value of `greeting`, or the status of the refusal.
fn greeting(proxy: &Proxy, key: &str) -> String {
    let response = proxy.get(FLAGS, key);
    match response.status {
        200 => response.json()["feature_state_value"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        status => status.to_string(),
    }
}

#[test]
fn documents_in_a_directory_are_served_and_followed() {
    let files = Files::of(&["one", "two"]);
    let proxy = files.start().start();
    proxy.wait_until_ready();
    assert_eq!(
        (greeting(&proxy, "one"), greeting(&proxy, "two")),
        ("first".into(), "first".into())
    );
    assert_eq!(
        greeting(&proxy, "ser.one"),
        "401",
        "nobody said which key it has"
    );
    let asks = [(FLAGS, "one", Expect::Always(200, "first".to_owned()))];
    let clients = Clients::start(proxy.address, None, &asks);

    files.put("two", &document("two", "second"));
    proxy.wait_for("the second edition", |proxy| {
        greeting(proxy, "two") == "second"
    });
    files.put("three", &document("three", "first"));
    proxy.wait_for("another environment", |proxy| {
        greeting(proxy, "three") == "first"
    });
    proxy.wait_for("word of it", |proxy| {
        proxy.log().contains("listed: 1 environment added\n")
    });
    fs::remove_file(files.path("three")).expect("remove");
    proxy.wait_for("its end", |proxy| greeting(proxy, "three") == "401");
    clients.stop("clients of another document");
    assert_eq!(proxy.get("/proxy/health/readiness", "").status, 200);
}

#[test]
fn a_document_that_becomes_wrong_is_named_and_the_last_good_one_is_served() {
    let files = Files::of(&["one", "two"]);
    let proxy = files.start().start();
    proxy.wait_until_ready();
    // Written in place, in two pieces with time between them.
    let next = document("one", "second");
    let (begin, rest) = next.split_at(next.len() / 2);
    fs::write(files.path("one"), begin).expect("write");
    let name = files.path("one").display().to_string();
    proxy.wait_for("its name", |proxy| {
        proxy.log().contains(&format!(
            "environment one not updated: read {name}: document: not JSON"
        ))
    });
    assert_eq!(greeting(&proxy, "one"), "first");
    assert_eq!(
        proxy.get("/proxy/health/readiness", "").status,
        200,
        "it is not stale"
    );
    fs::write(files.path("one"), begin.to_owned() + rest).expect("write");
    proxy.wait_for("the whole document", |proxy| {
        greeting(proxy, "one") == "second"
    });

    // JSON, and no document.
    files.put("two", r#"{"api_key":"two"}"#);
    proxy.wait_for("what is missing", |proxy| {
        let line = "environment two not updated: the document does not compile: project: missing";
        proxy.log().contains(line)
    });
    // A file that is no environment's.
    files.put("three", "[]");
    proxy.wait_for("the new file's name", |proxy| {
        let name = files.path("three").display().to_string();
        proxy.log().contains(&format!(
            "no environment is added: read {name}: document: expected an object"
        ))
    });
    assert_eq!(greeting(&proxy, "two"), "first");
}

#[test]
fn key_pairs_say_which_server_side_keys_documents_have() {
    let files = Files::of(&["one"]);
    let pairs = json!([{"client_side_key": "one", "server_side_key": "ser.other"},
                       {"client_side_key": "nobody", "server_side_key": "ser.nobody"}]);
    let start = files.start_at(json!([files.path("one")]));
    let proxy = start.set("environment_key_pairs", pairs).start();
    proxy.wait_until_ready();
    let served = proxy.get(DOCUMENT, "ser.other");
    assert_eq!(served.text(), document("one", "first"));
    assert_eq!(proxy.get(DOCUMENT, "one").status, 403);
    assert_eq!(greeting(&proxy, "nobody"), "401");
    // What clients report has nowhere to go, and they do not notice.
    let report = proxy.post("/api/v1/analytics/flags/", "one", r#"{"greeting":1}"#);
    assert_eq!(report.status, 200);
    assert_eq!(proxy.post("/v1/events", "one", "{}").status, 404);
}

#[test]
fn a_restart_and_a_reload_read_all_files_and_refuse_a_wrong_one_by_name() {
    let files = Files::of(&["one"]);
    let mut proxy = files.start().start();
    proxy.wait_until_ready();
    files.put("two", "half");
    let line = reload(&proxy);
    let expected = format!(
        "read {}: document: expected an object",
        files.path("two").display()
    );
    assert!(
        line.ends_with(&format!("not reloaded, nothing changes: {expected}")),
        "{line}"
    );
    files.put("two", &document("two", "first"));
    let line = reload(&proxy);
    assert!(
        line.ends_with(": 1 environment added") || line.ends_with(": nothing changed"),
        "{line}"
    );
    assert_eq!(greeting(&proxy, "two"), "first");
    // Another directory is another source.
    let others = Files::of(&["two", "three"]);
    others.put("two", &document("two", "other"));
    edit(&proxy, |config| {
        config["environment_documents"] = json!(others.0.path())
    });
    let line = reload(&proxy);
    assert!(
        line.ends_with(&format!(
            "1 environment added, 1 removed, reading documents in {}",
            others.0.path().display()
        )),
        "{line}"
    );
    proxy.wait_for("the other directory's document", |proxy| {
        greeting(proxy, "two") == "other"
    });
    proxy.signal(Signal::SIGTERM);
    proxy.wait();

    others.put("three", "half");
    let (status, _, said) = run(executable().arg("--config").arg(proxy.config()));
    assert_ne!(status, Some(0));
    assert!(
        said.contains(&format!("read {}: ", others.path("three").display())),
        "{said}"
    );
}

#[test]
fn a_directory_that_is_exchanged_as_kubernetes_does_is_one_change() {
    let files = Files(tempfile::tempdir().expect("a directory"));
    let mount = files.0.path();
    let edition = |name: &str, value: &str| {
        fs::create_dir(mount.join(name)).expect("a directory");
        fs::write(mount.join(name).join("one.json"), document("one", value)).expect("write");
        let new = mount.join("..data_tmp");
        std::os::unix::fs::symlink(name, &new).expect("link");
        fs::rename(new, mount.join("..data")).expect("exchange");
    };
    edition("..1", "first");
    std::os::unix::fs::symlink(Path::new("..data/one.json"), mount.join("one.json")).expect("link");
    let proxy = files.start().start();
    proxy.wait_until_ready();
    edition("..2", "second");
    fs::remove_dir_all(mount.join("..1")).expect("remove");
    proxy.wait_for("the second edition", |proxy| {
        greeting(proxy, "one") == "second"
    });
    assert!(!proxy.log().contains("not updated"), "{}", proxy.log());
}
