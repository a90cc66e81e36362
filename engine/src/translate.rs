//! Python's `re` syntax, said in that of the `regex` crate and its superset `fancy-regex`.
//!
//! Covers where the languages differ: `\Z`, `$` before a final newline, `{,n}`, literal braces, what counts
//! as `\w` and `\s`, set operators that Python does not have, octal escapes, conditionals, and everything
//! that Python refuses but Rust would read as something else.

/// The translated pattern, anchored at the start, and whether it needs backtracking. `Err` says why Python
/// would refuse the pattern, or why it cannot be translated.
pub(crate) fn translate(pattern: &str) -> Result<(String, bool), String> {
    let mut translator = Translator {
        rest: pattern,
        out: String::new(),
        backtracks: false,
        flags: vec![Flags::default()],
        item: Item::Nothing,
        groups: 0,
    };
    let flags = translator.global_flags()?;
    translator.pattern()?;
    Ok((
        format!("{flags}\\A(?:{})", translator.out),
        translator.backtracks,
    ))
}

/// The flags that change the translation; the others are passed through.
#[derive(Clone, Copy, Default)]
struct Flags {
    multiline: bool,
    verbose: bool,
    ascii: bool,
}

/// What stands before the cursor, which decides whether a quantifier may follow.
#[derive(Clone, Copy, PartialEq)]
enum Item {
    /// Start of the pattern, of a group or of an alternative; or an anchor.
    Nothing,
    Atom,
    Repeated,
}

struct Translator<'p> {
    rest: &'p str,
    out: String,
    backtracks: bool,
    /// One entry per open group, the innermost last.
    flags: Vec<Flags>,
    item: Item,
    groups: u32,
}

type Step = Result<(), String>;

impl Translator<'_> {
    fn flags(&self) -> Flags {
        self.flags.last().copied().unwrap_or_default()
    }

    fn next(&mut self) -> Option<char> {
        let character = self.rest.chars().next()?;
        self.rest = &self.rest[character.len_utf8()..];
        Some(character)
    }

    fn take(&mut self, prefix: &str) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// `(?ims)` and the like at the very start: the only place where Python allows them.
    fn global_flags(&mut self) -> Result<String, String> {
        let mut passed = String::new();
        while let Some(letters) = self
            .rest
            .strip_prefix("(?")
            .and_then(|rest| rest.split_once(')'))
            .map(|(letters, _)| letters)
            .filter(|letters| {
                !letters.is_empty() && letters.bytes().all(|byte| b"aiLmsux".contains(&byte))
            })
        {
            self.rest = &self.rest[letters.len() + 3..];
            let flags = self.read_flags(letters, self.flags(), true)?;
            passed.extend(letters.chars().filter(|letter| "ims".contains(*letter)));
            self.flags[0] = flags;
        }
        let mut letters: Vec<char> = passed.chars().collect();
        letters.sort_unstable();
        letters.dedup();
        Ok(if letters.is_empty() {
            String::new()
        } else {
            format!("(?{})", letters.iter().collect::<String>())
        })
    }

    fn read_flags(&self, letters: &str, mut flags: Flags, on: bool) -> Result<Flags, String> {
        for letter in letters.chars() {
            match letter {
                'm' => flags.multiline = on,
                'x' => flags.verbose = on,
                'a' if on => flags.ascii = true,
                'u' if on => flags.ascii = false,
                'i' | 's' => {}
                _ => return Err(format!("flag {letter:?} cannot be used here")),
            }
        }
        Ok(flags)
    }

    fn pattern(&mut self) -> Step {
        while let Some(character) = self.next() {
            match character {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.open()?,
                ')' => self.close()?,
                '|' => {
                    self.out.push('|');
                    self.item = Item::Nothing;
                }
                '^' => self.anchor("^"),
                '$' => self.dollar(),
                '.' => self.atom("."),
                '*' | '+' | '?' => self.quantifier(&character.to_string())?,
                '{' => self.brace()?,
                '#' if self.flags().verbose => {
                    let line = self.rest.find('\n').map_or(self.rest.len(), |end| end + 1);
                    self.rest = &self.rest[line..];
                }
                ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' if self.flags().verbose => {}
                literal => self.literal(literal),
            }
        }
        if self.flags.len() > 1 {
            return Err("a group is not closed".to_owned());
        }
        Ok(())
    }

    fn atom(&mut self, translated: &str) {
        self.out.push_str(translated);
        self.item = Item::Atom;
    }

    fn anchor(&mut self, translated: &str) {
        self.out.push_str(translated);
        self.item = Item::Nothing;
    }

    fn literal(&mut self, character: char) {
        push_literal(character, &mut self.out);
        self.item = Item::Atom;
    }

    /// `$` also matches before one final newline. Where nothing can follow it, taking that newline says the
    /// same as looking ahead for it, and needs no backtracking.
    fn dollar(&mut self) {
        let last = self.rest.trim_start_matches(')');
        if self.flags().multiline {
            self.anchor("$");
        } else if last.is_empty() || (self.flags.len() == 1 && self.rest.starts_with('|')) {
            self.anchor("\\n?\\z");
        } else {
            self.anchor("(?=\\n?\\z)");
        }
    }

    fn quantifier(&mut self, quantifier: &str) -> Step {
        match self.item {
            Item::Nothing => return Err("nothing to repeat".to_owned()),
            Item::Repeated => return Err("multiple repeat".to_owned()),
            Item::Atom => {}
        }
        self.out.push_str(quantifier);
        if self.take("?") {
            self.out.push('?');
        } else if self.take("+") {
            // `regex` would read a possessive quantifier as two.
            self.out.push('+');
            self.backtracks = true;
        }
        self.item = Item::Repeated;
        Ok(())
    }

    /// `{m}`, `{m,}`, `{,n}`, `{m,n}`; any other brace is literal.
    fn brace(&mut self) -> Step {
        let parsed = self.rest.split_once('}').and_then(|(inside, _)| {
            let (least, most) = inside
                .split_once(',')
                .map_or((inside, None), |(l, m)| (l, Some(m)));
            let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            let quantifier = digits(least) && most.is_none_or(digits) && !inside.is_empty();
            quantifier.then_some((inside, least, most))
        });
        let Some((inside, least, most)) = parsed else {
            self.literal('{');
            return Ok(());
        };
        let least = if least.is_empty() { "0" } else { least };
        let translated = match most {
            None => format!("{{{least}}}"),
            Some(most) => format!("{{{least},{most}}}"),
        };
        self.rest = &self.rest[inside.len() + 1..];
        self.quantifier(&translated)
    }

    fn open(&mut self) -> Step {
        let mut flags = self.flags();
        self.item = Item::Nothing;
        if !self.take("?") {
            self.groups += 1;
            self.out.push('(');
        } else if self.take("#") {
            let end = self.rest.find(')').ok_or("a comment is not closed")?;
            self.rest = &self.rest[end + 1..];
            // A comment is nothing: what stood before it may still be repeated.
            self.item = Item::Atom;
            return Ok(());
        } else if let Some(kind) = [":", "=", "!", "<=", "<!", ">"]
            .into_iter()
            .find(|kind| self.take(kind))
        {
            self.backtracks |= kind != ":";
            self.out.push_str(&format!("(?{kind}"));
        } else if self.take("P<") {
            let name = self.name('>')?;
            self.groups += 1;
            self.out.push_str(&format!("(?P<{name}>"));
        } else if self.take("P=") {
            let name = self.name(')')?;
            self.backtracks = true;
            self.atom(&format!("(?P={name})"));
            return Ok(());
        } else if self.take("(") {
            let reference = self.rest.split_once(')').map(|(inside, _)| inside);
            let reference = reference.ok_or("a condition is not closed")?.to_owned();
            self.rest = &self.rest[reference.len() + 1..];
            self.backtracks = true;
            if reference.bytes().all(|byte| byte.is_ascii_digit()) {
                self.out.push_str(&format!("(?({reference})"));
            } else {
                self.out.push_str(&format!("(?(<{reference}>)"));
            }
        } else {
            flags = self.scoped_flags(flags)?;
        }
        self.flags.push(flags);
        Ok(())
    }

    /// `(?i-s:` and the like.
    fn scoped_flags(&mut self, flags: Flags) -> Result<Flags, String> {
        let (letters, _) = self
            .rest
            .split_once(':')
            .filter(|(letters, _)| {
                letters
                    .bytes()
                    .all(|byte| byte == b'-' || byte.is_ascii_alphabetic())
            })
            .ok_or("a group has an unknown extension, or flags that are not at the start")?;
        self.rest = &self.rest[letters.len() + 1..];
        let (on, off) = letters.split_once('-').unwrap_or((letters, ""));
        if letters.ends_with('-') {
            return Err("a flag is missing".to_owned());
        }
        let flags = self.read_flags(on, flags, true)?;
        let flags = self.read_flags(off, flags, false)?;
        let passed = |letters: &str| {
            letters
                .chars()
                .filter(|l| "ims".contains(*l))
                .collect::<String>()
        };
        let (on, off) = (passed(on), passed(off));
        let off = if off.is_empty() {
            off
        } else {
            format!("-{off}")
        };
        self.out.push_str(&format!("(?{on}{off}:"));
        Ok(flags)
    }

    fn name(&mut self, end: char) -> Result<String, String> {
        let (name, _) = self
            .rest
            .split_once(end)
            .ok_or("a group's name is not closed")?;
        let valid = |character: char| character == '_' || character.is_alphanumeric();
        if name.is_empty() || name.starts_with(|c: char| c.is_numeric()) || !name.chars().all(valid)
        {
            return Err(format!("{name:?} is not a group's name"));
        }
        self.rest = &self.rest[name.len() + end.len_utf8()..];
        Ok(name.to_owned())
    }

    fn close(&mut self) -> Step {
        if self.flags.len() == 1 {
            return Err("a closing parenthesis has no opening one".to_owned());
        }
        self.flags.pop();
        self.atom(")");
        Ok(())
    }

    /// An escape outside a set.
    fn escape(&mut self) -> Step {
        let character = self.next().ok_or("it ends in a backslash")?;
        match character {
            'A' => self.anchor("\\A"),
            'Z' => self.anchor("\\z"),
            'b' | 'B' if self.flags().ascii => self.anchor(&format!("(?-u:\\{character})")),
            'b' | 'B' => self.anchor(&format!("\\{character}")),
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => {
                let set = shorthand(character, self.flags().ascii);
                self.atom(&format!("[{set}]"));
            }
            '1'..='9' => {
                let second = self.rest.starts_with(|c: char| c.is_ascii_digit());
                let octal = |text: &str| text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
                let three = format!("{character}{}", self.rest.get(..2).unwrap_or("x"));
                if octal(&three) {
                    self.rest = &self.rest[2..];
                    return self.octal(&three);
                }
                let mut group = String::from(character);
                if second {
                    group.extend(self.next());
                }
                if group.parse::<u32>().is_ok_and(|group| group > self.groups) {
                    return Err(format!("there is no group {group} to refer to"));
                }
                self.backtracks = true;
                self.atom(&format!("(?:\\{group})"));
            }
            _ => {
                let literal = self.literal_escape(character)?;
                self.literal(literal);
            }
        }
        Ok(())
    }

    fn octal(&mut self, digits: &str) -> Step {
        let code = u32::from_str_radix(digits, 8)
            .ok()
            .filter(|code| *code <= 0o377);
        let character = code
            .and_then(char::from_u32)
            .ok_or("an octal escape is out of range")?;
        self.literal(character);
        Ok(())
    }

    /// An escape that stands for one character, inside or outside a set.
    fn literal_escape(&mut self, character: char) -> Result<char, String> {
        Ok(match character {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'f' => '\u{c}',
            'v' => '\u{b}',
            'a' => '\u{7}',
            'x' => self.hexadecimal(2)?,
            'u' => self.hexadecimal(4)?,
            'U' => self.hexadecimal(8)?,
            '0' => {
                let octal = |byte: &u8| (b'0'..=b'7').contains(byte);
                let length = self
                    .rest
                    .bytes()
                    .take(2)
                    .take_while(|byte| octal(byte))
                    .count();
                let digits = &self.rest[..length];
                let code = u32::from_str_radix(digits, 8).unwrap_or(0);
                self.rest = &self.rest[length..];
                char::from_u32(code).unwrap_or('\0')
            }
            letter if letter.is_ascii_alphanumeric() => {
                return Err(format!("\\{letter} is not an escape that can be used here"));
            }
            other => other,
        })
    }

    fn hexadecimal(&mut self, digits: usize) -> Result<char, String> {
        let code = self
            .rest
            .get(..digits)
            .filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
        let character = code.and_then(|text| char::from_u32(u32::from_str_radix(text, 16).ok()?));
        self.rest = self.rest.get(digits..).unwrap_or("");
        character.ok_or_else(|| "a hexadecimal escape is incomplete or out of range".to_owned())
    }

    /// A set, after its opening bracket.
    fn class(&mut self) -> Step {
        let mut set = String::from(if self.take("^") { "[^" } else { "[" });
        let mut first = true;
        loop {
            let character = self.next().ok_or("a set is not closed")?;
            if character == ']' && !first {
                break;
            }
            first = false;
            let low = self.class_member(character)?;
            let range = self.rest.starts_with('-') && !self.rest.starts_with("-]");
            if !range {
                low.push(&mut set);
                continue;
            }
            self.next();
            let character = self.next().ok_or("a set is not closed")?;
            match (low, self.class_member(character)?) {
                (ClassMember::Character(low), ClassMember::Character(high)) if low <= high => {
                    push_literal(low, &mut set);
                    set.push('-');
                    push_literal(high, &mut set);
                }
                _ => return Err("a set has a bad range".to_owned()),
            }
        }
        set.push(']');
        self.atom(&set);
        Ok(())
    }

    fn class_member(&mut self, character: char) -> Result<ClassMember, String> {
        if character != '\\' {
            return Ok(ClassMember::Character(character));
        }
        let character = self.next().ok_or("a set is not closed")?;
        Ok(match character {
            'b' => ClassMember::Character('\u{8}'),
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => {
                ClassMember::Set(shorthand(character, self.flags().ascii))
            }
            '1'..='7' => {
                let octal = |byte: &u8| (b'0'..=b'7').contains(byte);
                let length = self
                    .rest
                    .bytes()
                    .take(2)
                    .take_while(|byte| octal(byte))
                    .count();
                let digits = format!("{character}{}", &self.rest[..length]);
                self.rest = &self.rest[length..];
                let code = u32::from_str_radix(&digits, 8)
                    .ok()
                    .filter(|code| *code <= 0o377);
                let code = code.and_then(char::from_u32);
                ClassMember::Character(code.ok_or("an octal escape is out of range")?)
            }
            other => ClassMember::Character(self.literal_escape(other)?),
        })
    }
}

enum ClassMember {
    Character(char),
    Set(&'static str),
}

impl ClassMember {
    fn push(&self, set: &mut String) {
        match self {
            ClassMember::Character(character) => push_literal(*character, set),
            ClassMember::Set(shorthand) => set.push_str(&format!("[{shorthand}]")),
        }
    }
}

/// What Python counts as a digit, white space and a word character, as the inside of a set.
fn shorthand(letter: char, ascii: bool) -> &'static str {
    match (letter, ascii) {
        ('d', false) => r"\p{Nd}",
        ('D', false) => r"^\p{Nd}",
        ('s', false) => r"\s\x1c-\x1f",
        ('S', false) => r"^\s\x1c-\x1f",
        ('w', false) => r"\p{L}\p{N}_",
        (_, false) => r"^\p{L}\p{N}_",
        ('d', true) => "0-9",
        ('D', true) => "^0-9",
        ('s', true) => r"\x09-\x0d\x20",
        ('S', true) => r"^\x09-\x0d\x20",
        ('w', true) => "A-Za-z0-9_",
        (_, true) => "^A-Za-z0-9_",
    }
}

/// A character that stands for itself, inside or outside a set.
fn push_literal(character: char, out: &mut String) {
    if character.is_ascii_punctuation() && character != '_' {
        out.push('\\');
        out.push(character);
    } else if character.is_ascii_control() {
        out.push_str(&format!("\\x{:02x}", u32::from(character)));
    } else {
        out.push(character);
    }
}
