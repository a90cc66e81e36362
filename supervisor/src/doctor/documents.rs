//! The document of each environment: whether its key is accepted, how large it is, and what it compiles to.

use std::sync::Arc;
use std::time::Instant;

use contract::key::masked;
use contract::{KeyPair, ServerSideKey, counted, with_causes};
use engine::CompileOptions;
use reqwest::StatusCode;
use tokio::task::JoinSet;
use tokio::time::timeout_at;

use super::finding::Finding;
use crate::blocking::off_thread;
use crate::source::FetchOutcome;
use crate::source::upstream::{Credential, FetchError, Upstream, UpstreamSettings};

const LIST: &str = "environments.listed";
const FETCH: &str = "document.fetch";
const SIZE: &str = "document.size";
pub(super) const COMPILE: &str = "document.compile";
const ACCEPTED: &str = "keys.accepted";
const PAIR: &str = "keys.pair";
/// So many environments are examined at once.
const AT_ONCE: usize = 4;
/// So many warnings of a document are shown.
const MAX_WARNINGS: usize = 3;

/// The environments that upstream lists, if it has a proxy key to list them for.
pub(super) async fn list(upstream: &UpstreamSettings, findings: &mut Vec<Finding>) -> Vec<KeyPair> {
    if upstream.proxy_key.is_none() {
        return Vec::new();
    }
    let listed = match Upstream::new(upstream) {
        Ok(client) => client.list().await.map_err(|error| error.to_string()),
        Err(error) => Err(with_causes(&error)),
    };
    match listed {
        Ok(environments) => {
            let listed = counted(environments.len(), "environment");
            findings.push(Finding::ok(LIST, format!("upstream lists {listed}")));
            environments
        }
        Err(reason) => {
            let advice =
                "compare proxy_key with the one in Flagsmith; what was listed before is served on";
            findings.push(Finding::failed(LIST, reason, advice));
            Vec::new()
        }
    }
}

pub(super) async fn check(
    environments: &[KeyPair],
    upstream: &UpstreamSettings,
    options: CompileOptions,
    deadline: Instant,
    findings: &mut Vec<Finding>,
) {
    let client = match Upstream::new(upstream) {
        Ok(client) => Arc::new(client),
        Err(error) => {
            findings.push(Finding::failed(
                FETCH,
                with_causes(&error),
                "mend that first",
            ));
            return;
        }
    };
    let mut left = environments.len();
    for pairs in environments.chunks(AT_ONCE) {
        let mut running = JoinSet::new();
        for (number, pair) in pairs.iter().enumerate() {
            let examination = Examination {
                client: Arc::clone(&client),
                pair: pair.clone(),
                options,
                max_bytes: upstream.max_document_bytes,
            };
            running.spawn(async move { (number, examination.run().await) });
        }
        let Ok(mut examined) = timeout_at(deadline.into(), running.join_all()).await else {
            findings.push(Finding::warning(
                FETCH,
                format!(
                    "{} were not examined: the time was over",
                    counted(left, "environment")
                ),
                "look at the speed of upstream, or examine fewer environments at once",
            ));
            return;
        };
        left -= examined.len();
        examined.sort_by_key(|(number, _)| *number);
        findings.extend(examined.into_iter().flat_map(|(_, findings)| findings));
    }
}

/// One environment.
struct Examination {
    client: Arc<Upstream>,
    pair: KeyPair,
    options: CompileOptions,
    max_bytes: usize,
}

impl Examination {
    async fn run(self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Err(finding) = self.examine(&mut findings).await {
            findings.push(finding);
        }
        let key = masked(&self.pair.client_side_key);
        findings
            .into_iter()
            .map(|finding| finding.of(&key))
            .collect()
    }

    /// The error is what ends the examination.
    async fn examine(&self, findings: &mut Vec<Finding>) -> Result<(), Finding> {
        let credential = Credential::of(&self.pair)
            .map_err(|error| Finding::failed(ACCEPTED, error.to_string(), "copy the key again"))?;
        let begun = Instant::now();
        let document = match self.client.fetch(&credential, None).await {
            Ok(FetchOutcome::Document(document)) => document,
            Ok(FetchOutcome::NotModified(_)) => return Ok(()),
            Err(error) => return Err(self.refusal(&credential, error).await),
        };
        let (body, pages, fetched) = (document.body, document.pages, begun.elapsed());
        let length = body.len();
        if length > self.max_bytes / 2 {
            findings.push(Finding::warning(
                SIZE,
                format!("the document has {length} bytes, more than half of api_max_document_bytes"),
                "raise api_max_document_bytes before it is reached: a larger document would not be served",
            ));
        }
        let options = self.options;
        let begun = Instant::now();
        let compiled = off_thread(move || engine::compile_with(&body.bytes(), options)).await;
        let advice =
            "report it to those who run the API: the proxy goes on to serve the last good document";
        let compiled = match compiled {
            Ok(Ok(compiled)) => compiled,
            Ok(Err(error)) => return Err(Finding::failed(COMPILE, with_causes(&error), advice)),
            Err(panic) => return Err(Finding::failed(COMPILE, panic, advice)),
        };
        let environment = &compiled.environment;
        let name = environment.name().unwrap_or("without a name");
        findings.push(Finding::ok(
            FETCH,
            format!(
                "{name:?}: {length} bytes in {}, fetched in {} ms, compiled in {} ms",
                counted(pages, "page"),
                fetched.as_millis(),
                begun.elapsed().as_millis()
            ),
        ));
        if environment.api_key() != self.pair.client_side_key {
            findings.push(Finding::warning(
                PAIR,
                format!(
                    "the server-side key is of the environment {}, not of that of the client-side key",
                    masked(environment.api_key())
                ),
                "pair the keys of one environment: clients get the flags of the server-side key's",
            ));
        }
        findings.extend(self.refused_keys().await);
        if let Some(words) = in_words(&compiled.warnings) {
            findings.push(Finding::warning(
                COMPILE,
                words,
                "mend it in Flagsmith, or accept it",
            ));
        }
        Ok(())
    }

    /// Of several server-side keys, some may be refused while another one fetches.
    async fn refused_keys(&self) -> Option<Finding> {
        let mut refused = 0;
        let keys = &self.pair.server_side_keys;
        let count = keys.len();
        for key in keys.iter().filter(|_| count > 1) {
            let alone = KeyPair::new(&*self.pair.client_side_key, [key.clone()]);
            let credential = Credential::of(&alone).ok()?;
            let probe = self.client.probe(&credential).await.ok()?;
            refused += usize::from(is_refusal(probe.status));
        }
        (refused > 0).then(|| {
            Finding::warning(
                ACCEPTED,
                format!("upstream refuses {refused} of {count} server-side keys"),
                "remove those that are revoked: clients that have them are still served",
            )
        })
    }

    /// Why there is no document. A refused key is asked for once more, to read the reason.
    async fn refusal(&self, credential: &Credential, error: FetchError) -> Finding {
        let is_refused = matches!(error, FetchError::Status { status, .. } if is_refusal(status));
        if !is_refused {
            return Finding::failed(FETCH, error.to_string(), "the proxy goes on trying");
        }
        let said = match self.client.probe(credential).await {
            Ok(probe) => self.detail(&probe.start),
            Err(_) => String::new(),
        };
        explained(&error, &said)
    }

    /// What upstream said, without the key.
    fn detail(&self, body: &[u8]) -> String {
        const LONGEST: usize = 200;
        let text = String::from_utf8_lossy(body);
        let mut text = text.into_owned();
        let keys = self.pair.server_side_keys.iter();
        for key in keys.filter_map(ServerSideKey::expose) {
            text = text.replace(key, "(the key)");
        }
        let characters = text.chars().filter(|character| !character.is_control());
        characters.take(LONGEST).collect()
    }
}

fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// The reason for a 401 or 403, from the API's words.
fn explained(error: &FetchError, said: &str) -> Finding {
    if said.contains("disabled from serving flags") {
        return Finding::failed(
            ACCEPTED,
            "upstream refuses the key: the organisation is blocked from serving flags",
            "ask Flagsmith or those who run it: usage or payment may be over a limit; the proxy serves what it has",
        );
    }
    if said.to_lowercase().contains("environment key") {
        return Finding::failed(
            ACCEPTED,
            "upstream does not know the server-side key",
            "compare it with the environment's settings in Flagsmith (SDK keys, server-side): it may be deleted, \
             mistyped, or of another Flagsmith instance than api_url",
        );
    }
    Finding::failed(
        ACCEPTED,
        format!("{error}; it said: {said}"),
        "compare the key with the environment's settings in Flagsmith, and look at gateways before the API",
    )
}

/// The first warnings, and how many more there are; `None` if there is none.
pub(super) fn in_words(warnings: &[String]) -> Option<String> {
    let shown = warnings.iter().take(MAX_WARNINGS).map(String::as_str);
    let shown = shown.collect::<Vec<_>>().join("; ");
    match warnings.len() {
        0 => None,
        count if count <= MAX_WARNINGS => Some(shown),
        count => Some(format!("{shown}; and {} more", count - MAX_WARNINGS)),
    }
}
