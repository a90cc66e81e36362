//! A pattern of Python's `re` as a tree, and how many characters each part of it takes.

/// A part of a pattern.
#[derive(Debug)]
pub(super) enum Node {
    /// One character.
    Set(Set),
    /// A place between characters.
    Place(Place),
    Sequence(Vec<Node>),
    /// The first that leads to a match.
    Alternatives(Vec<Node>),
    Group {
        /// It is counted, so that it can be referred to.
        captures: bool,
        /// Once it has matched, it is not tried in another way.
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
        /// `None`: without end.
        most: Option<u32>,
        greed: Greed,
        body: Box<Node>,
    },
    /// What the group of that number has matched.
    Reference {
        group: u32,
        fold: bool,
    },
    /// One or the other, by whether the group of that number has matched.
    Condition {
        group: u32,
        yes: Box<Node>,
        no: Box<Node>,
    },
}

/// A place between characters.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Start,
    LineStart,
    End,
    LineEnd,
    /// The end, or before a newline that ends the text.
    EndOrLastNewline,
    WordBoundary {
        ascii: bool,
    },
    NoWordBoundary {
        ascii: bool,
    },
}

/// How many a repetition takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Greed {
    Most,
    Least,
    /// As many as it can, and it gives none back.
    Possessive,
}

/// A set of characters.
#[derive(Clone, Debug)]
pub(super) struct Set {
    pub(super) negated: bool,
    pub(super) members: Vec<Member>,
    /// A character's other cases are in it too.
    pub(super) fold: bool,
}

/// What a set lists.
#[derive(Clone, Copy, Debug)]
pub(super) enum Member {
    /// Code points from the first to the second; surrogates, which no text has, may be among them.
    Range(u32, u32),
    /// `\d`, `\s`, `\w` and, in capitals, what is none of these.
    Shorthand { letter: char, ascii: bool },
}

/// Characters that Python takes for one another when case is ignored: more than simple case folding does.
const FOLDED: [&[u32]; 3] = [
    &[0x49, 0x69, 0x130, 0x131],
    &[0x4b, 0x6b, 0x212a],
    &[0x53, 0x73, 0x17f],
];

impl Set {
    /// The set of these members, with their other cases when `fold`; with `ascii` those of ASCII letters alone.
    pub(super) fn new(negated: bool, mut members: Vec<Member>, fold: bool, ascii: bool) -> Set {
        if fold && ascii {
            for place in 0..members.len() {
                if let Member::Range(low, high) = members[place] {
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

/// The fewest and the most characters that something takes.
pub(super) type Width = (u64, u64);

impl Node {
    /// Whether it is nothing at all.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Node::Sequence(nodes) if nodes.is_empty())
    }

    /// Whether it takes nothing and sets no group: looking for it a second time finds what the first time did.
    pub(super) fn only_looks(&self) -> bool {
        match self {
            Node::Look { .. } | Node::Place(_) => true,
            Node::Sequence(nodes) | Node::Alternatives(nodes) => nodes.iter().all(Node::only_looks),
            Node::Group { captures, body, .. } => !captures && body.only_looks(),
            Node::Repeat { body, .. } => body.only_looks(),
            Node::Condition { yes, no, .. } => yes.only_looks() && no.only_looks(),
            _ => false,
        }
    }

    /// The fewest and the most characters it takes; `groups` gives that of the groups, by number from 1.
    pub(super) fn width(&self, groups: &[Option<Width>]) -> Width {
        let widest = |(low, high): Width, (least, most): Width| (low.min(least), high.max(most));
        match self {
            Node::Set(_) => (1, 1),
            Node::Place(_) | Node::Look { .. } => (0, 0),
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
            Node::Condition { yes, no, .. } => widest(yes.width(groups), no.width(groups)),
        }
    }
}
