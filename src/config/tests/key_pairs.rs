//! Pairs of keys: repeated ones, keys in files, and that no server-side key is shown.

use super::*;

#[test]
fn never_shows_a_server_side_key() {
    for text in [
        r#"{"environment_key_pairs":[{"server_side_key":"SECRET","client_side_key":"a"}]}"#,
        r#"{"environment_key_pairs":[{"server_side_key":["ser.SECRET"],"client_side_key":"a"}]}"#,
        r#"{"environment_key_pairs":[{"server_side_key":"ser.a","client_side_key":"ser.SECRET"}]}"#,
        r#"{"environment_key_pairs":[{"server_side_key":"ser.SECRET","server_side_key_file":"b","client_side_key":"a"}]}"#,
        &with(r#","api_url":"ftp://me:SECRET@host""#),
        &with(r#","admin":{"token":"SECRET with blanks"}"#),
        &with(r#","admin":{"token":["SECRET"]}"#),
    ] {
        let error = read(text).unwrap_err();
        assert!(
            error.contains("expected") && !error.contains("SECRET"),
            "{error}"
        );
    }
    let shown = format!(
        "{:?}",
        read(
            r#"{"environment_key_pairs":[{"server_side_key":"ser.SECRET","client_side_key":"a"}]}"#
        )
        .unwrap()
    );
    assert!(!shown.contains("SECRET"), "{shown}");
}

/// Client-side key, then the server-side keys from the newest on.
fn keys(pairs: &str) -> Vec<Vec<String>> {
    let config = read(&format!(r#"{{"environment_key_pairs":[{pairs}]}}"#)).unwrap();
    let pairs = config.environment_key_pairs.iter().map(|pair| {
        let server_side = pair
            .server_side_keys
            .iter()
            .map(|key| key.expose().unwrap().to_owned());
        let client_side = std::iter::once(pair.client_side_key.clone());
        client_side.chain(server_side).collect()
    });
    pairs.collect()
}

#[test]
fn pairs_of_one_environment_are_one_with_all_their_keys_the_last_one_first() {
    let pair = |server_side_key: &str, client_side_key: &str| {
        format!(
            r#"{{"server_side_key":"{server_side_key}","client_side_key":"{client_side_key}"}}"#
        )
    };
    let list = |pairs: &[String]| keys(&pairs.join(","));
    let (old, new, other) = (
        pair("ser.1", "a"),
        pair(" ser.2", " a "),
        pair("ser.3", "b"),
    );
    assert_eq!(list(&[old.clone(), old.clone()]), [["a", "ser.1"]]);
    assert_eq!(
        list(&[old.clone(), other, new.clone()]),
        [vec!["a", "ser.2", "ser.1"], vec!["b", "ser.3"]]
    );
    assert_eq!(list(&[old.clone(), new, old]), [["a", "ser.1", "ser.2"]]);
    let same_server_side_key = [pair("ser.1", "a"), pair("ser.1", "b")];
    assert_eq!(
        list(&same_server_side_key),
        [["a", "ser.1"], ["b", "ser.1"]]
    );
}

/// The name of each key, and where it comes from.
fn origins(text: &str) -> Vec<(String, String)> {
    let definitions = Definitions::gather();
    let mut given = Given::new("config.json");
    let members = file::parse("config.json", text.as_bytes()).unwrap();
    given.add(&definitions, "config.json", "", members).unwrap();
    let config = Config::of(&mut given).unwrap();
    let settings = effective::settings(&given, &config);
    let keys = settings.into_iter().filter_map(|one| {
        let name = one.name.strip_prefix("environment_key_pairs[0].")?;
        Some((name.to_owned(), one.from))
    });
    keys.collect()
}

#[test]
fn a_server_side_key_may_be_in_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key");
    let text = format!(
        r#"{{"environment_key_pairs":[{{"server_side_key_file":{:?},"client_side_key":"a"}}]}}"#,
        file.display().to_string()
    );
    let missing = read(&text).unwrap_err();
    let path = "config.json: environment_key_pairs[0].server_side_key_file: ";
    let shown = file.display();
    assert_eq!(
        missing,
        format!("{path}read {shown}: No such file or directory (os error 2)")
    );
    std::fs::write(&file, "SECRET").unwrap();
    let wrong = read(&text).unwrap_err();
    assert!(
        wrong.starts_with(&format!(
            "{path}found another text in {shown}, expected a key"
        )),
        "{wrong}"
    );
    std::fs::write(&file, "ser.in_a_file\r\n").unwrap();
    let pair = &read(&text).unwrap().environment_key_pairs[0];
    assert_eq!(pair.server_side_keys[0].expose(), Some("ser.in_a_file"));
    assert_eq!(
        origins(&text),
        [
            ("client_side_key".to_owned(), "config.json".to_owned()),
            (
                "server_side_key".to_owned(),
                format!("config.json, {}", file.display())
            ),
        ]
    );
}
