//! Mutates documents and bodies, always the same for the same seed, and checks what must hold of them: nothing panics,
//! every answer is JSON, its explanation explains it, and the short way through a body agrees with the long one.

use engine::{
    ArchivedEnvironment, BodyError, BodyKind, Compiled, IdentityRequest, Patterns, Scratch, Side,
    compile, read_identity,
};
use fastrand::Rng;
use rkyv::rancor::Error;
use rkyv::util::AlignedVec;
use serde_json::Value;
use serde_json::value::RawValue;
use testing::Golden;

use super::mutate;
use crate::{explain, proxy};

/// How many inputs there were, and how many of them were valid.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) documents: u64,
    pub(super) documents_accepted: u64,
    pub(super) bodies: u64,
    pub(super) bodies_accepted: u64,
}

/// A document or body that is mutated.
pub(super) struct Seed {
    pub(super) text: Vec<u8>,
    /// Null when `serde_json` does not take the text for JSON.
    tree: Value,
}

/// A source of mutated documents and bodies.
pub(super) struct Fuzzer {
    random: Rng,
    documents: Vec<Seed>,
    bodies: Vec<Seed>,
    /// The environment that answers the bodies.
    environment: AlignedVec,
    scratch: Scratch,
    pub(super) tally: Tally,
}

impl Fuzzer {
    /// Starts from these documents and bodies, and from some odd bodies of its own.
    pub(super) fn new(seed: u64, documents: Vec<Vec<u8>>, mut bodies: Vec<Vec<u8>>) -> Fuzzer {
        let odd = [
            r#"{"identifier":"a","traits":[{"trait_key":"plan","trait_value":"x","transient":true}],"transient":false}"#,
            r#" { "traits" : [ ] , "identifier" : "\u00e9\n\ud83d\ude00" } "#,
            r#"{"identifier":null,"traits":[{"trait_key":"k"},{"trait_value":-1.5e3,"trait_key":""}]}"#,
            r#"{"identifier":"a","identifier":"b","traits":[{"trait_key":"k","trait_value":1,"trait_value":NaN}]}"#,
            r#"{"identifier":"a","traits":[{"trait_key":"k","trait_value":123456789012345678901234567890}],"x":[{"y":{}}]}"#,
            "\u{feff}{\"identifier\":\"a\"}",
        ];
        bodies.extend(odd.map(|body| body.as_bytes().to_vec()));
        let seeds = |texts: Vec<Vec<u8>>| texts.into_iter().map(Seed::new).collect();
        Fuzzer {
            random: Rng::with_seed(seed),
            documents: seeds(documents),
            bodies: seeds(bodies),
            environment: archive(&compile(SMALL.as_bytes()).expect("a document")),
            scratch: Scratch::new(),
            tally: Tally::default(),
        }
    }

    /// A mutated document.
    pub(super) fn document(&mut self) -> Vec<u8> {
        mutated(&mut self.random, &self.documents)
    }

    /// A mutated body.
    pub(super) fn body(&mut self) -> Vec<u8> {
        mutated(&mut self.random, &self.bodies)
    }

    /// Compiles a document and, if that goes well, asks it for identities.
    pub(super) fn check_document(&mut self, document: &[u8]) {
        self.tally.documents += 1;
        let compiled = match compile(document) {
            Ok(compiled) => compiled,
            Err(error) => return assert!(error.to_string().contains(": "), "{error}"),
        };
        self.tally.documents_accepted += 1;
        let archive = archive(&compiled);
        let environment = access(&archive);
        let patterns = Patterns::new(environment);
        for side in [Side::Client, Side::Server] {
            check_json(environment.flags(side).body());
            explain::check(environment, side, None);
            let body = pick(&mut self.random, &self.bodies);
            if let Ok(request) = read_identity(&body.text, BodyKind::Json) {
                let identity = request.into_identity(String::new);
                let scratch = &mut self.scratch;
                let out = proxy::answer(environment, &patterns, side, &identity, scratch);
                check_json(&out);
                explain::check(environment, side, std::str::from_utf8(&body.text).ok());
            }
        }
    }

    /// Reads a body both ways and answers it.
    pub(super) fn check_body(&mut self, body: &[u8]) {
        self.tally.bodies += 1;
        let short = read_identity(body, BodyKind::Json);
        // Only the long way accepts a byte order mark. It is no part of the body, so the result is the same.
        let marked = ["\u{feff}".as_bytes(), body].concat();
        let long = match body.is_empty() || body.starts_with("\u{feff}".as_bytes()) {
            true => short.clone(),
            false => read_identity(&marked, BodyKind::Json),
        };
        // NaN does not equal itself, but prints the same.
        assert!(
            short == long || format!("{short:?}") == format!("{long:?}"),
            "{short:?} is not {long:?}"
        );
        let head = long.as_ref().ok().map(head);
        match short {
            Ok(request) => {
                self.tally.bodies_accepted += 1;
                assert_eq!(Some(self::head(&request)), head);
                let environment = access(&self.environment);
                let patterns = Patterns::new(environment);
                let identity = request.into_identity(String::new);
                let scratch = &mut self.scratch;
                let out = proxy::answer(environment, &patterns, Side::Client, &identity, scratch);
                check_json(&out);
            }
            Err(BodyError::Unparsable(answer)) => check_json(answer.as_bytes()),
            Err(BodyError::Invalid(answer)) => check_json(answer.as_bytes()),
        }
    }
}

/// The part of an answer before the flags: identifier and traits.
fn head(request: &IdentityRequest<'_>) -> String {
    let mut out = Vec::new();
    let identity = request.clone().into_identity(String::new);
    identity.write_head(&mut out);
    assert!(out.len() <= identity.most_head_bytes());
    String::from_utf8(out).expect("UTF-8")
}

impl Seed {
    fn new(text: Vec<u8>) -> Seed {
        let tree = serde_json::from_slice(&text).unwrap_or_default();
        Seed { text, tree }
    }
}

fn mutated(random: &mut Rng, seeds: &[Seed]) -> Vec<u8> {
    let seed = pick(random, seeds);
    let mut text = seed.text.clone();
    let structured = !seed.tree.is_null() && random.usize(..4) != 0;
    if structured {
        let mut tree = seed.tree.clone();
        mutate::structure(random, &mut tree);
        text = tree.to_string().into_bytes();
    }
    if !structured || random.usize(..4) == 0 {
        mutate::bytes(random, &mut text, seeds);
    }
    text
}

/// One of several.
pub(super) fn pick<'a, T>(random: &mut Rng, several: &'a [T]) -> &'a T {
    random.choice(several).expect("something to pick from")
}

/// The smaller ones of the golden documents, and the bodies that are asked of them.
pub(super) fn seeds(golden: &[Golden]) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let cases = golden.iter().flat_map(|golden| &golden.cases);
    let (mut documents, mut bodies) = (Vec::new(), Vec::new());
    for case in cases.filter(|case| case.document.get().len() < 4000) {
        documents.push(case.document.get().as_bytes().to_vec());
        bodies.extend(
            case.requests
                .iter()
                .map(|request| request.body().into_bytes()),
        );
    }
    (documents, bodies)
}

/// An environment without conditions.
const SMALL: &str =
    r#"{"api_key":"key","name":null,"feature_states":[],"project":{"segments":[]}}"#;

fn archive(compiled: &Compiled) -> AlignedVec {
    rkyv::to_bytes::<Error>(&compiled.environment).expect("an archive")
}

fn access(archive: &AlignedVec) -> &ArchivedEnvironment {
    rkyv::access::<ArchivedEnvironment, Error>(archive).expect("a valid archive")
}

fn check_json(answer: &[u8]) {
    if let Err(error) = serde_json::from_slice::<&RawValue>(answer) {
        panic!("{error} in {}", String::from_utf8_lossy(answer));
    }
}
