//! A compiled environment with what a worker holds beside it: documents and bodies in, answers out.

use engine::{
    ArchivedEnvironment, BodyKind, Environment, Patterns, Side, compile, read_identity,
    write_identity,
};
use rkyv::rancor::Error;
use rkyv::util::AlignedVec;
use serde_json::Value;

/// One environment as a worker serves it.
pub(crate) struct Proxy {
    pub(crate) archive: AlignedVec,
    pub(crate) warnings: Vec<String>,
    patterns: Patterns,
}

impl Proxy {
    /// Compiles a document, archives the result and checks the archive.
    pub(crate) fn new(document: &Value) -> Proxy {
        let compiled = compile(document.to_string().as_bytes());
        let compiled = compiled.unwrap_or_else(|error| panic!("{error} in {document}"));
        let archive = archive(&compiled.environment);
        let environment = rkyv::access::<ArchivedEnvironment, Error>(&archive);
        let patterns = Patterns::new(environment.expect("a valid archive"));
        Proxy {
            archive,
            warnings: compiled.warnings,
            patterns,
        }
    }

    /// The environment, from its archive.
    pub(crate) fn environment(&self) -> &ArchivedEnvironment {
        rkyv::access::<ArchivedEnvironment, Error>(&self.archive).expect("a valid archive")
    }

    /// The answer to an identities request with a server-side key.
    pub(crate) fn identity(&self, body: &Value) -> Value {
        self.identity_as(Side::Server, body.to_string().as_bytes(), &self.patterns)
    }

    /// The answer to an identities request, with patterns of the caller's.
    pub(crate) fn identity_as(&self, side: Side, body: &[u8], patterns: &Patterns) -> Value {
        let request = read_identity(body, BodyKind::Json).expect("an identity");
        let identity = request.into_identity(|| "random".to_owned());
        let mut out = Vec::new();
        write_identity(self.environment(), patterns, side, &identity, &mut out);
        serde_json::from_slice(&out).expect("an answer in JSON")
    }
}

/// The bytes that lie in a snapshot.
pub(crate) fn archive(environment: &Environment) -> AlignedVec {
    rkyv::to_bytes::<Error>(environment).expect("an archive")
}
