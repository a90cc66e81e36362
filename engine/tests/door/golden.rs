//! Recorded answers: the engine answers every request of the golden files with the same JSON, types and order included.

use engine::{ArchivedEnvironment, BodyKind, Patterns, Scratch, Side, compile, read_identity};
use rkyv::rancor::Error;
use rkyv::util::AlignedVec;
use testing::{Case, Golden, Request};

use crate::proxy;

#[test]
fn answers_random_documents() {
    check(&Golden::documents());
}

#[test]
fn answers_every_operator_operand_and_trait() {
    check(&Golden::conditions());
}

#[test]
fn answers_flagsmiths_engine_test_data() {
    check(&Golden::engine_test_data());
}

#[test]
fn answers_flags_that_depend_on_flags() {
    check(&Golden::flag_dependencies());
}

fn check(golden: &Golden) {
    let archives: Vec<AlignedVec> = golden.cases.iter().map(archive).collect();
    let environments: Vec<&ArchivedEnvironment> = archives
        .iter()
        .map(|bytes| rkyv::access::<_, Error>(bytes).expect("a valid archive"))
        .collect();
    let patterns: Vec<Patterns> = environments
        .iter()
        .map(|environment| Patterns::new(environment))
        .collect();
    let mut scratch = Scratch::new();
    golden.check(|number, request| {
        answer(
            environments[number],
            &patterns[number],
            request,
            &mut scratch,
        )
    });
}

fn archive(case: &Case) -> AlignedVec {
    let compiled = compile(case.document.get().as_bytes()).expect("a document");
    rkyv::to_bytes::<Error>(&compiled.environment).expect("an archive")
}

fn answer(
    environment: &ArchivedEnvironment,
    patterns: &Patterns,
    request: &Request,
    scratch: &mut Scratch,
) -> Vec<u8> {
    let side = if request.server_key {
        Side::Server
    } else {
        Side::Client
    };
    if request.endpoint == "flags" {
        return environment.flags(side).body().to_vec();
    }
    let body = request.body();
    let identity = read_identity(body.as_bytes(), BodyKind::Json).expect("an identity");
    let identity =
        identity.into_identity(|| unreachable!("every recorded request has an identifier"));
    proxy::answer(environment, patterns, side, &identity, scratch)
}
