//! Random garbage in the place of each setting: no panic, no secret in a message, and nothing that is read differently
//! from a variable.

use serde_json::{Map, json};

use super::super::definitions::variable_name;
use super::super::variables::Variables;
use super::*;

/// In each secret; no message may show it.
const NEEDLE: &str = "NEEDLE";

fn scale() -> usize {
    variable("TEST_SCALE")
        .and_then(|scale| scale.parse().ok())
        .unwrap_or(1)
}

fn garbage(random: &mut fastrand::Rng, depth: usize) -> Value {
    let texts = [
        "",
        " ",
        "null",
        "true",
        "8000",
        "-1",
        "1e999",
        "NaN",
        "ser.NEEDLE",
        " ser.NEEDLE\n",
        "ser.é NEEDLE",
        "*",
        "https://me:NEEDLE@host",
        "ftp://me:NEEDLE@host",
        "/nowhere/ser.NEEDLE",
        "a\u{0}b",
        "auto",
        "[]",
        "{",
        "{}",
        r#"[{"server_side_key":"ser.NEEDLE"}]"#,
        "tcp://10.0.0.1:80",
        "\u{feff}",
        "🦀",
    ];
    match random.usize(..if depth > 0 { 9 } else { 6 }) {
        0 => Value::Null,
        1 => json!(random.bool()),
        2 => json!(random.i64(..)),
        3 => json!(random.f64() * 1e20 - 5e19),
        4 | 5 => json!(random.choice(texts)),
        6 => (0..random.usize(..3))
            .map(|_| garbage(random, depth - 1))
            .collect(),
        _ => {
            let names = [
                "server_side_key",
                "client_side_key",
                "server_side_key_file",
                "port",
                "ser.NEEDLE",
                "flags",
            ];
            let members = (0..random.usize(..4)).map(|_| {
                (
                    random.choice(names).unwrap().to_owned(),
                    garbage(random, depth - 1),
                )
            });
            Value::Object(members.collect())
        }
    }
}

/// Holds that a message is a line without a secret.
#[track_caller]
fn check_line(line: &str, of: &dyn std::fmt::Debug) {
    assert!(
        !line.contains(NEEDLE) && line.lines().count() == 1,
        "{line:?} of {of:?}"
    );
}

#[test]
fn no_garbage_panics_or_shows_a_secret() {
    let seed = variable("TEST_SEED").and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("TEST_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let definitions = Definitions::gather();
    let mut names: Vec<String> = definitions
        .sections()
        .into_iter()
        .map(str::to_owned)
        .collect();
    names.extend(
        definitions
            .all()
            .iter()
            .flat_map(|one| one.names.all())
            .map(str::to_owned),
    );
    names.retain(|name| !name.is_empty());
    names.push("nonsense".to_owned());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    let (mut refused, mut accepted) = (0, 0);
    for _ in 0..300 * scale() {
        let mut file = json!({
            "environment_key_pairs": [{"server_side_key": "ser.NEEDLE", "client_side_key": "a"}],
        });
        let mut variables = Vec::new();
        for _ in 0..random.usize(1..3) {
            let name = random.choice(&names).unwrap();
            let value = garbage(&mut random, 3);
            if random.bool() {
                match name.split_once('.') {
                    None => file[name] = value,
                    Some((section, member)) => {
                        if !file[section].is_object() {
                            file[section] = Value::Object(Map::new());
                        }
                        file[section][member] = value;
                    }
                }
            } else {
                let suffix = if random.u8(..4) == 0 { "_FILE" } else { "" };
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                variables.push((variable_name(name) + suffix, text));
            }
        }
        std::fs::write(&path, file.to_string()).unwrap();
        let case = (&file, &variables);
        let config_path = ConfigPath::new(path.clone(), file::NamedBy::CommandLine);
        match Config::read(&config_path, &Variables::new(variables.clone())) {
            Ok((config, given)) => {
                accepted += 1;
                for warning in &config.warnings {
                    check_line(warning, &case);
                }
                for setting in effective::settings(&given, &config) {
                    let line = format!("{setting:?}");
                    assert!(!line.contains(NEEDLE), "{line} of {case:?}");
                }
            }
            Err(error) => {
                refused += 1;
                check_line(&error.to_string(), &case);
            }
        }
    }
    assert!(
        accepted > 30 && refused > 30,
        "{accepted} accepted, {refused} refused"
    );
}
