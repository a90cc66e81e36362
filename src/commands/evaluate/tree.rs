//! An explanation as a tree, for people.

use std::collections::HashMap;
use std::fmt::Write;

use serde_json::value::RawValue;
use supervisor::inspect::explain::{
    Candidate, ExplainedCondition, ExplainedFlag, ExplainedRule, ExplainedSegment, Explanation,
    Origin, Outcome, Split,
};

/// How much of a long value is shown, in characters.
const SHOWN: usize = 60;

/// The whole text.
pub(super) fn text(explanation: &Explanation) -> String {
    let mut tree = Tree {
        text: String::new(),
        segments: &explanation.segments,
        unfolded: vec![false; explanation.segments.len()],
    };
    tree.head(explanation);
    for flag in &explanation.flags {
        tree.flag(flag);
    }
    tree.text
}

/// A tree while it is written.
struct Tree<'e> {
    text: String,
    segments: &'e [ExplainedSegment],
    /// By segment: its rules are in the text.
    unfolded: Vec<bool>,
}

impl Tree<'_> {
    /// Adds a line. A name or value is text of upstream's or of the caller's, and this is a terminal.
    fn line(&mut self, depth: usize, line: &str) {
        let line: String = line.chars().filter(|c| !c.is_control()).collect();
        // Writing to a text cannot fail.
        let _ = writeln!(self.text, "{:width$}{line}", "", width = 2 * depth);
    }

    fn head(&mut self, explanation: &Explanation) {
        let environment = &explanation.environment;
        let name = environment.name.as_deref().unwrap_or("without a name");
        let (key, side) = (&environment.key, explanation.side);
        self.line(0, &format!("environment {name} ({key}), {side} side"));
        let Some(identity) = &explanation.identity else {
            self.line(0, "no identity: the flags of the environment");
            return;
        };
        self.line(0, &format!("identity {}", identity.identifier));
        for each in &identity.traits {
            self.line(1, &format!("{} = {}", each.key, short(&each.value)));
        }
        if identity.traits_ignored {
            self.line(
                1,
                "traits are ignored: this environment does not take them from client-side keys",
            );
        }
    }

    fn flag(&mut self, flag: &ExplainedFlag) {
        self.text.push('\n');
        self.line(0, &format!("{}: {}", flag.feature, value(&flag.flag)));
        self.line(1, &flag.summary);
        if !flag.depends_on.is_empty() {
            self.line(1, &format!("depends on: {}", flag.depends_on.join(", ")));
        }
        if !flag.cycle.is_empty() {
            let cycle = flag.cycle.join(", ");
            self.line(
                1,
                &format!("in a cycle: {cycle}; conditions see no value of these"),
            );
        }
        let [only] = &flag.candidates[..] else {
            for candidate in &flag.candidates {
                self.candidate(candidate);
            }
            return;
        };
        // The first line has said it all but this.
        self.split(only);
    }

    fn candidate(&mut self, candidate: &Candidate) {
        let segment = candidate
            .segment
            .and_then(|index| Some((index, self.segments.get(index)?)));
        let what = match (candidate.origin, segment) {
            (Origin::IdentityOverride, _) => "override of the identity".to_owned(),
            (Origin::SegmentOverride, Some((_, segment))) => {
                let priority = candidate.priority.as_ref();
                let priority = priority.map_or("none", |priority| priority.get());
                format!(
                    "segment {} (id {}, priority {priority})",
                    segment.name, segment.id
                )
            }
            _ => "environment default".to_owned(),
        };
        let became = match candidate.outcome {
            Outcome::Chosen => "chosen",
            Outcome::Beaten => "beaten",
            Outcome::NoMatch => "does not match",
            Outcome::Cut => "does not match, because it reads a flag that depends on it",
        };
        let flag = candidate.flag.as_ref().map(|flag| value(flag));
        let flag = flag.map_or(String::new(), |flag| format!(": {flag}"));
        let mark = match candidate.outcome {
            Outcome::Chosen => '✓',
            Outcome::Beaten => '-',
            Outcome::NoMatch | Outcome::Cut => '✗',
        };
        self.line(1, &format!("{mark} {what}, {became}{flag}"));
        self.split(candidate);
        if let Some((index, segment)) = segment {
            self.segment(index, segment);
        }
    }

    fn split(&mut self, candidate: &Candidate) {
        let Some(Split {
            hash_key,
            bucket,
            allocations,
        }) = &candidate.split
        else {
            return;
        };
        self.line(
            2,
            &format!("bucket {bucket:.2} of 100, from the hash of {hash_key:?}"),
        );
        for allocation in allocations {
            let mark = mark(allocation.chosen);
            let range = match (allocation.from, allocation.to) {
                (Some(from), Some(to)) => format!("{from} to {to}"),
                _ => "all others".to_owned(),
            };
            self.line(3, &format!("{mark} {range}: {}", value(&allocation.flag)));
        }
    }

    fn segment(&mut self, index: usize, segment: &ExplainedSegment) {
        if let Some(problem) = &segment.problem {
            self.line(2, problem);
        }
        if std::mem::replace(&mut self.unfolded[index], true) {
            self.line(2, "rules as above");
            return;
        }
        for rule in &segment.rules {
            self.rule(2, rule);
        }
    }

    fn rule(&mut self, depth: usize, rule: &ExplainedRule) {
        self.line(depth, &format!("{} {}", mark(rule.matches), rule.kind));
        for condition in &rule.conditions {
            self.condition(depth + 1, condition);
        }
        for rule in &rule.rules {
            self.rule(depth + 1, rule);
        }
    }

    fn condition(&mut self, depth: usize, condition: &ExplainedCondition) {
        let ExplainedCondition {
            property,
            operator,
            operand,
            ..
        } = condition;
        let mut line = format!("{} ", mark(condition.holds));
        if !property.is_empty() {
            line += &format!("{property} ");
        }
        line += operator;
        if !matches!(operator.as_str(), "IS_SET" | "IS_NOT_SET") {
            line += &format!(" {}", short(operand));
        }
        line += &match condition.value.get() {
            "null" if property.is_empty() => String::new(),
            "null" => ": not set".to_owned(),
            _ => format!(": {}", short(&condition.value)),
        };
        if let Some(bucket) = condition.bucket {
            line += &format!(" (bucket {bucket:.2})");
        }
        if let Some(problem) = &condition.problem {
            line += &format!(" ({problem})");
        }
        self.line(depth, &line);
    }
}

fn mark(holds: bool) -> char {
    if holds { '✓' } else { '✗' }
}

/// What a flag is: `on, "text", variant "b"`.
fn value(flag: &RawValue) -> String {
    let members: HashMap<&str, &RawValue> = serde_json::from_str(flag.get()).unwrap_or_default();
    let member = |name| members.get(name).map_or("null", |value| value.get());
    let switch = match member("enabled") {
        "true" => "on",
        "false" => "off",
        other => other,
    };
    let mut text = format!("{switch}, {}", cut(member("feature_state_value")));
    let variant = member("variant");
    if variant != "null" {
        text += &format!(", variant {}", cut(variant));
    }
    text
}

fn short(json: &RawValue) -> String {
    cut(json.get())
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
