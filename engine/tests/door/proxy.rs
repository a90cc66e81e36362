//! A compiled environment with the patterns and the scratch memory that a worker has for it.

use std::cell::RefCell;

use engine::{
    ArchivedEnvironment, BodyKind, CompileOptions, Environment, Identity, Patterns, Scratch, Side,
    compile_with, evaluate, evaluate_one, read_identity,
};
use rkyv::rancor::Error;
use rkyv::util::AlignedVec;
use serde_json::Value;

/// One environment as a worker serves it.
pub(crate) struct Proxy {
    pub(crate) archive: AlignedVec,
    pub(crate) warnings: Vec<String>,
    patterns: Patterns,
    scratch: RefCell<Scratch>,
}

/// The flags of an identity: the JSON list, and the choices by which a worker recognises it.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) json: String,
    pub(crate) choices: Vec<u32>,
    pub(crate) byte_length: usize,
    /// The features whose flag is in a cycle.
    pub(crate) in_cycles: Vec<String>,
}

impl Proxy {
    /// Compiles a document, archives the result and checks the archive.
    pub(crate) fn new(document: &Value) -> Proxy {
        Proxy::with(document, CompileOptions::default())
    }

    /// The same as the operator chooses.
    pub(crate) fn with(document: &Value, options: CompileOptions) -> Proxy {
        let compiled = compile_with(&document.to_string().into(), options);
        let compiled = compiled.unwrap_or_else(|error| panic!("{error} in {document}"));
        let archive = archive(&compiled.environment);
        let environment = rkyv::access::<ArchivedEnvironment, Error>(&archive);
        let patterns = Patterns::new(environment.expect("a valid archive"));
        Proxy {
            archive,
            warnings: compiled.warnings,
            patterns,
            scratch: RefCell::default(),
        }
    }

    /// The environment, from its archive.
    pub(crate) fn environment(&self) -> &ArchivedEnvironment {
        rkyv::access::<ArchivedEnvironment, Error>(&self.archive).expect("a valid archive")
    }

    /// The answer to an identities request with a server-side key.
    pub(crate) fn identity(&self, body: &Value) -> Value {
        let answer = self.answer(Side::Server, &body.to_string());
        serde_json::from_str(&answer).expect("an answer in JSON")
    }

    /// The answer to an identities request.
    pub(crate) fn answer(&self, side: Side, body: &str) -> String {
        self.answer_with(&self.patterns, side, body)
    }

    /// The answer to an identities request, evaluated with `patterns`.
    pub(crate) fn answer_with(&self, patterns: &Patterns, side: Side, body: &str) -> String {
        let scratch = &mut self.scratch.borrow_mut();
        let identity = &self.identity_of(side, body);
        let out = answer(self.environment(), patterns, side, identity, scratch);
        String::from_utf8(out).expect("an answer in UTF-8")
    }

    /// The flags in the answer to an identities request.
    pub(crate) fn list(&self, side: Side, body: &str) -> List {
        let scratch = &mut self.scratch.borrow_mut();
        let identity = self.identity_of(side, body);
        let flags = evaluate(self.environment(), &self.patterns, side, &identity, scratch);
        let mut out = b"before".to_vec();
        flags.write(&mut out);
        List {
            json: String::from_utf8(out.split_off(6)).expect("flags in UTF-8"),
            choices: flags.choices().to_vec(),
            byte_length: flags.byte_length(),
            in_cycles: flags
                .in_cycles(self.environment())
                .map(str::to_owned)
                .collect(),
        }
    }

    /// The flag of one feature for an identity.
    pub(crate) fn one(&self, side: Side, body: &str, feature: &str) -> Option<String> {
        let scratch = &mut self.scratch.borrow_mut();
        let (environment, identity) = (self.environment(), self.identity_of(side, body));
        let flag = evaluate_one(
            environment,
            &self.patterns,
            side,
            &identity,
            feature,
            scratch,
        )?;
        Some(String::from_utf8(flag.to_vec()).expect("a flag in UTF-8"))
    }

    /// The identity that a worker evaluates.
    fn identity_of<'b>(&self, side: Side, body: &'b str) -> Identity<'b> {
        let request = read_identity(body.as_bytes(), BodyKind::Json);
        let request = request.unwrap_or_else(|error| panic!("{error:?} for {body}"));
        let request = match self.environment().allows_traits(side) {
            true => request,
            false => request.without_traits(),
        };
        request.into_identity(|| "random".to_owned())
    }
}

/// The whole answer to an identities request.
pub(crate) fn answer(
    environment: &ArchivedEnvironment,
    patterns: &Patterns,
    side: Side,
    identity: &Identity<'_>,
    scratch: &mut Scratch,
) -> Vec<u8> {
    let mut out = Vec::new();
    identity.write_head(&mut out);
    evaluate(environment, patterns, side, identity, scratch).write(&mut out);
    out.push(b'}');
    out
}

/// The bytes of the archive, as they are in a snapshot.
pub(crate) fn archive(environment: &Environment) -> AlignedVec {
    rkyv::to_bytes::<Error>(environment).expect("an archive")
}
