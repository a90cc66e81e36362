//! What clients say of the traits of identities. The proxy stores none: it answers as the core API would, and forwards
//! them if that is wanted.

use std::borrow::Cow;

use journal::{Change, Report, TraitChange};
use serde_json::{Map, Value, json};

use super::{Reporter, Reports};
use crate::http::refusal::Refusal;
use crate::http::response::{self, Response};

/// The longest text that may be the value of a trait, in characters.
const LONGEST_VALUE: usize = 2000;
const REQUIRED: &str = "This field is required.";
const NOT_ALLOWED: &str = "Setting traits not allowed with client key.";

/// One trait in a body.
struct Given {
    identifier: String,
    key: String,
    value: Value,
}

impl Reports {
    /// Answers `POST /api/v1/traits/`: the same trait.
    pub(in crate::endpoints) fn set_trait(
        &self,
        reporter: &Reporter<'_>,
    ) -> Result<Response, Refusal> {
        self.answer_traits(reporter, |body| {
            let given = Given::of(body)?;
            if given.value.is_null() {
                return Err(fault("trait_value", "This field may not be null."));
            }
            let answer = given.answer();
            Ok((vec![given.into_change()], Some(answer)))
        })
    }

    /// Answers `PUT /api/v1/traits/bulk/`: the same traits but those that are null, which are deleted.
    pub(in crate::endpoints) fn set_traits(
        &self,
        reporter: &Reporter<'_>,
    ) -> Result<Response, Refusal> {
        self.answer_traits(reporter, |body| {
            let items = body.as_array().ok_or_else(invalid)?;
            let given = items.iter().map(Given::of).collect::<Result<Vec<_>, _>>()?;
            let answers = given.iter().filter(|given| !given.value.is_null());
            let answer = Value::Array(answers.map(Given::answer).collect());
            let changes = given.into_iter().map(Given::into_change).collect();
            Ok((changes, Some(answer)))
        })
    }

    /// Answers `POST /api/v1/traits/increment-value/`: the value of a trait that was not there before.
    pub(in crate::endpoints) fn increment_trait(
        &self,
        reporter: &Reporter<'_>,
    ) -> Result<Response, Refusal> {
        self.answer_traits(reporter, |body| {
            let identifier = text(body, "identifier")?;
            let key = text(body, "trait_key")?;
            let by = match body.get("increment_by") {
                None => return Err(fault("increment_by", REQUIRED)),
                Some(Value::String(digits)) => digits.trim().parse().ok(),
                Some(value) => value.as_i64(),
            };
            let by = by.ok_or_else(|| fault("increment_by", "A valid integer is required."))?;
            let answer = json!({"trait_key": key, "trait_value": by, "identifier": identifier});
            let change = TraitChange {
                identifier: identifier.into(),
                key: key.into(),
                change: Change::Increment(by),
            };
            Ok((vec![change], Some(answer)))
        })
    }

    /// Answers `POST /api/v1/bulk-identities/`: identities with their traits, of which only the status is looked at.
    pub(in crate::endpoints) fn identify(
        &self,
        reporter: &Reporter<'_>,
    ) -> Result<Response, Refusal> {
        self.answer_traits(reporter, |body| {
            let identities = body.get("data").and_then(Value::as_array);
            let identities = identities.ok_or_else(|| fault("data", REQUIRED))?;
            let mut changes = Vec::new();
            for identity in identities {
                changes.extend(lasting_traits(identity).ok_or_else(invalid)?);
            }
            Ok((changes, None))
        })
    }

    /// Accepts the traits of an identities request that was answered, if they are to go upstream. Flags never wait for
    /// the journal: without room in the ring, which is logged, the client is answered all the same.
    pub(in crate::endpoints) fn identified(&self, reporter: &Reporter<'_>) -> Result<(), Refusal> {
        let body = serde_json::from_slice(&reporter.body).ok();
        if reporter.archive().allows_traits(reporter.side)
            && let Some(changes) = body.as_ref().and_then(lasting_traits)
            && !changes.is_empty()
        {
            self.accept(reporter, Report::Traits(changes))?;
        }
        Ok(())
    }

    /// Reads a body, accepts the changes that `read` finds in it, and answers what `read` says, or with a 204.
    fn answer_traits(
        &self,
        reporter: &Reporter<'_>,
        read: impl FnOnce(&Value) -> Result<(Vec<TraitChange<'static>>, Option<Value>), Refusal>,
    ) -> Result<Response, Refusal> {
        if !reporter.archive().allows_traits(reporter.side) {
            return Err(fault("non_field_errors", NOT_ALLOWED));
        }
        let body = serde_json::from_slice(&reporter.body);
        let body = body.map_err(|error| Refusal::BadReport(error.to_string()))?;
        let (changes, answer) = read(&body)?;
        if self.forwards_traits() && !changes.is_empty() {
            self.accept(reporter, Report::Traits(changes))?;
        }
        Ok(match answer {
            Some(answer) => response::json(answer.to_string()),
            None => response::no_content(),
        })
    }
}

impl Given {
    /// The trait of an object with identity, key and value.
    fn of(item: &Value) -> Result<Self, Refusal> {
        let members = item.as_object().ok_or_else(invalid)?;
        let identity = members
            .get("identity")
            .ok_or_else(|| fault("identity", REQUIRED))?;
        let value = members
            .get("trait_value")
            .ok_or_else(|| fault("trait_value", REQUIRED))?;
        Ok(Self {
            identifier: text(identity, "identifier")?,
            key: text(item, "trait_key")?,
            value: scalar(value)?,
        })
    }

    fn answer(&self) -> Value {
        let mut answer = Map::new();
        answer.insert(
            "identity".to_owned(),
            json!({"identifier": self.identifier}),
        );
        answer.insert("trait_value".to_owned(), self.value.clone());
        answer.insert("trait_key".to_owned(), Value::from(self.key.as_str()));
        Value::Object(answer)
    }

    fn into_change(self) -> TraitChange<'static> {
        TraitChange {
            identifier: self.identifier.into(),
            key: self.key.into(),
            change: Change::Set(Cow::Owned(self.value.to_string())),
        }
    }
}

/// The traits of an identity that upstream would store: neither it nor they are transient. `None` if it is no identity.
fn lasting_traits(identity: &Value) -> Option<Vec<TraitChange<'static>>> {
    let is_transient = |object: &Value| object.get("transient") == Some(&Value::Bool(true));
    let members = identity.as_object()?;
    let Ok(identifier) = text(identity, "identifier") else {
        return Some(Vec::new());
    };
    let traits = match members.get("traits") {
        None | Some(Value::Null) => return Some(Vec::new()),
        Some(traits) => traits.as_array()?,
    };
    if is_transient(identity) {
        return Some(Vec::new());
    }
    let traits = traits.iter().filter(|given| !is_transient(given));
    let changes = traits.map(|given| {
        let value = given.get("trait_value").unwrap_or(&Value::Null);
        Some(TraitChange {
            identifier: identifier.clone().into(),
            key: text(given, "trait_key").ok()?.into(),
            change: Change::Set(scalar(value).ok()?.to_string().into()),
        })
    });
    changes.collect()
}

/// A text that is not blank, trimmed. A number may stand for it.
fn text(object: &Value, name: &'static str) -> Result<String, Refusal> {
    let text = match object.get(name) {
        None => return Err(fault(name, REQUIRED)),
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Null) => return Err(fault(name, "This field may not be null.")),
        Some(_) => return Err(fault(name, "Not a valid string.")),
    };
    match text.is_empty() {
        true => Err(fault(name, "This field may not be blank.")),
        false => Ok(text),
    }
}

/// The value of a trait as upstream stores it: a list or an object counts as its text.
fn scalar(value: &Value) -> Result<Value, Refusal> {
    let value = match value {
        Value::Array(_) | Value::Object(_) => Value::from(value.to_string()),
        value => value.clone(),
    };
    let is_long = |text: &str| text.chars().count() > LONGEST_VALUE;
    if value.as_str().is_some_and(is_long) {
        let what = "Value string is too long. Must be less than 2000 character";
        return Err(fault("trait_value", what));
    }
    Ok(value)
}

/// A member of the body is wrong, as the core API says it.
fn fault(member: &'static str, what: &'static str) -> Refusal {
    Refusal::WrongMember(member, what)
}

fn invalid() -> Refusal {
    Refusal::BadReport("Invalid request data".to_owned())
}
