//! Connections that fail, from a stub.

use testing::End;

use super::*;

#[test]
fn silence_ends_with_the_timeout() {
    let stub = Stub::answering(|_| Answer::silence());
    let upstream = Upstream::new(&UpstreamSettings {
        poll_timeout: Duration::from_millis(500),
        ..settings(&stub)
    })
    .unwrap();
    let error = fetch_since(&upstream, None).unwrap_err();
    assert_eq!(error.to_string(), "upstream did not answer within 0.5 s");
}

#[test]
fn nobody_there_is_said_so() {
    let stub = Stub::answering(|_| Answer::silence());
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = unused.local_addr().unwrap().port();
    drop(unused);
    let api_url = ApiUrl::parse(&format!("http://127.0.0.1:{port}")).unwrap();
    let upstream = Upstream::new(&UpstreamSettings {
        api_url,
        ..settings(&stub)
    })
    .unwrap();
    let error = fetch_since(&upstream, None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "could not reach upstream: Connection refused (os error 111)"
    );
    assert_eq!(stub.requests().len(), 0);
}

#[test]
fn a_kept_connection_that_ends_is_no_failure() {
    for end in [End::Close, End::Reset] {
        let stub = Stub::start([("verysecret", DOCUMENT.to_owned())]);
        stub.end_kept_connections(end);
        let upstream = upstream(&stub);
        let credential = Credential::of(&pair(KEY)).unwrap();
        runtime().block_on(async {
            for _ in 0..5 {
                upstream.fetch(&credential, None).await.unwrap();
            }
        });
        // The second and the fourth one are sent again.
        assert_eq!(stub.requests().len(), 7, "{end:?}");
        assert_eq!(stub.connections(), 5, "{end:?}");
    }
}

#[test]
fn a_new_connection_that_ends_is_a_failure() {
    let stub = Stub::answering(|_| Answer::Closed(Vec::new()));
    let upstream = upstream(&stub);
    let error = fetch_since(&upstream, None).unwrap_err().to_string();
    assert!(error.starts_with("could not reach upstream: "), "{error}");
    assert_eq!(stub.requests().len(), 1);
}
