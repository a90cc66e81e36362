//! Why an environment could not be fetched, in one word of the board.

use std::fmt;

/// Why the last try to update an environment failed. The log has the whole reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Upstream answered with this status.
    Status(u16),
    /// Upstream did not answer in time, or not to the end.
    Timeout,
    /// There is no connection to upstream.
    Unreachable,
    /// There is no TLS with upstream.
    Tls,
    /// The answer broke off.
    BrokenOff,
    /// Upstream redirects where keys are not sent, or without end.
    Redirect,
    /// Upstream's pages make no document.
    Pages,
    /// The answer is no document, or no answer to what was asked.
    NotADocument,
    /// The document is larger than is allowed.
    TooLarge,
    /// The document does not compile.
    Compile,
    /// The snapshot could not be published: a full disk, for example.
    Publish,
    /// A defect of the proxy.
    Defect,
    /// Upstream lists no server-side key to fetch with.
    NoKey,
    /// The file cannot be read, or holds no document of this environment.
    File,
}

impl Failure {
    const WITHOUT_STATUS: [Self; 13] = [
        Self::Timeout,
        Self::Unreachable,
        Self::Tls,
        Self::BrokenOff,
        Self::Redirect,
        Self::Pages,
        Self::NotADocument,
        Self::TooLarge,
        Self::Compile,
        Self::Publish,
        Self::Defect,
        Self::NoKey,
        Self::File,
    ];

    /// As a word that is not 0: the status, or a number above all statuses.
    pub(crate) fn word(self) -> u64 {
        match self {
            Self::Status(status) => u64::from(status.max(1)),
            other => {
                let position = Self::WITHOUT_STATUS.iter().position(|it| *it == other);
                // All of them are listed.
                OTHERS + position.unwrap_or_default() as u64
            }
        }
    }

    /// From a word; `None` for 0.
    pub(crate) fn of(word: u64) -> Option<Self> {
        if word == 0 {
            return None;
        }
        if let Ok(status) = u16::try_from(word) {
            return Some(Self::Status(status));
        }
        let position = usize::try_from(word - OTHERS).unwrap_or(usize::MAX);
        let found = Self::WITHOUT_STATUS.get(position).copied();
        Some(found.unwrap_or(Self::Defect))
    }
}

/// The word of the first failure that is no status.
const OTHERS: u64 = u16::MAX as u64 + 1;

impl fmt::Display for Failure {
    /// A few words without a secret: the same in readiness and in metrics.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::Status(status) => return write!(formatter, "status {status}"),
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Tls => "no TLS",
            Self::BrokenOff => "broken off",
            Self::Redirect => "redirect",
            Self::Pages => "pages",
            Self::NotADocument => "no document",
            Self::TooLarge => "too large",
            Self::Compile => "does not compile",
            Self::Publish => "not published",
            Self::Defect => "defect",
            Self::NoKey => "no key",
            Self::File => "no file",
        };
        formatter.write_str(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_a_word_and_words_of_its_own() {
        let statuses = [1, 204, 304, 401, 599, u16::MAX].map(Failure::Status);
        let all: Vec<Failure> = [statuses.as_slice(), &Failure::WITHOUT_STATUS].concat();
        for failure in &all {
            assert_eq!(Failure::of(failure.word()), Some(*failure));
        }
        let mut words: Vec<String> = all.iter().map(Failure::to_string).collect();
        words.sort();
        words.dedup();
        assert_eq!(words.len(), all.len());
        assert_eq!(Failure::of(0), None);
        assert_eq!(Failure::of(u64::MAX), Some(Failure::Defect));
    }
}
