//! A pattern of Python's `re` as a tree, and how many characters each part of it consumes.

/// A part of a pattern.
#[derive(Debug)]
pub(super) enum Node {
    /// One character.
    Set(Set),
    Anchor(Anchor),
    Sequence(Vec<Node>),
    /// The first one that leads to a match counts.
    Alternatives(Vec<Node>),
    Group {
        /// It has a number, so that references are possible.
        captures: bool,
        /// It does not backtrack once it has matched.
        atomic: bool,
        body: Box<Node>,
    },
    Look {
        ahead: bool,
        negative: bool,
        body: Box<Node>,
    },
    Repeat {
        least: u32,
        /// `None` for any number.
        most: Option<u32>,
        greed: Greed,
        body: Box<Node>,
    },
    /// The text that the group of that number has matched.
    Reference {
        group: u32,
        fold: bool,
    },
    /// `yes` if the group of that number has matched, `no` otherwise.
    Conditional {
        group: u32,
        yes: Box<Node>,
        no: Box<Node>,
    },
}

/// A position between characters.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    Start,
    LineStart,
    End,
    LineEnd,
    /// The end of the text, or the position before a newline that ends it.
    EndOrLastNewline,
    WordBoundary {
        ascii: bool,
    },
    NoWordBoundary {
        ascii: bool,
    },
}

/// How many repetitions are tried first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Greed {
    Most,
    Least,
    /// As many as possible, without backtracking.
    Possessive,
}

/// A set of characters.
#[derive(Clone, Debug)]
pub(super) struct Set {
    pub(super) negated: bool,
    pub(super) members: Vec<Member>,
    /// It also contains the other cases of its characters.
    pub(super) fold: bool,
}

/// A member of a set.
#[derive(Clone, Copy, Debug)]
pub(super) enum Member {
    /// Code points from the first to the second, with any surrogates between them.
    Range(u32, u32),
    /// `\d`, `\s`, `\w`, or their complements, in capitals.
    Shorthand { letter: char, ascii: bool },
}

/// Characters that are equal to Python when it ignores case, beyond simple case folding.
const FOLDED: [&[u32]; 3] = [
    &[0x49, 0x69, 0x130, 0x131],
    &[0x4b, 0x6b, 0x212a],
    &[0x53, 0x73, 0x17f],
];

impl Set {
    /// The set of these members. `fold` adds their other cases; with `ascii` only those of ASCII letters.
    pub(super) fn new(negated: bool, mut members: Vec<Member>, fold: bool, ascii: bool) -> Set {
        if fold && ascii {
            for index in 0..members.len() {
                if let Member::Range(low, high) = members[index] {
                    let cases = [(0x41, 0x5a, 0x20), (0x61, 0x7a, -0x20)];
                    members.extend(cases.iter().filter_map(|(first, last, shift)| {
                        let (low, high) = (low.max(*first), high.min(*last));
                        let shifted = |code: u32| code.wrapping_add_signed(*shift);
                        (low <= high).then(|| Member::Range(shifted(low), shifted(high)))
                    }));
                }
            }
        } else if fold {
            for alike in FOLDED {
                let holds = |member: &Member| match member {
                    Member::Range(low, high) => {
                        alike.iter().any(|code| (low..=high).contains(&code))
                    }
                    Member::Shorthand { .. } => false,
                };
                if members.iter().any(holds) {
                    members.extend(alike.iter().map(|code| Member::Range(*code, *code)));
                }
            }
        }
        Set {
            negated,
            members,
            fold: fold && !ascii,
        }
    }

    /// Its ASCII characters: bit `n` stands for code point `n`.
    pub(super) fn ascii(&self) -> u128 {
        let mut characters = 0;
        for code in 0..128u8 {
            let swapped = match code {
                b'A'..=b'Z' | b'a'..=b'z' if self.fold => code ^ 0x20,
                _ => code,
            };
            let holds = |member: &Member| member.holds_ascii(code) || member.holds_ascii(swapped);
            if self.members.iter().any(holds) != self.negated {
                characters |= 1 << code;
            }
        }
        characters
    }
}

impl Member {
    fn holds_ascii(self, code: u8) -> bool {
        match self {
            Member::Range(low, high) => (low..=high).contains(&u32::from(code)),
            Member::Shorthand { letter, ascii } => {
                let holds = match letter.to_ascii_lowercase() {
                    'd' => code.is_ascii_digit(),
                    's' => matches!(code, 9..=13 | b' ') || (!ascii && matches!(code, 0x1c..=0x1f)),
                    _ => code.is_ascii_alphanumeric() || code == b'_',
                };
                holds != letter.is_ascii_uppercase()
            }
        }
    }
}

/// The fewest and the most characters that a part consumes.
pub(super) type Width = (u64, u64);

impl Node {
    /// Whether it is an empty sequence.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Node::Sequence(nodes) if nodes.is_empty())
    }

    /// Whether it consumes nothing and sets no group, so that to repeat it changes nothing.
    pub(super) fn only_looks(&self) -> bool {
        match self {
            Node::Look { .. } | Node::Anchor(_) => true,
            Node::Sequence(nodes) | Node::Alternatives(nodes) => nodes.iter().all(Node::only_looks),
            Node::Group { captures, body, .. } => !captures && body.only_looks(),
            Node::Repeat { body, .. } => body.only_looks(),
            Node::Conditional { yes, no, .. } => yes.only_looks() && no.only_looks(),
            _ => false,
        }
    }

    /// Its width; `groups` gives that of the groups, by number from 1.
    pub(super) fn width(&self, groups: &[Option<Width>]) -> Width {
        let widest = |(low, high): Width, (least, most): Width| (low.min(least), high.max(most));
        match self {
            Node::Set(_) => (1, 1),
            Node::Anchor(_) | Node::Look { .. } => (0, 0),
            Node::Sequence(nodes) => nodes.iter().fold((0, 0), |(low, high), node| {
                let (least, most) = node.width(groups);
                (low.saturating_add(least), high.saturating_add(most))
            }),
            Node::Alternatives(nodes) => {
                let widths = nodes.iter().map(|node| node.width(groups));
                widths.reduce(widest).unwrap_or((0, 0))
            }
            Node::Group { body, .. } => body.width(groups),
            Node::Repeat {
                least, most, body, ..
            } => {
                let (low, high) = body.width(groups);
                let most = most.map_or(u64::MAX, u64::from);
                (
                    low.saturating_mul(u64::from(*least)),
                    high.saturating_mul(most),
                )
            }
            Node::Reference { group, .. } => {
                let known = groups.get(*group as usize - 1);
                known.copied().flatten().unwrap_or((0, 0))
            }
            Node::Conditional { yes, no, .. } => widest(yes.width(groups), no.width(groups)),
        }
    }
}
