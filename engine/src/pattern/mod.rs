//! Patterns: Python's `re` syntax, said in that of the `regex` and `fancy-regex` crates.
//!
//! `regex` runs whatever it can, in linear time; look-around, backreferences and what else it lacks go to
//! `fancy-regex`, which gives up after a bounded number of steps. A pattern that Python would refuse is
//! refused here, with the reason. Knows nothing of segments.

mod escape;
mod group;
mod parse;
mod tree;
mod write;

use std::cell::OnceCell;

use rkyv::{Archive, Serialize};

use parse::parse;
use write::{Texts, write};

/// How many times a backtracking match may change its mind before it counts as no match: five times for each
/// character of the longest trait value, where patterns in use take two.
const MOST_BACKTRACKS: usize = 10_000;

/// The longest text, in bytes, that is matched by backtracking: any trait value is shorter, an identifier need
/// not be. A longer one counts as no match, since every step could take a look at all of it.
const LONGEST_BACKTRACKED: usize = 8_000;

/// How much memory one compiled pattern may take, in bytes: what `\w{1,1000}` takes.
const LARGEST: usize = 64 << 20;

/// A pattern as it lies in an archive: checked, translated, to be compiled by who needs it.
#[derive(Archive, Serialize, Debug, Clone, PartialEq)]
pub(crate) struct PatternSource {
    /// For texts in ASCII.
    ascii: Translation,
    /// For the others and the empty one.
    any: Translation,
}

#[derive(Archive, Serialize, Debug, Clone, PartialEq)]
struct Translation {
    pattern: String,
    /// It needs more than `regex` can do.
    backtracks: bool,
}

/// A pattern, compiled for the texts that it has met.
#[derive(Default)]
pub(crate) struct Pattern {
    ascii: OnceCell<Option<Compiled>>,
    any: OnceCell<Option<Compiled>>,
}

enum Compiled {
    Linear(regex::Regex),
    Backtracking(fancy_regex::Regex),
}

impl PatternSource {
    /// Translates Python's `re.compile(pattern)` and checks that the result compiles. `Err` says why not.
    pub(crate) fn new(pattern: &str) -> Result<PatternSource, String> {
        let tree = parse(pattern)?;
        let translation = |texts| {
            let (pattern, backtracks) = write(&tree, texts);
            match Compiled::new(&pattern, backtracks) {
                Some(_) => Ok(Translation {
                    pattern,
                    backtracks,
                }),
                None => Err("it is too large or too deep".to_owned()),
            }
        };
        Ok(PatternSource {
            ascii: translation(Texts::Ascii)?,
            any: translation(Texts::Any)?,
        })
    }
}

impl Pattern {
    /// Python's `re.match(pattern, text) is not None`; `false` when it takes too many steps to tell.
    pub(crate) fn is_match(&self, source: &ArchivedPatternSource, text: &str) -> bool {
        let (compiled, translation) = if text.is_ascii() && !text.is_empty() {
            (&self.ascii, &source.ascii)
        } else {
            (&self.any, &source.any)
        };
        compiled
            .get_or_init(|| Compiled::new(&translation.pattern, translation.backtracks))
            .as_ref()
            .is_some_and(|compiled| compiled.is_match(text))
    }
}

impl Compiled {
    fn new(pattern: &str, backtracks: bool) -> Option<Compiled> {
        if backtracks {
            fancy_regex::RegexBuilder::new(pattern)
                .backtrack_limit(MOST_BACKTRACKS)
                .delegate_size_limit(LARGEST)
                .build()
                .ok()
                .map(Compiled::Backtracking)
        } else {
            regex::RegexBuilder::new(pattern)
                .size_limit(LARGEST)
                .build()
                .ok()
                .map(Compiled::Linear)
        }
    }

    fn is_match(&self, text: &str) -> bool {
        match self {
            Compiled::Linear(pattern) => pattern.is_match(text),
            Compiled::Backtracking(pattern) => {
                text.len() <= LONGEST_BACKTRACKED && pattern.is_match(text).unwrap_or(false)
            }
        }
    }
}
