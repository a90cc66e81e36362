//! SemVer 2.0.0 for conditions: numbers of any size; build metadata is kept but not compared.
//!
//! The `semver` crate would refuse numbers beyond 64 bits, which Flagsmith accepts.

use std::cmp::Ordering;

use rkyv::{Archive, Serialize};

/// A version, borrowed from its text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Version<'a> {
    numbers: [&'a str; 3],
    prerelease: Option<&'a str>,
    build: Option<&'a str>,
}

impl<'a> Version<'a> {
    /// Parses strictly: three numbers, no leading zeros, no leading `v`.
    pub(crate) fn parse(text: &'a str) -> Option<Version<'a>> {
        let (rest, build) = match text.split_once('+') {
            Some((rest, build)) => (rest, Some(build)),
            None => (text, None),
        };
        let (core, prerelease) = match rest.split_once('-') {
            Some((core, prerelease)) => (core, Some(prerelease)),
            None => (rest, None),
        };
        let mut parts = core.split('.');
        let numbers = [parts.next()?, parts.next()?, parts.next()?];
        let valid = parts.next().is_none()
            && numbers.iter().all(|number| is_number(number))
            && prerelease.is_none_or(|part| {
                part.split('.')
                    .all(|word| is_number(word) || (is_word(word) && !is_digits(word)))
            })
            && build.is_none_or(|part| part.split('.').all(is_word));
        valid.then_some(Version {
            numbers,
            prerelease,
            build,
        })
    }

    /// Whether `part` is exactly its prerelease or its build metadata.
    pub(crate) fn has_part(&self, part: &str) -> bool {
        self.prerelease == Some(part) || self.build == Some(part)
    }

    /// Whether `part` can be the prerelease or the build metadata of a version.
    pub(crate) fn is_part(part: &str) -> bool {
        part.split('.').all(is_word)
    }

    /// Precedence by SemVer 2.0.0, section 11.
    pub(crate) fn precedence(&self, other: &Version<'_>) -> Ordering {
        let numbers = self.numbers.iter().zip(other.numbers);
        numbers
            .map(|(left, right)| compare_numbers(left, right))
            .find(|ordering| ordering.is_ne())
            .unwrap_or_else(|| match (self.prerelease, other.prerelease) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
                (Some(left), Some(right)) => compare_prereleases(left, right),
            })
    }
}

/// A version in an archive: the parts that its precedence depends on.
#[derive(Archive, Serialize, Debug)]
pub(crate) struct StoredVersion {
    numbers: [String; 3],
    prerelease: Option<String>,
}

impl From<Version<'_>> for StoredVersion {
    fn from(version: Version<'_>) -> Self {
        StoredVersion {
            numbers: version.numbers.map(str::to_owned),
            prerelease: version.prerelease.map(str::to_owned),
        }
    }
}

impl ArchivedStoredVersion {
    /// The version, borrowed from the archive, without its build metadata.
    pub(crate) fn get(&self) -> Version<'_> {
        Version {
            numbers: [&self.numbers[0], &self.numbers[1], &self.numbers[2]],
            prerelease: self.prerelease.as_deref(),
            build: None,
        }
    }
}

fn compare_numbers(left: &str, right: &str) -> Ordering {
    // Neither has leading zeros, so the longer one is the larger one.
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

fn compare_prereleases(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let ordering = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(left), Some(right)) => match (is_digits(left), is_digits(right)) {
                (true, true) => compare_numbers(left, right),
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                (false, false) => left.cmp(right),
            },
        };
        if ordering.is_ne() {
            return ordering;
        }
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_number(text: &str) -> bool {
    is_digits(text) && (text == "0" || !text.starts_with('0'))
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_not_a_version() {
        for text in [
            "",
            "1",
            "1.2",
            "1.2.3.4",
            "v1.2.3",
            "01.2.3",
            "1.2.3-01",
            "1.2.3-",
            "1.2.3+",
            "1.2.3-a..b",
            "1.2.3\n",
            "1.2.3-é",
        ] {
            assert!(Version::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn orders_by_precedence() {
        let order = [
            "1.0.0-1",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.99999999999999999999",
            "1.2.0",
            "2.0.0",
        ];
        for (left, right) in order.iter().zip(&order[1..]) {
            let (left, right) = (
                Version::parse(left).unwrap(),
                Version::parse(right).unwrap(),
            );
            assert_eq!(
                left.precedence(&right),
                Ordering::Less,
                "{left:?} {right:?}"
            );
        }
        let (left, right) = (
            Version::parse("1.0.0+a").unwrap(),
            Version::parse("1.0.0+b").unwrap(),
        );
        assert_eq!(left.precedence(&right), Ordering::Equal);
    }
}
