//! Integers of any size: small ones as such, others as their decimal digits.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use rkyv::{Archive, Serialize};

/// An integer of any size: small ones as such, others as their canonical decimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Integer<'a> {
    /// Fits 64 bits.
    Small(i64),
    /// Beyond 64 bits: digits without leading zeros.
    Big {
        /// Below zero.
        negative: bool,
        /// Decimal digits, the first one not zero.
        digits: Cow<'a, str>,
    },
}

impl<'a> Integer<'a> {
    /// Reads `-?[0-9]+`, which the caller has checked.
    pub(crate) fn from_decimal(text: &'a str) -> Integer<'a> {
        if let Ok(small) = text.parse() {
            return Integer::Small(small);
        }
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let digits = digits.trim_start_matches('0');
        // Leading zeros can hide a number that fits: `parse` accepts them, so only true giants remain.
        Integer::Big {
            negative,
            digits: Cow::Borrowed(digits),
        }
    }

    /// The same integer, borrowing nothing.
    pub(crate) fn into_owned(self) -> Integer<'static> {
        match self {
            Integer::Small(small) => Integer::Small(small),
            Integer::Big { negative, digits } => Integer::Big {
                negative,
                digits: Cow::Owned(digits.into_owned()),
            },
        }
    }

    /// The nearest double; infinite beyond its range.
    pub(crate) fn to_double(&self) -> f64 {
        match self {
            Integer::Small(small) => *small as f64,
            Integer::Big { negative, digits } => {
                let magnitude = digits.parse().unwrap_or(f64::INFINITY);
                if *negative { -magnitude } else { magnitude }
            }
        }
    }
}

impl Ord for Integer<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |integer: &Self| match integer {
            Integer::Small(_) => 0,
            Integer::Big { negative: true, .. } => -1,
            Integer::Big { .. } => 1,
        };
        match (self, other) {
            (Integer::Small(left), Integer::Small(right)) => left.cmp(right),
            (Integer::Big { digits: left, .. }, Integer::Big { digits: right, .. })
                if sign(self) == sign(other) =>
            {
                let magnitude = left.len().cmp(&right.len()).then_with(|| left.cmp(right));
                if sign(self) < 0 {
                    magnitude.reverse()
                } else {
                    magnitude
                }
            }
            _ => sign(self).cmp(&sign(other)),
        }
    }
}

impl PartialOrd for Integer<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Integer<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Integer::Small(small) => write!(formatter, "{small}"),
            Integer::Big { negative, digits } => {
                write!(formatter, "{}{digits}", if *negative { "-" } else { "" })
            }
        }
    }
}

/// An [`Integer`] as it lies in an archive.
#[derive(Archive, Serialize, Debug)]
pub(crate) enum StoredInteger {
    /// Fits 64 bits.
    Small(i64),
    /// Beyond 64 bits: its sign (`true`: below zero) and canonical digits.
    Big(bool, String),
}

impl From<Integer<'_>> for StoredInteger {
    fn from(integer: Integer<'_>) -> Self {
        match integer {
            Integer::Small(small) => StoredInteger::Small(small),
            Integer::Big { negative, digits } => StoredInteger::Big(negative, digits.into_owned()),
        }
    }
}

impl ArchivedStoredInteger {
    /// The integer, borrowed from the archive.
    pub(crate) fn get(&self) -> Integer<'_> {
        match self {
            ArchivedStoredInteger::Small(small) => Integer::Small(small.to_native()),
            ArchivedStoredInteger::Big(negative, digits) => Integer::Big {
                negative: *negative,
                digits: Cow::Borrowed(digits.as_str()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_integers_of_any_size() {
        let order = [
            "-100000000000000000001",
            "-100000000000000000000",
            "-1",
            "0",
            "7",
            "9223372036854775807",
            "9223372036854775808",
            "100000000000000000000",
        ];
        for pair in order.windows(2) {
            assert!(
                Integer::from_decimal(pair[0]) < Integer::from_decimal(pair[1]),
                "{pair:?}"
            );
        }
    }
}
