//! Answers requests from documents, line by line, so that other programs can hold the engine against another one.
//!
//! Each line of standard input is `{"document": ..., "requests": [...]}`, as in the recorded answers. Each line of
//! output is the list of answers, `{"refused": "..."}` for a refused document, or `{"failed": "..."}` for a panic.

use std::io::{BufRead, Write};
use std::panic::catch_unwind;

use engine::{
    ArchivedEnvironment, BodyKind, Patterns, Scratch, Side, compile, evaluate, read_identity,
};
use rkyv::rancor::Error;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Case<'c> {
    #[serde(borrow)]
    document: &'c RawValue,
    #[serde(borrow)]
    requests: Vec<Request<'c>>,
}

#[derive(Deserialize)]
struct Request<'c> {
    endpoint: &'c str,
    server_key: bool,
    #[serde(borrow)]
    identifier: Option<&'c RawValue>,
    #[serde(borrow)]
    traits: Option<&'c RawValue>,
}

fn main() -> std::io::Result<()> {
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let answers = match catch_unwind(|| answers(&line)) {
            Ok(Ok(answers)) => format!("[{}]", answers.join(",")),
            Ok(Err(error)) => json!({ "refused": error }).to_string(),
            Err(_) => json!({ "failed": "panic" }).to_string(),
        };
        writeln!(output, "{answers}")?;
        output.flush()?;
    }
    Ok(())
}

fn answers(line: &str) -> Result<Vec<String>, String> {
    let case: Case<'_> = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let compiled = compile(case.document.get().as_bytes()).map_err(|error| error.to_string())?;
    let archive = rkyv::to_bytes::<Error>(&compiled.environment).expect("an archive");
    let environment: &ArchivedEnvironment =
        rkyv::access::<_, Error>(&archive).expect("a valid archive");
    let patterns = Patterns::new(environment);
    let mut scratch = Scratch::new();
    let mut answer = |request: &Request<'_>| answer(environment, &patterns, request, &mut scratch);
    case.requests.iter().map(&mut answer).collect()
}

fn answer(
    environment: &ArchivedEnvironment,
    patterns: &Patterns,
    request: &Request<'_>,
    scratch: &mut Scratch,
) -> Result<String, String> {
    let side = match request.server_key {
        true => Side::Server,
        false => Side::Client,
    };
    let mut out = Vec::new();
    if request.endpoint == "flags" {
        out.extend_from_slice(environment.flags(side).body());
    } else {
        let identifier = request.identifier.map_or("null", RawValue::get);
        let traits = request.traits.map_or("[]", RawValue::get);
        let body = format!(r#"{{"identifier":{identifier},"traits":{traits}}}"#);
        let request = read_identity(body.as_bytes(), BodyKind::Json);
        let request = request.map_err(|error| format!("{error:?}"))?;
        let request = match environment.allows_traits(side) {
            true => request,
            false => request.without_traits(),
        };
        let identity = request.into_identity(|| "random".to_owned());
        identity.write_head(&mut out);
        evaluate(environment, patterns, side, &identity, scratch).write(&mut out);
        out.push(b'}');
    }
    String::from_utf8(out).map_err(|error| error.to_string())
}
