//! Patterns: Python's `re` syntax, translated to that of the crates `regex` and `fancy-regex`.
//!
//! `regex` runs all that it can, in linear time. Look-around, backreferences and whatever else it lacks go to
//! `fancy-regex`, which gives up after a limited number of steps. A pattern that Python refuses is refused here too,
//! with the reason.

mod escape;
mod group;
mod parse;
mod tree;
mod write;

use std::cell::OnceCell;

use rkyv::{Archive, Serialize};

use parse::parse;
use write::{Texts, write};

/// How many times a match may backtrack before it counts as no match: five times for each character of the longest
/// trait value. Patterns in use take two.
const MOST_BACKTRACKS: usize = 10_000;

/// The longest text, in bytes, that is matched by backtracking. A longer one counts as no match because each step may
/// read all of it. Every trait value is shorter; an identifier may be longer.
const LONGEST_BACKTRACKED: usize = 8_000;

/// How many bytes of memory one compiled pattern may take: as many as `\w{1,1000}`.
const LARGEST: usize = 64 << 20;

/// A pattern in an archive: checked and translated, but not compiled.
#[derive(Archive, Serialize, Debug, Clone, PartialEq)]
pub(crate) struct PatternSource {
    /// For texts in ASCII.
    ascii: Translation,
    /// For all other texts and the empty one.
    any: Translation,
}

#[derive(Archive, Serialize, Debug, Clone, PartialEq)]
struct Translation {
    pattern: String,
    /// `regex` cannot run it.
    backtracks: bool,
}

/// A pattern. It is compiled for each kind of text when the first one is matched.
#[derive(Default)]
pub(crate) struct Pattern {
    ascii: OnceCell<Option<Matcher>>,
    any: OnceCell<Option<Matcher>>,
}

enum Matcher {
    Linear(regex::Regex),
    Backtracking(fancy_regex::Regex),
}

impl PatternSource {
    /// Translates Python's `re.compile(pattern)` and checks that the result compiles.
    ///
    /// # Errors
    /// The reason why it cannot be used.
    pub(crate) fn new(pattern: &str) -> Result<PatternSource, String> {
        let tree = parse(pattern)?;
        let translation = |texts| {
            let (pattern, backtracks) = write(&tree, texts);
            match Matcher::new(&pattern, backtracks) {
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
    /// Python's `re.match(pattern, text) is not None`; `false` if it takes too many steps.
    pub(crate) fn is_match(&self, source: &ArchivedPatternSource, text: &str) -> bool {
        let (matcher, translation) = if text.is_ascii() && !text.is_empty() {
            (&self.ascii, &source.ascii)
        } else {
            (&self.any, &source.any)
        };
        matcher
            .get_or_init(|| Matcher::new(&translation.pattern, translation.backtracks))
            .as_ref()
            .is_some_and(|matcher| matcher.is_match(text))
    }
}

impl Matcher {
    fn new(pattern: &str, backtracks: bool) -> Option<Matcher> {
        if backtracks {
            fancy_regex::RegexBuilder::new(pattern)
                .backtrack_limit(MOST_BACKTRACKS)
                .delegate_size_limit(LARGEST)
                .build()
                .ok()
                .map(Matcher::Backtracking)
        } else {
            regex::RegexBuilder::new(pattern)
                .size_limit(LARGEST)
                .build()
                .ok()
                .map(Matcher::Linear)
        }
    }

    fn is_match(&self, text: &str) -> bool {
        match self {
            Matcher::Linear(pattern) => pattern.is_match(text),
            Matcher::Backtracking(pattern) => {
                text.len() <= LONGEST_BACKTRACKED && pattern.is_match(text).unwrap_or(false)
            }
        }
    }
}
