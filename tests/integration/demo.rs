//! The demonstration: the curl lines that it prints work when pasted.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use testing::eventually;

use crate::harness::executable;

#[test]
fn the_printed_curl_lines_work_when_pasted() {
    if Command::new("curl")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_err()
    {
        return testing::skip("there is no curl to paste into");
    }
    let mut demo = executable()
        .arg("--demo")
        .env("WEB_CONCURRENCY", "2")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut printed = BufReader::new(demo.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    // From the first command to the empty line behind the last one.
    let commands: String = printed
        .by_ref()
        .skip_while(|line| !line.contains("  curl "))
        .take_while(|line| !line.is_empty())
        .map(|line| line + "\n")
        .collect();
    let commands = commands.replace("\\\n", " ");
    assert_eq!(commands.lines().count(), 2, "{commands}");
    let answers: Vec<Value> = commands
        .lines()
        .map(|line| {
            eventually(line, || {
                let output = Command::new("sh")
                    .arg("-c")
                    .arg(format!("{line} -sf"))
                    .output()
                    .unwrap();
                output
                    .status
                    .success()
                    .then(|| serde_json::from_slice(&output.stdout).unwrap())
            })
        })
        .collect();
    assert_eq!(answers[0][1]["feature"]["name"], "banner_text");
    assert_eq!(answers[1]["identifier"], "alice");
    let value = |name: &str| {
        let flags = answers[1]["flags"].as_array().unwrap();
        let flag = flags
            .iter()
            .find(|flag| flag["feature"]["name"] == name)
            .unwrap();
        flag["feature_state_value"].clone()
    };
    // One flag has an identity override, another a segment override that the trait selects.
    assert_eq!(value("button_colour"), "alice red");
    assert_eq!(value("free_shipping_from"), "0");
    kill(Pid::from_raw(demo.id().cast_signed()), Signal::SIGTERM).unwrap();
    assert!(eventually("its end", || demo.try_wait().unwrap()).success());
}
