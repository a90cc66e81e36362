//! Patterns: Python's `re` syntax, translated to that of the `regex` and `fancy-regex` crates.
//!
//! `regex` runs whatever it can, in linear time; look-around, backreferences and what else it lacks go to
//! `fancy-regex`, which gives up after a bounded number of steps. A pattern that Python would refuse is
//! refused here, with the reason. Knows nothing of segments.

use rkyv::{Archive, Serialize};

use crate::translate::translate;

/// How many times a backtracking match may change its mind before it counts as no match.
const MOST_BACKTRACKS: usize = 20_000;

/// A pattern as it lies in an archive: checked, translated, to be compiled by who needs it.
#[derive(Archive, Serialize, Debug, Clone, PartialEq)]
pub(crate) struct PatternSource {
    translated: String,
    /// It needs more than `regex` can do.
    backtracks: bool,
}

/// A compiled pattern.
pub(crate) enum Pattern {
    Linear(regex::Regex),
    Backtracking(fancy_regex::Regex),
}

impl PatternSource {
    /// Translates Python's `re.compile(pattern)` and checks that the result compiles. `Err` says why not.
    pub(crate) fn new(pattern: &str) -> Result<PatternSource, String> {
        let (translated, backtracks) = translate(pattern)?;
        let mut source = PatternSource {
            translated,
            backtracks,
        };
        if !backtracks && linear(&source.translated).is_none() {
            source.backtracks = true;
        }
        match Pattern::compile(&source.translated, source.backtracks) {
            Some(_) => Ok(source),
            None => Err("it is not a pattern that can be used here".to_owned()),
        }
    }
}

impl ArchivedPatternSource {
    /// Compiles what [`PatternSource::new`] has checked.
    pub(crate) fn compile(&self) -> Option<Pattern> {
        Pattern::compile(&self.translated, self.backtracks)
    }
}

impl Pattern {
    fn compile(translated: &str, backtracks: bool) -> Option<Pattern> {
        if backtracks {
            fancy_regex::RegexBuilder::new(translated)
                .backtrack_limit(MOST_BACKTRACKS)
                .build()
                .ok()
                .map(Pattern::Backtracking)
        } else {
            linear(translated).map(Pattern::Linear)
        }
    }

    /// Python's `re.match(pattern, text) is not None`; `false` when it takes too many steps to tell.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        match self {
            Pattern::Linear(pattern) => pattern.is_match(text),
            Pattern::Backtracking(pattern) => pattern.is_match(text).unwrap_or(false),
        }
    }
}

fn linear(translated: &str) -> Option<regex::Regex> {
    regex::RegexBuilder::new(translated).build().ok()
}
