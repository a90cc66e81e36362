//! Explanations: the explained flags are the served ones, and what is said of each is how it was decided.

mod words;

use engine::explain::{Candidate, Explanation, Origin, Outcome, Question, explain};
use engine::{
    ArchivedEnvironment, BodyKind, CompileOptions, IdentityRequest, Patterns, Scratch, Side,
    compile, evaluate, read_identity,
};
use proptest::collection::vec;
use proptest::prelude::*;
use rkyv::rancor::Error;
use testing::Golden;

use crate::generate::{dependent_documents, documents, requests};
use crate::properties::body;
use crate::proxy::{Proxy, archive};

const SIDES: [Side; 2] = [Side::Client, Side::Server];

#[test]
fn explains_random_documents_as_recorded() {
    check_golden(&Golden::documents(), &SIDES);
}

#[test]
fn explains_every_operator_operand_and_trait() {
    // The documents are large, and nothing in them is hidden.
    check_golden(&Golden::conditions(), &[Side::Client]);
}

#[test]
fn explains_flagsmiths_engine_test_data() {
    check_golden(&Golden::engine_test_data(), &SIDES);
}

#[test]
fn explains_flags_that_depend_on_flags() {
    check_golden(&Golden::flag_dependencies(), &SIDES);
}

/// The engine gives the recorded answers, so what it serves is what to compare with.
fn check_golden(golden: &Golden, sides: &[Side]) {
    for case in &golden.cases {
        let compiled = compile(case.document.get().as_bytes()).expect("a document");
        let archive = archive(&compiled.environment);
        let environment = rkyv::access::<ArchivedEnvironment, Error>(&archive);
        let environment = environment.expect("a valid archive");
        for &side in sides {
            check(environment, side, None);
            for request in &case.requests {
                check(environment, side, Some(&request.body()));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn explains_the_flags_that_are_served(
        document in prop_oneof![documents(), dependent_documents()],
        requests in vec(requests(), 1..4),
        official_proxy_fields_only in any::<bool>(),
        apply_environment_segments in any::<bool>(),
    ) {
        let options = CompileOptions {
            official_proxy_fields_only,
            apply_environment_segments,
            ..CompileOptions::default()
        };
        let proxy = Proxy::with(&document, options);
        for side in SIDES {
            check(proxy.environment(), side, None);
            for request in &requests {
                let body = body(request);
                let all = check(proxy.environment(), side, Some(&body));
                check_one(proxy.environment(), side, &body, &all);
            }
        }
    }
}

/// Explains the flags of a request, or those without an identity, and compares them with the served ones.
pub(crate) fn check(
    environment: &ArchivedEnvironment,
    side: Side,
    body: Option<&str>,
) -> Explanation {
    let served = match body {
        None => environment.flags(side).body().to_vec(),
        Some(body) => served(environment, side, read(body)),
    };
    let served = String::from_utf8(served).expect("flags in UTF-8");
    let found = ask(environment, side, body, None);
    assert_eq!(shown(&found), served, "{body:?}");
    check_candidates(&found);
    found
}

/// A feature alone has the same explanation as among all.
fn check_one(environment: &ArchivedEnvironment, side: Side, body: &str, all: &Explanation) {
    for feature in &all.flags {
        let alone = ask(environment, side, Some(body), Some(&feature.feature));
        let first = &alone.flags[0];
        assert_eq!(first.feature, feature.feature);
        assert_eq!(first.flag.get(), feature.flag.get());
        assert_eq!(first.summary, feature.summary);
        assert_eq!(first.candidates.len(), feature.candidates.len());
        for needed in &first.depends_on {
            assert!(alone.flags.iter().any(|flag| flag.feature == *needed));
        }
    }
}

/// What is said of candidates, segments and rules agrees with what was chosen.
fn check_candidates(found: &Explanation) {
    let is_in_cycles = found.flags.iter().any(|flag| !flag.cycle.is_empty());
    for segment in &found.segments {
        let can_match = segment.problem.is_none();
        let holds = can_match && segment.rules.iter().all(|rule| rule.matches);
        assert!(holds || !segment.matches, "{segment:?}");
        assert!(is_in_cycles || holds == segment.matches, "{segment:?}");
    }
    for flag in &found.flags {
        let chosen = of_outcome(&flag.candidates, Outcome::Chosen);
        let [chosen] = chosen[..] else {
            panic!("{} candidates are chosen: {flag:?}", chosen.len());
        };
        let given = chosen.flag.as_ref().expect("the flag that it gives");
        assert_eq!(given.get(), flag.flag.get(), "{flag:?}");
        assert!(!flag.summary.is_empty());
        let last = flag.candidates.last().expect("the environment default");
        assert_eq!(last.origin, Origin::EnvironmentDefault);
        let place = flag
            .candidates
            .iter()
            .position(|it| it.outcome == Outcome::Chosen);
        for (number, candidate) in flag.candidates.iter().enumerate() {
            let is_beaten = candidate.outcome == Outcome::Beaten;
            assert!(!is_beaten || place < Some(number), "{flag:?}");
            let segment = candidate.segment.map(|index| &found.segments[index]);
            if let Some(segment) = segment {
                let cut = candidate.outcome == Outcome::Cut;
                assert!(is_in_cycles || !cut, "{flag:?}");
                let matches = matches!(candidate.outcome, Outcome::Chosen | Outcome::Beaten);
                assert!(is_in_cycles || matches == segment.matches, "{flag:?}");
            }
            let Some(split) = &candidate.split else {
                continue;
            };
            let chosen: Vec<_> = split.allocations.iter().filter(|it| it.chosen).collect();
            let [chosen] = chosen[..] else {
                panic!("{} allocations are chosen: {split:?}", chosen.len());
            };
            let given = candidate.flag.as_ref().expect("the flag that it gives");
            assert_eq!(chosen.flag.get(), given.get(), "{split:?}");
            let from = chosen.from.unwrap_or(0.0);
            let to = chosen.to.unwrap_or(100.0);
            assert!(from <= split.bucket && split.bucket < to, "{split:?}");
        }
    }
}

fn of_outcome(candidates: &[Candidate], outcome: Outcome) -> Vec<&Candidate> {
    let candidates = candidates.iter();
    candidates.filter(|it| it.outcome == outcome).collect()
}

fn read(body: &str) -> IdentityRequest<'_> {
    read_identity(body.as_bytes(), BodyKind::Json).expect("an identity")
}

fn ask(
    environment: &ArchivedEnvironment,
    side: Side,
    body: Option<&str>,
    feature: Option<&str>,
) -> Explanation {
    let identity = body.map(read);
    let question = Question {
        side,
        identity,
        feature,
    };
    explain(environment, question).expect("an explanation")
}

/// The flags that the proxy answers to that request.
fn served(environment: &ArchivedEnvironment, side: Side, request: IdentityRequest<'_>) -> Vec<u8> {
    let request = match environment.allows_traits(side) {
        true => request,
        false => request.without_traits(),
    };
    let identity = request.into_identity(|| "0".repeat(32));
    let (patterns, mut scratch) = (Patterns::new(environment), Scratch::new());
    let mut out = Vec::new();
    evaluate(environment, &patterns, side, &identity, &mut scratch).write(&mut out);
    out
}

/// The explained flags as an answer lists them.
fn shown(found: &Explanation) -> String {
    let flags = found.flags.iter();
    let shown = flags.filter(|flag| flag.hidden.is_empty());
    let shown: Vec<&str> = shown.map(|flag| flag.flag.get()).collect();
    format!("[{}]", shown.join(","))
}
