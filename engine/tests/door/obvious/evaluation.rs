//! The flags of an identity: segments, and the flags that their conditions read.
//!
//! A flag is decided when a condition first reads it. Reading a flag that is being decided is a cut: it is null, and
//! every flag from it on is in a cycle. A segment does not match if there was a cut while it was evaluated.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::{
    Chosen, FeatureState, Request, choose, context, elements, environment_defaults, feature_state,
    identity_overrides, number, operator,
};

/// The evaluation of one identity.
pub(super) struct Evaluation<'e> {
    pub(super) document: &'e Value,
    pub(super) request: &'e Request,
    /// The flags that were read and that are in no cycle, by name.
    done: HashMap<String, Chosen>,
    /// The names of the flags that are being decided.
    stack: Vec<String>,
    cyclic: HashSet<String>,
    cuts: usize,
    /// Whether segments match, by id, if there was no cut.
    verdicts: HashMap<String, bool>,
}

impl<'e> Evaluation<'e> {
    pub(super) fn new(document: &'e Value, request: &'e Request) -> Evaluation<'e> {
        Evaluation {
            document,
            request,
            done: HashMap::new(),
            stack: Vec::new(),
            cyclic: HashSet::new(),
            cuts: 0,
            verdicts: HashMap::new(),
        }
    }

    /// The flags, in the order of the features.
    pub(super) fn flags(mut self) -> Vec<Chosen> {
        let segments = context::segments(self.document);
        let mut matching = Vec::new();
        for segment in &segments {
            let cuts = self.cuts;
            if self.segment_matches(segment) && self.cuts == cuts {
                matching.push(segment);
            }
        }
        let defaults = environment_defaults(self.document).into_iter();
        let flags = defaults.map(|default| match self.done.get(&default.name) {
            Some(done) => done.clone(),
            None => self.flag(default, &matching),
        });
        flags.collect()
    }

    /// The flag of a feature, given the segments that match.
    fn flag(&self, default: FeatureState, matching: &[&Value]) -> Chosen {
        let mut chosen: Option<FeatureState> = None;
        for segment in matching {
            for state in elements(&segment["feature_states"]) {
                let state = feature_state(state);
                let weaker = |chosen: &FeatureState| state.priority < chosen.priority;
                if state.name == default.name && chosen.as_ref().is_none_or(weaker) {
                    chosen = Some(state);
                }
            }
        }
        let mut overrides = identity_overrides(self.document, self.request).into_iter();
        let own = overrides.find(|state| state.name == default.name);
        let state = own.or(chosen).unwrap_or(default);
        choose(self.document, state, self.request)
    }

    /// What a condition sees of the flag of that name.
    pub(super) fn read(&mut self, name: &str) -> Value {
        if let Some(place) = self.stack.iter().position(|pending| pending == name) {
            self.cyclic.extend(self.stack[place..].iter().cloned());
            self.cuts += 1;
            return Value::Null;
        }
        let mut defaults = environment_defaults(self.document).into_iter();
        let Some(default) = defaults.find(|state| state.name == name) else {
            return Value::Null;
        };
        if !self.done.contains_key(name) {
            self.stack.push(name.to_owned());
            let segments = context::segments(self.document);
            let mut matching = Vec::new();
            for segment in &segments {
                // A segment that overrides the feature twice is asked twice.
                for state in elements(&segment["feature_states"]) {
                    if state["feature"]["name"] == name && self.verdict(segment) {
                        matching.push(segment);
                    }
                }
            }
            self.stack.pop();
            if self.cyclic.contains(name) {
                return Value::Null;
            }
            let flag = self.flag(default, &matching);
            self.done.insert(name.to_owned(), flag);
        }
        let flag = &self.done[name];
        json!({"enabled": flag.state.enabled, "value": flag.value, "variant": flag.variant})
    }

    fn verdict(&mut self, segment: &Value) -> bool {
        let id = number::python_str(&segment["id"]);
        if let Some(verdict) = self.verdicts.get(&id) {
            return *verdict;
        }
        let cuts = self.cuts;
        let matches = self.segment_matches(segment);
        if self.cuts != cuts {
            return false;
        }
        self.verdicts.insert(id, matches);
        matches
    }

    fn segment_matches(&mut self, segment: &Value) -> bool {
        let rules = elements(&segment["rules"]);
        // A segment with an unknown type of rule never matches.
        !rules.is_empty()
            && rules.iter().all(rule_is_known)
            && rules.iter().all(|rule| self.rule_matches(segment, rule))
    }

    fn rule_matches(&mut self, segment: &Value, rule: &Value) -> bool {
        let conditions = &rule["conditions"];
        let conditions = holds(&rule["type"], conditions, |condition| {
            operator::condition_matches(self, segment, condition)
        });
        // The nested rules are evaluated in any case: they may read a flag that is being decided.
        let rules = holds(&rule["type"], &rule["rules"], |nested| {
            self.rule_matches(segment, nested)
        });
        conditions && rules
    }
}

/// Whether a part of a rule holds. Its elements are evaluated in order, until the result is certain.
fn holds(kind: &Value, list: &Value, mut matches: impl FnMut(&Value) -> bool) -> bool {
    let mut list = elements(list).iter();
    match kind.as_str() {
        _ if list.len() == 0 => true,
        Some("ALL") => list.all(&mut matches),
        Some("ANY") => list.any(&mut matches),
        _ => !list.any(&mut matches),
    }
}

fn rule_is_known(rule: &Value) -> bool {
    let empty = elements(&rule["conditions"]).is_empty() && elements(&rule["rules"]).is_empty();
    let known = ["ALL", "ANY", "NONE"]
        .map(Value::from)
        .contains(&rule["type"]);
    (empty || known) && elements(&rule["rules"]).iter().all(rule_is_known)
}
