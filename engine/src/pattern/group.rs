//! Parsing parentheses: groups, look-around, references, conditionals, flags and comments.

use super::parse::{Flags, Parsed, Parser};
use super::tree::Node;

impl Parser<'_> {
    /// Parses the rest after an opening parenthesis; `None` for a comment or flags. Flags for the whole pattern are
    /// allowed only at its `start`.
    pub(super) fn group(&mut self, start: bool) -> Parsed<Option<Node>> {
        if !self.take("?") {
            return self.capture(None).map(Some);
        }
        let kinds = ["P<", "P=", ":", ">", "#", "=", "!", "<=", "<!", "("];
        let kind = kinds.into_iter().find(|kind| self.take(kind));
        Ok(Some(match kind {
            Some("P<") => {
                let name = self.name('>')?;
                self.capture(Some(name))?
            }
            Some("P=") => {
                let name = self.name(')')?;
                let group = self.group_of(&name)?;
                self.reference(group)?
            }
            Some("#") => {
                self.skip_to(')')?;
                return Ok(None);
            }
            Some(":") => self.plain(false, self.flags)?,
            Some(">") => self.plain(true, self.flags)?,
            Some("(") => self.conditional()?,
            Some(look) => self.look(!look.starts_with('<'), look.ends_with('!'))?,
            None => match self.flags(start)? {
                Some(flags) => self.plain(false, flags)?,
                None => return Ok(None),
            },
        }))
    }

    /// A reference to the group of that number, which must be closed already.
    pub(super) fn reference(&mut self, group: u32) -> Parsed<Node> {
        match self.groups.get(group as usize - 1) {
            None => return Err(format!("there is no group {group} to refer to")),
            Some(None) => return Err(format!("group {group} is still open")),
            Some(Some(_)) => self.check_look_behind(group)?,
        }
        Ok(Node::Reference {
            group,
            fold: self.flags.ignore_case,
        })
    }

    fn check_look_behind(&self, group: u32) -> Parsed<()> {
        match self.outside_look_behind {
            Some(outside) if group as usize > outside => Err(format!(
                "group {group} is in the look-behind that refers to it"
            )),
            _ => Ok(()),
        }
    }

    fn capture(&mut self, name: Option<String>) -> Parsed<Node> {
        self.groups.push(None);
        let number = self.groups.len();
        if let Some(name) = name {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            if self.names.insert(name, number).is_some() {
                return Err("two groups have one name".to_owned());
            }
        }
        let body = self.body()?;
        self.groups[number - 1] = Some(body.width(&self.groups));
        Ok(Node::Group {
            captures: true,
            atomic: false,
            body: Box::new(body),
        })
    }

    fn plain(&mut self, atomic: bool, flags: Flags) -> Parsed<Node> {
        let outer = std::mem::replace(&mut self.flags, flags);
        let body = self.body()?;
        self.flags = outer;
        Ok(Node::Group {
            captures: false,
            atomic,
            body: Box::new(body),
        })
    }

    fn look(&mut self, ahead: bool, negative: bool) -> Parsed<Node> {
        let outside = self.outside_look_behind;
        if !ahead {
            self.outside_look_behind = Some(outside.unwrap_or(self.groups.len()));
        }
        let body = self.body()?;
        self.outside_look_behind = outside;
        let (least, most) = body.width(&self.groups);
        if !ahead && least != most {
            return Err("a look-behind has no fixed width".to_owned());
        }
        Ok(Node::Look {
            ahead,
            negative,
            body: Box::new(body),
        })
    }

    fn conditional(&mut self) -> Parsed<Node> {
        let (reference, rest) = self
            .rest
            .split_once(')')
            .ok_or("a condition is not closed")?;
        let digits = reference.bytes().all(|byte| byte.is_ascii_digit());
        let group = if digits && !reference.is_empty() {
            self.rest = rest;
            let number = reference.parse().ok().filter(|number| *number > 0);
            number.ok_or_else(|| format!("there is no group {reference} to refer to"))?
        } else {
            let name = self.name(')')?;
            self.group_of(&name)?
        };
        self.highest_conditional = self.highest_conditional.max(group);
        // Python counts an open group of the look-behind as inside it.
        self.check_look_behind(group)?;
        let yes = Box::new(self.sequence(false)?);
        let no = if self.take("|") {
            self.sequence(false)?
        } else {
            Node::Sequence(Vec::new())
        };
        if !self.take(")") {
            return Err("a condition has more than two branches or is not closed".to_owned());
        }
        Ok(Node::Conditional {
            group,
            yes,
            no: Box::new(no),
        })
    }

    /// Parses everything up to the closing parenthesis.
    fn body(&mut self) -> Parsed<Node> {
        let body = self.alternatives()?;
        if self.take(")") {
            Ok(body)
        } else {
            Err("a group is not closed".to_owned())
        }
    }

    /// Parses flags. `(?ims)` sets them for the whole pattern and gives `None`; `(?i-s:` gives those in force in its
    /// group.
    fn flags(&mut self, start: bool) -> Parsed<Option<Flags>> {
        let end = self.rest.find([':', ')']).ok_or("a group is not closed")?;
        let (letters, rest) = self.rest.split_at(end);
        let whole = rest.starts_with(')');
        let (on, off) = match letters.split_once('-') {
            Some(_) if whole => return Err("flags for the whole pattern cannot be off".to_owned()),
            Some((on, off)) => (on, Some(off)),
            None => (letters, None),
        };
        if off == Some("") || letters.is_empty() {
            return Err("a flag is missing".to_owned());
        }
        if on.contains('a') && on.contains('u') {
            return Err("flags 'a' and 'u' exclude each other".to_owned());
        }
        let off = off.unwrap_or("");
        if let Some(letter) = off.chars().find(|letter| on.contains(*letter)) {
            return Err(format!("flag {letter:?} is both on and off"));
        }
        let mut flags = self.flags;
        for (letters, on) in [(on, true), (off, false)] {
            for letter in letters.chars() {
                match letter {
                    'i' => flags.ignore_case = on,
                    'm' => flags.multiline = on,
                    's' => flags.dot_all = on,
                    'x' => flags.verbose = on,
                    'a' if on => flags.ascii = true,
                    'u' if on => flags.ascii = false,
                    _ => return Err(format!("(?{letter} starts nothing that is known here")),
                }
            }
        }
        self.rest = &rest[1..];
        if !whole {
            return Ok(Some(flags));
        }
        if !start {
            return Err("flags for the whole pattern are not at its start".to_owned());
        }
        self.flags = flags;
        Ok(None)
    }

    fn group_of(&self, name: &str) -> Parsed<u32> {
        let group = self.names.get(name).copied();
        group.ok_or_else(|| format!("there is no group {name:?} to refer to"))
    }

    fn name(&mut self, end: char) -> Parsed<String> {
        let (name, rest) = self
            .rest
            .split_once(end)
            .ok_or("a group's name is not closed")?;
        let valid = |character: char| character == '_' || character.is_alphanumeric();
        let starts = |character: char| character == '_' || character.is_alphabetic();
        if !name.starts_with(starts) || !name.chars().all(valid) {
            return Err(format!("{name:?} is not a group's name"));
        }
        self.rest = rest;
        Ok(name.to_owned())
    }
}
