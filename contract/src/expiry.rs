//! When a key stops being one.

use std::time::SystemTime;

use rkyv::{Archive, Serialize};

/// When a key stops being one, in whole milliseconds by the clock of the machine that asks.
#[derive(Archive, Serialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expiry(u64);

impl Expiry {
    /// The key stays one.
    pub const NEVER: Self = Self(u64::MAX);

    /// At this time.
    #[must_use]
    pub fn at(time: SystemTime) -> Self {
        Self(milliseconds(time))
    }

    /// Whether that time has come. Looks at the clock only if it ever comes.
    #[inline]
    #[must_use]
    pub fn is_over(self) -> bool {
        self != Self::NEVER && self.0 <= milliseconds(SystemTime::now())
    }
}

impl ArchivedExpiry {
    /// The same, out of the archive.
    pub fn to_native(&self) -> Expiry {
        Expiry(self.0.to_native())
    }
}

/// Since 1970; a time before is 0.
fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_key_is_one_until_the_moment_of_its_expiry() {
        let now = SystemTime::now();
        assert!(Expiry::at(now).is_over());
        assert!(Expiry::at(SystemTime::UNIX_EPOCH).is_over());
        assert!(!Expiry::at(now + Duration::from_secs(3600)).is_over());
        assert!(!Expiry::NEVER.is_over());
        assert!(Expiry::at(now) < Expiry::NEVER);
    }
}
