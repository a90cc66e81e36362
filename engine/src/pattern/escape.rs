//! Parsing escapes and sets of characters.

use super::parse::{Parsed, Parser};
use super::tree::{Anchor, Member, Node, Set};

impl Parser<'_> {
    /// Parses an escape outside a set, after its backslash.
    pub(super) fn escape(&mut self) -> Parsed<Node> {
        let ascii = self.flags.ascii;
        let character = self.next().ok_or("it ends in a backslash")?;
        Ok(match character {
            'A' => Node::Anchor(Anchor::Start),
            'Z' => Node::Anchor(Anchor::End),
            'b' => Node::Anchor(Anchor::WordBoundary { ascii }),
            'B' => Node::Anchor(Anchor::NoWordBoundary { ascii }),
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => {
                let letter = character;
                Node::Set(Set::new(
                    false,
                    vec![Member::Shorthand { letter, ascii }],
                    false,
                    false,
                ))
            }
            '1'..='9' => return self.number(character),
            _ => {
                let code = self.character(character)?;
                self.literal(code)
            }
        })
    }

    /// Parses a reference by number, or three octal digits.
    fn number(&mut self, first: char) -> Parsed<Node> {
        let octal = |text: &&str| text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
        if let Some(more) = self.rest.get(..2).filter(octal)
            && ('1'..='7').contains(&first)
        {
            self.rest = &self.rest[2..];
            let code = octal_code(&format!("{first}{more}"))?;
            return Ok(self.literal(code));
        }
        let mut digits = String::from(first);
        if self.rest.starts_with(|next: char| next.is_ascii_digit()) {
            digits.extend(self.next());
        }
        let group = digits.parse().map_err(|_| "a reference is no number")?;
        self.reference(group)
    }

    /// The code point of an escape, inside or outside a set.
    fn character(&mut self, character: char) -> Parsed<u32> {
        Ok(match character {
            'n' => 0x0a,
            'r' => 0x0d,
            't' => 0x09,
            'f' => 0x0c,
            'v' => 0x0b,
            'a' => 0x07,
            'x' => self.hexadecimal(2)?,
            'u' => self.hexadecimal(4)?,
            'U' => self.hexadecimal(8)?,
            '0' => self.octal('0')?,
            'N' => return Err("characters cannot be named here".to_owned()),
            letter if letter.is_ascii_alphanumeric() => {
                return Err(format!("\\{letter} is not an escape"));
            }
            other => u32::from(other),
        })
    }

    fn hexadecimal(&mut self, digits: usize) -> Parsed<u32> {
        let code = self
            .rest
            .get(..digits)
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|text| u32::from_str_radix(text, 16).ok())
            .filter(|code| *code <= u32::from(char::MAX))
            .ok_or("a hexadecimal escape is incomplete or out of range")?;
        self.rest = &self.rest[digits..];
        Ok(code)
    }

    /// Parses up to three octal digits, of which `first` has been read.
    fn octal(&mut self, first: char) -> Parsed<u32> {
        let digits = self.rest.bytes().take(2);
        let length = digits
            .take_while(|byte| (b'0'..=b'7').contains(byte))
            .count();
        let (digits, rest) = self.rest.split_at(length);
        self.rest = rest;
        octal_code(&format!("{first}{digits}"))
    }

    /// Parses a set, after its opening bracket.
    pub(super) fn set(&mut self) -> Parsed<Node> {
        let negated = self.take("^");
        let mut members = Vec::new();
        loop {
            if !members.is_empty() && self.take("]") {
                break;
            }
            let low = self.member()?;
            if !self.rest.starts_with('-') || self.rest.starts_with("-]") {
                members.push(low);
                continue;
            }
            self.next();
            match (low, self.member()?) {
                (Member::Range(low, _), Member::Range(high, _)) if low <= high => {
                    members.push(Member::Range(low, high));
                }
                _ => return Err("a set has a bad range".to_owned()),
            }
        }
        let flags = self.flags;
        Ok(Node::Set(Set::new(
            negated,
            members,
            flags.ignore_case,
            flags.ascii,
        )))
    }

    fn member(&mut self) -> Parsed<Member> {
        let character = self.next().ok_or("a set is not closed")?;
        if character != '\\' {
            return Ok(Member::Range(character.into(), character.into()));
        }
        let letter = self.next().ok_or("a set is not closed")?;
        let code = match letter {
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => {
                let ascii = self.flags.ascii;
                return Ok(Member::Shorthand { letter, ascii });
            }
            'b' => 0x08,
            '1'..='7' => self.octal(letter)?,
            _ => self.character(letter)?,
        };
        Ok(Member::Range(code, code))
    }
}

fn octal_code(digits: &str) -> Parsed<u32> {
    match u32::from_str_radix(digits, 8) {
        Ok(code) if code <= 0o377 => Ok(code),
        _ => Err("an octal escape is out of range".to_owned()),
    }
}
