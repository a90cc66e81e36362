//! What conditions see of flags: the scalar values of their members.

use std::collections::HashMap;

use crate::archive::{Scalar, ScalarId, SeenFlag};
use crate::json::{StoredInteger, Value, write_value};

/// What conditions see of each rendered flag.
#[derive(Default)]
pub(super) struct SeenFlags {
    /// By `PieceId`.
    flags: Vec<SeenFlag>,
    scalars: Vec<Scalar>,
    /// By JSON.
    known_scalars: HashMap<Vec<u8>, ScalarId>,
    /// By the number of the text and the variant: answers need not show the variant.
    known_flags: HashMap<(usize, ScalarId), usize>,
    /// By the number of the text: the first flag that has it.
    first_with_text: Vec<usize>,
}

/// The numbers of a rendered flag.
pub(super) struct FlagNumber {
    /// Flags that conditions can tell apart have different ones.
    pub(super) seen: usize,
    /// Flags that answers write in the same way have the same one.
    pub(super) listed: usize,
}

impl SeenFlags {
    /// The numbers of a flag whose text has that number. Texts are numbered in the order in which they come.
    pub(super) fn add(&mut self, text: usize, members: [&Value<'_>; 3]) -> FlagNumber {
        let [enabled, value, variant] = members.map(|member| self.scalar(member));
        let new = self.flags.len();
        let seen = *self.known_flags.entry((text, variant)).or_insert(new);
        if seen == new {
            self.flags.push(SeenFlag {
                enabled,
                value,
                variant,
            });
        }
        if text == self.first_with_text.len() {
            self.first_with_text.push(seen);
        }
        FlagNumber {
            seen,
            listed: self.first_with_text[text],
        }
    }

    pub(super) fn finish(self) -> (Vec<SeenFlag>, Vec<Scalar>) {
        (self.flags, self.scalars)
    }

    fn scalar(&mut self, value: &Value<'_>) -> ScalarId {
        let mut json = Vec::new();
        write_value(value, &mut json);
        *self.known_scalars.entry(json).or_insert_with(|| {
            self.scalars.push(match value {
                Value::Null | Value::List(_) | Value::Object(_) => Scalar::Null,
                Value::Boolean(boolean) => Scalar::Boolean(*boolean),
                Value::Integer(integer) => Scalar::Integer(StoredInteger::from(integer.borrowed())),
                Value::Float(float) => Scalar::Float(*float),
                Value::Text(text) => Scalar::Text(text.as_str().to_owned()),
            });
            ScalarId::new(self.scalars.len() - 1)
        })
    }
}
