//! Parsing Python's `re` syntax as CPython 3.12 does: a tree, or the reason for a refusal.

use std::collections::HashMap;

use super::tree::{Anchor, Greed, Node, Set, Width};

/// How deep groups may nest. The crates that run patterns allow little more.
const DEEPEST: u32 = 200;

pub(super) type Parsed<T> = Result<T, String>;

/// Parses a pattern.
///
/// # Errors
/// The reason why Python refuses it.
pub(super) fn parse(pattern: &str) -> Parsed<Node> {
    let mut parser = Parser {
        rest: pattern,
        flags: Flags::default(),
        groups: Vec::new(),
        names: HashMap::new(),
        outside_look_behind: None,
        highest_conditional: 0,
        depth: 0,
    };
    let tree = parser.alternatives()?;
    if !parser.rest.is_empty() {
        return Err("a closing parenthesis has no opening one".to_owned());
    }
    if parser.highest_conditional as usize > parser.groups.len() {
        let group = parser.highest_conditional;
        return Err(format!("there is no group {group} to refer to"));
    }
    Ok(tree)
}

/// What the letters of `(?ims)` and the like switch on.
#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) ignore_case: bool,
    pub(super) multiline: bool,
    pub(super) dot_all: bool,
    pub(super) verbose: bool,
    pub(super) ascii: bool,
}

/// A cursor over a pattern.
pub(super) struct Parser<'p> {
    pub(super) rest: &'p str,
    /// The flags in force here.
    pub(super) flags: Flags,
    /// The widths of the groups, by number from 1; `None` while a group is open.
    pub(super) groups: Vec<Option<Width>>,
    pub(super) names: HashMap<String, u32>,
    /// In a look-behind, how many groups were opened before it.
    pub(super) outside_look_behind: Option<usize>,
    /// The highest group that a conditional asks for. It may be opened later.
    pub(super) highest_conditional: u32,
    depth: u32,
}

impl Parser<'_> {
    pub(super) fn next(&mut self) -> Option<char> {
        let character = self.rest.chars().next()?;
        self.rest = &self.rest[character.len_utf8()..];
        Some(character)
    }

    pub(super) fn take(&mut self, prefix: &str) -> bool {
        let rest = self.rest.strip_prefix(prefix);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Parses everything up to a closing parenthesis or the end.
    pub(super) fn alternatives(&mut self) -> Parsed<Node> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("its groups nest too deep".to_owned());
        }
        let first = self.sequence(self.depth == 1)?;
        let mut alternatives = vec![first];
        while self.take("|") {
            alternatives.push(self.sequence(false)?);
        }
        self.depth -= 1;
        Ok(match alternatives.len() {
            1 => alternatives.swap_remove(0),
            _ => Node::Alternatives(alternatives),
        })
    }

    /// Parses everything up to `|`, a closing parenthesis or the end. Flags for the whole pattern are allowed only if
    /// this is its `start`.
    pub(super) fn sequence(&mut self, start: bool) -> Parsed<Node> {
        let mut nodes = Vec::new();
        while !self.rest.is_empty() && !self.rest.starts_with(['|', ')']) {
            let Some(character) = self.next() else { break };
            match character {
                '#' if self.flags.verbose => self.skip_to('\n')?,
                ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' if self.flags.verbose => {}
                '\\' => nodes.push(self.escape()?),
                '[' => nodes.push(self.set()?),
                '(' => nodes.extend(self.group(start && nodes.is_empty())?),
                '^' if self.flags.multiline => nodes.push(Node::Anchor(Anchor::LineStart)),
                '^' => nodes.push(Node::Anchor(Anchor::Start)),
                '$' if self.flags.multiline => nodes.push(Node::Anchor(Anchor::LineEnd)),
                '$' => nodes.push(Node::Anchor(Anchor::EndOrLastNewline)),
                '.' => nodes.push(Node::Set(self.dot())),
                '*' => self.repeat(&mut nodes, 0, None)?,
                '+' => self.repeat(&mut nodes, 1, None)?,
                '?' => self.repeat(&mut nodes, 0, Some(1))?,
                '{' => match self.bounds()? {
                    Some((least, most)) => self.repeat(&mut nodes, least, most)?,
                    None => nodes.push(self.literal(u32::from('{'))),
                },
                other => nodes.push(self.literal(u32::from(other))),
            }
        }
        Ok(Node::Sequence(nodes))
    }

    /// A character that stands for itself.
    pub(super) fn literal(&self, code: u32) -> Node {
        let members = vec![super::tree::Member::Range(code, code)];
        let flags = self.flags;
        Node::Set(Set::new(false, members, flags.ignore_case, flags.ascii))
    }

    fn dot(&self) -> Set {
        let newline = super::tree::Member::Range(10, 10);
        let members = if self.flags.dot_all {
            Vec::new()
        } else {
            vec![newline]
        };
        Set::new(true, members, false, false)
    }

    /// Skips a comment that ends with `end`. An escaped `end` does not end it.
    pub(super) fn skip_to(&mut self, end: char) -> Parsed<()> {
        loop {
            match self.next() {
                Some('\\') => drop(self.next().ok_or("it ends in a backslash")?),
                Some(character) if character == end => return Ok(()),
                Some(_) => {}
                None if end == '\n' => return Ok(()),
                None => return Err("a comment is not closed".to_owned()),
            }
        }
    }

    /// Parses `m}`, `m,}`, `,n}` or `m,n}`; `None` if it is none of these and the brace stands for itself.
    fn bounds(&mut self) -> Parsed<Option<(u32, Option<u32>)>> {
        let Some((inside, rest)) = self.rest.split_once('}') else {
            return Ok(None);
        };
        let (least, most) = match inside.split_once(',') {
            Some((least, most)) => (least, most),
            None if inside.is_empty() => return Ok(None),
            None => (inside, inside),
        };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(least) || !digits(most) {
            return Ok(None);
        }
        self.rest = rest;
        let number = |text: &str| match text.parse::<u32>() {
            Ok(number) if number < u32::MAX => Ok(number),
            _ => Err("a repetition number is too large".to_owned()),
        };
        let least = if least.is_empty() { 0 } else { number(least)? };
        let most = if most.is_empty() {
            None
        } else {
            Some(number(most)?)
        };
        if most.is_some_and(|most| most < least) {
            return Err("a repetition's least number is above its most".to_owned());
        }
        Ok(Some((least, most)))
    }

    /// Repeats the last of `nodes`.
    fn repeat(&mut self, nodes: &mut Vec<Node>, least: u32, most: Option<u32>) -> Parsed<()> {
        let body = match nodes.pop() {
            None | Some(Node::Anchor(_)) => return Err("nothing to repeat".to_owned()),
            Some(Node::Repeat { .. }) => return Err("multiple repeat".to_owned()),
            Some(node) => Box::new(node),
        };
        let greed = if self.take("?") {
            Greed::Least
        } else if self.take("+") {
            Greed::Possessive
        } else {
            Greed::Most
        };
        nodes.push(Node::Repeat {
            least,
            most,
            greed,
            body,
        });
        Ok(())
    }
}
