//! The flags of an answer: those of an identity, or those without one.

use crate::archive::{ArchivedEnvironment, ArchivedSpan, Source};
use crate::evaluate::{Patterns, Scratch, SourcedFlag, Sources, evaluate_observed};
use crate::json::write_text;
use crate::request::Identity;
use crate::side::Side;

/// Memory for evaluations, which is used again.
#[derive(Default)]
pub struct OfrepMemory {
    scratch: Scratch,
    flags: Vec<SourcedFlag>,
}

/// The flags of an answer: chosen, not yet written.
#[derive(Clone, Copy)]
pub struct OfrepFlags<'e, 'm> {
    environment: &'e ArchivedEnvironment,
    side: Side,
    /// The environment default of each feature, end to end; empty if it is hidden.
    defaults: &'e [ArchivedSpan],
    /// The flags that are others, in the order of the features.
    others: &'m [SourcedFlag],
}

/// Chooses the flags of an identity, or those without one, by the rules of other answers.
pub fn evaluate_for_ofrep<'e, 'm>(
    environment: &'e ArchivedEnvironment,
    patterns: &Patterns,
    side: Side,
    identity: Option<&Identity<'_>>,
    memory: &'m mut OfrepMemory,
) -> OfrepFlags<'e, 'm> {
    let OfrepMemory {
        scratch,
        flags: others,
    } = memory;
    others.clear();
    let defaults = &environment.side(side).ofrep;
    let Some(identity) = identity else {
        return OfrepFlags {
            environment,
            side,
            defaults: &defaults.without_identity,
            others,
        };
    };
    let mut sources = Sources(others);
    let flags = evaluate_observed(environment, patterns, side, identity, scratch, &mut sources);
    for name in flags.in_cycles(environment) {
        let feature = environment.features.get(name.as_bytes());
        let mut others = others.iter_mut();
        if let Some(flag) = others.find(|flag| Some(flag.feature) == feature) {
            flag.source = Source::Cycle;
        }
    }
    // The pieces begin with the defaults, in the order of the features.
    others.retain(|flag| flag.piece != flag.feature || flag.source != Source::Default);
    OfrepFlags {
        environment,
        side,
        defaults: &defaults.of_identities,
        others,
    }
}

impl OfrepFlags<'_, '_> {
    /// Appends the answer with all flags, up to its closing brace: `{"flags":[...],"metadata":{...}`.
    pub fn write_all(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"flags\":");
        self.write_list(out);
        out.extend_from_slice(b",\"metadata\":{");
        if let Some(updated_at) = self.environment.updated_at() {
            out.extend_from_slice(b"\"version\":");
            write_text(updated_at, out);
        }
        out.push(b'}');
    }

    /// Appends all flags as a JSON list, in the order of the features.
    fn write_list(&self, out: &mut Vec<u8>) {
        let text: &[u8] = &self.environment.ofrep.text;
        let mut at = self.defaults.first().map_or(0, |first| first.range().start);
        let end = self.defaults.last().map_or(at, |last| last.range().end);
        out.push(b'[');
        for flag in self.others {
            let default = self.defaults[flag.feature].range();
            out.extend_from_slice(&text[at..default.start]);
            self.write_other(flag, out);
            at = default.end;
        }
        out.extend_from_slice(&text[at..end]);
        // Each flag has a comma behind it.
        match out.last_mut() {
            Some(last) if *last == b',' => *last = b']',
            _ => out.push(b']'),
        }
    }

    /// Appends the flag of the feature with exactly that name. Returns whether there is one that this side may see.
    pub fn write_one(&self, feature: &str, out: &mut Vec<u8>) -> bool {
        let Some(feature) = self.environment.features.get(feature.as_bytes()) else {
            return false;
        };
        let start = out.len();
        let mut others = self.others.iter();
        match others.find(|flag| flag.feature == feature) {
            Some(flag) => self.write_other(flag, out),
            None => {
                let default = self.defaults[feature].range();
                out.extend_from_slice(&self.environment.ofrep.text[default]);
            }
        }
        let is_there = out.len() > start;
        if is_there {
            // The comma.
            out.pop();
        }
        is_there
    }

    /// Appends a flag and a comma, unless it is hidden.
    fn write_other(&self, flag: &SourcedFlag, out: &mut Vec<u8>) {
        let pieces = &self.environment.side(self.side).pieces;
        if !pieces[flag.piece].text.range().is_empty() {
            let Self { environment, .. } = self;
            let flags = &environment.flags;
            environment.ofrep.write(flag.piece, flag.source, flags, out);
        }
    }
}
