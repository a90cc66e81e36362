//! Writing a pattern in the syntax of the `regex` crate and its superset `fancy-regex`.
//!
//! Each pattern is written twice because most texts are ASCII. For these the sets are small and fast to compile, which
//! sets of Unicode are not, and Rust's word characters are Python's.

use super::tree::{Anchor, Greed, Member, Node, Set};

/// Which texts a pattern is written for.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Texts {
    /// At least one character, all of them ASCII.
    Ascii,
    Any,
}

/// Writes a pattern, anchored at the start. The result says whether it needs backtracking.
pub(super) fn write(tree: &Node, texts: Texts) -> (String, bool) {
    let mut writer = Writer {
        out: String::from("\\A(?:"),
        backtracks: false,
        texts,
    };
    writer.node(tree, true);
    writer.out.push(')');
    (writer.out, writer.backtracks)
}

struct Writer {
    out: String,
    backtracks: bool,
    texts: Texts,
}

impl Writer {
    /// Writes `node`. `last` says that nothing comes after it.
    fn node(&mut self, node: &Node, last: bool) {
        match node {
            Node::Set(set) if self.texts == Texts::Ascii => self.ascii_set(set.ascii()),
            Node::Set(set) => self.set(set),
            Node::Anchor(anchor) => self.anchor(*anchor, last),
            Node::Sequence(nodes) => {
                for (index, node) in nodes.iter().enumerate() {
                    self.node(node, last && index + 1 == nodes.len());
                }
            }
            Node::Alternatives(nodes) => {
                for (index, node) in nodes.iter().enumerate() {
                    if index > 0 {
                        self.out.push('|');
                    }
                    self.node(node, last);
                }
            }
            Node::Group {
                captures,
                atomic,
                body,
            } => {
                self.backtracks |= atomic;
                self.out.push_str(match (captures, atomic) {
                    (true, _) => "(",
                    (false, true) => "(?>",
                    (false, false) => "(?:",
                });
                self.node(body, last && !atomic);
                self.out.push(')');
            }
            Node::Look {
                ahead,
                negative,
                body,
            } => {
                self.backtracks = true;
                let behind = if *ahead { "" } else { "<" };
                let sign = if *negative { '!' } else { '=' };
                self.out.push_str(&format!("(?{behind}{sign}"));
                self.node(body, false);
                self.out.push(')');
            }
            Node::Repeat {
                least,
                most,
                greed,
                body,
            } => self.repeat((*least, *most), *greed, body),
            Node::Reference { group, fold } => {
                self.backtracks = true;
                let flags = if *fold { "i" } else { "" };
                self.out.push_str(&format!("(?{flags}:\\{group})"));
            }
            // `fancy-regex` reads two empty branches as a test of the group.
            Node::Conditional { yes, no, .. } if yes.is_empty() && no.is_empty() => {}
            Node::Conditional { group, yes, no } => {
                self.backtracks = true;
                self.out.push_str(&format!("(?:(?({group})"));
                self.node(yes, false);
                self.out.push('|');
                self.node(no, false);
                self.out.push_str("))");
            }
        }
    }

    fn repeat(&mut self, bounds: (u32, Option<u32>), greed: Greed, body: &Node) {
        let possessive = greed == Greed::Possessive;
        self.backtracks |= possessive;
        self.out.push_str(if possessive { "(?>" } else { "(?:" });
        // To look again finds nothing else, and Rust refuses to repeat look-around.
        if body.only_looks() {
            match bounds {
                (0, Some(0)) => {}
                (0, _) if greed == Greed::Least => {
                    self.out.push('|');
                    self.node(body, false);
                }
                (0, _) => {
                    self.node(body, false);
                    self.out.push('|');
                }
                _ => self.node(body, false),
            }
        } else {
            self.node(body, false);
            self.quantifier(bounds);
            if greed == Greed::Least {
                self.out.push('?');
            }
        }
        self.out.push(')');
    }

    fn quantifier(&mut self, bounds: (u32, Option<u32>)) {
        self.out.push_str(&match bounds {
            (0, None) => "*".to_owned(),
            (1, None) => "+".to_owned(),
            (0, Some(1)) => "?".to_owned(),
            (least, None) => format!("{{{least},}}"),
            (least, Some(most)) if least == most => format!("{{{least}}}"),
            (least, Some(most)) => format!("{{{least},{most}}}"),
        });
    }

    fn anchor(&mut self, anchor: Anchor, last: bool) {
        let written = match anchor {
            Anchor::Start => "\\A",
            Anchor::LineStart => "(?m:^)",
            Anchor::End => "\\z",
            Anchor::LineEnd => "(?m:$)",
            // If nothing follows, to consume the newline is the same as to look ahead for it.
            Anchor::EndOrLastNewline if last => "\\n?\\z",
            Anchor::EndOrLastNewline => {
                self.backtracks = true;
                "(?=\\n?\\z)"
            }
            Anchor::WordBoundary { .. } if self.texts == Texts::Ascii => "\\b",
            Anchor::NoWordBoundary { .. } if self.texts == Texts::Ascii => "\\B",
            // Rust's word characters include marks, Python's do not. And in an empty text Python finds neither a
            // boundary nor its absence.
            Anchor::WordBoundary { ascii } => {
                self.backtracks = true;
                let word = shorthand('w', ascii);
                let boundary = "(?:(?<=[W])(?![W])|(?<![W])(?=[W]))";
                return self.out.push_str(&boundary.replace('W', word));
            }
            Anchor::NoWordBoundary { ascii } => {
                self.backtracks = true;
                let word = shorthand('w', ascii);
                let inside = "(?:(?<=[W])(?=[W])|(?<![W])(?![W])(?!\\A\\z))";
                return self.out.push_str(&inside.replace('W', word));
            }
        };
        self.out.push_str(written);
    }

    /// Writes a set of ASCII characters, one bit each.
    fn ascii_set(&mut self, characters: u128) {
        if characters.is_power_of_two() {
            let code = characters.trailing_zeros() as u8;
            return push_literal(char::from(code), &mut self.out);
        }
        let holds = |code: &u8| characters & (1 << code) != 0;
        let mut ranges = Vec::new();
        let mut code = 0;
        while let Some(low) = (code..128).find(holds) {
            let end = (low..128).find(|code| !holds(code)).unwrap_or(128);
            ranges.push((u32::from(low), u32::from(end - 1)));
            code = end;
        }
        self.brackets(false, &ranges, "");
    }

    fn set(&mut self, set: &Set) {
        let mut ranges = Vec::new();
        let mut shorthands = String::new();
        for member in &set.members {
            match member {
                Member::Range(low, high) => ranges.push((*low, *high)),
                Member::Shorthand { letter, ascii } => {
                    let negated = if letter.is_ascii_uppercase() { "^" } else { "" };
                    let set = shorthand(letter.to_ascii_lowercase(), *ascii);
                    shorthands.push_str(&format!("[{negated}{set}]"));
                }
            }
        }
        if set.fold {
            self.out.push_str("(?i:");
        }
        self.brackets(set.negated, &ranges, &shorthands);
        if set.fold {
            self.out.push(')');
        }
    }

    /// Writes a set of ranges and of what is `written` already. Surrogates are left out: no text contains them.
    fn brackets(&mut self, negated: bool, ranges: &[(u32, u32)], written: &str) {
        let surrogate = 0xd800..=0xdfff;
        let mut inside = String::new();
        for (low, high) in ranges {
            let low = if surrogate.contains(low) {
                0xe000
            } else {
                *low
            };
            let high = if surrogate.contains(high) {
                0xd7ff
            } else {
                *high
            };
            let (Some(low), Some(high)) = (char::from_u32(low), char::from_u32(high)) else {
                continue;
            };
            if low <= high {
                push_literal(low, &mut inside);
            }
            if low < high {
                inside.push('-');
                push_literal(high, &mut inside);
            }
        }
        inside.push_str(written);
        self.out.push_str(&match (inside.is_empty(), negated) {
            (true, false) => "[a&&b]".to_owned(),
            (true, true) => "(?s:.)".to_owned(),
            (false, false) => format!("[{inside}]"),
            (false, true) => format!("[^{inside}]"),
        });
    }
}

/// Python's digits, white space or word characters, as the inside of a set.
fn shorthand(letter: char, ascii: bool) -> &'static str {
    match (letter, ascii) {
        ('d', false) => r"\p{Nd}",
        ('s', false) => r"\s\x1c-\x1f",
        (_, false) => r"\p{L}\p{N}_",
        ('d', true) => "0-9",
        ('s', true) => r"\x09-\x0d\x20",
        (_, true) => "A-Za-z0-9_",
    }
}

/// Writes a character that stands for itself, inside or outside a set. Only some may be escaped: `\<` is an anchor.
fn push_literal(character: char, out: &mut String) {
    if r"\.+*?()|[]{}^$#&-~".contains(character) {
        out.push('\\');
        out.push(character);
    } else if character.is_ascii_control() {
        out.push_str(&format!("\\x{:02x}", u32::from(character)));
    } else {
        out.push(character);
    }
}
