//! Compile processes that do not do what they are started for, played by a shell.

use std::process::Command;

use super::*;
use crate::notice::Notices;
use crate::publish;
use contract::{Index, KeyPair, Readiness, board_shape};

/// What becomes of a large document if this is its compile process.
fn publish(command: CompileCommand) -> Failure {
    let directory = tempfile::tempdir().unwrap();
    let shape = board_shape(engine::FORMAT, 1, 1);
    let publisher = Publisher::open(directory.path(), shape).unwrap();
    let board = publisher.share_board();
    let pair = KeyPair::new("public", []);
    let index: Index =
        crate::environments::Roster::new(vec![pair], 1).index(Readiness::default(), &[]);
    let options = CompileOptions::default();
    let publication = publish::open(publisher, &index, options, command).unwrap();
    let compiler = Compiler {
        compile: |_, _| unreachable!("compiled here"),
        compress: |_| unreachable!("compressed here"),
        command,
        publication: Arc::new(publication),
        notifier: Notices::of_children().unwrap().notifier(),
    };
    let body = Body::copy_of(&vec![b' '; 4 << 20]).unwrap();
    let published = compiler.publish(0, body, options, None, DateRange::default());
    assert_eq!(board.row_generation(0), 0);
    let left = std::fs::read_dir(directory.path()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.contains(&"staging".into()), "{left:?}");
    match published {
        Err(failure) => failure,
        Ok(_) => panic!("published"),
    }
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    command
}

#[test]
fn a_process_that_is_killed_crashes_or_says_nothing_is_a_failure_with_words() {
    let prefix = "the process that compiles the document failed: ";
    let cases: [(CompileCommand, &str); 5] = [
        (
            |_| shell("kill -9 $$"),
            "it exited: signal 9, perhaps because memory ran out",
        ),
        (
            |_| shell("echo memory allocation of 7 bytes failed >&2; kill -6 $$"),
            "it exited: signal 6: memory allocation of 7 bytes failed",
        ),
        (|_| shell("exit 0"), "it exited: status 0"),
        (
            // It ends badly after it has reported well.
            |_| shell(r#"echo '{"Written":{"updated_at":null,"warnings":[]}}' >&2; exit 1"#),
            r#"it exited: status 1: {"Written":{"updated_at":null,"warnings":[]}}"#,
        ),
        (
            |_| Command::new("/nowhere"),
            "start it: No such file or directory (os error 2)",
        ),
    ];
    for (command, expected) in cases {
        assert_eq!(publish(command).to_string(), format!("{prefix}{expected}"));
    }
}

#[test]
fn what_a_process_could_not_do_is_told_as_if_it_was_done_here() {
    let refused = publish(|_| shell(r#"echo '{"Refused":"name: missing"}' >&2"#));
    assert_eq!(
        refused.to_string(),
        "the document does not compile: name: missing"
    );
    let unwritten = publish(|_| shell(r#"echo '{"Unwritten":"write staging: full"}' >&2"#));
    assert!(matches!(unwritten, Failure::Publish(reason) if reason == "write staging: full"));
}

#[test]
fn a_file_that_is_not_whole_is_not_published_whatever_its_process_says() {
    for command in [
        |_: &str| shell(r#"echo '{"Written":{"updated_at":null,"warnings":[]}}' >&2"#),
        |_: &str| {
            shell(
                r#"head -c 5000 /dev/zero; echo '{"Written":{"updated_at":null,"warnings":[]}}' >&2"#,
            )
        },
    ] {
        let failure = publish(command).to_string();
        assert!(failure.contains("staging"), "{failure}");
    }
}

#[test]
fn a_process_gets_the_document_and_no_process_environment() {
    let failure = publish(|_| {
        shell("wc -c </proc/self/fd/0 >&2; env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= >&2; exit 1")
    });
    let text = failure.to_string();
    assert!(text.ends_with("it exited: status 1: 4194304"), "{text}");
}
