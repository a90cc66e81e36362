//! How many descriptors this process may have open, and so how many connections. Knows nothing of what else is open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Descriptors for all that is no connection: the listener, the runtime's, a snapshot while it is being mapped.
const OTHERS: u64 = 64;

/// Raises the soft limit to the hard one, which needs no privilege. Returns what it is.
pub(crate) fn raise_limit() -> u64 {
    let (soft, hard) = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok(limits) => limits,
        Err(error) => {
            log::warn!("ask how many files may be open: {error}");
            return u64::MAX;
        }
    };
    if soft >= hard {
        return soft;
    }
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(error) => {
            log::warn!("raise the limit of open files from {soft} to {hard}: {error}");
            soft
        }
    }
}

/// As many connections as are `wanted` and `possible`. That they are fewer is told by one worker for all.
pub(crate) fn fit(wanted: usize, possible: u64, slot: usize) -> usize {
    let most = possible.saturating_sub(OTHERS).max(1);
    let fitting = wanted.min(usize::try_from(most).unwrap_or(usize::MAX));
    if fitting < wanted && slot == 0 {
        log::warn!(
            "each worker holds {fitting} connections, not server.max_connections, which is {wanted}: \
             its limit of open files is {possible}"
        );
    }
    fitting
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raises_the_soft_limit_to_the_hard_one() {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("limit");
        setrlimit(Resource::RLIMIT_NOFILE, hard - 1, hard).expect("lower limit");
        assert_eq!(raise_limit(), hard);
        let limits = getrlimit(Resource::RLIMIT_NOFILE).expect("limit");
        assert_eq!(limits, (hard, hard));
    }

    #[test]
    fn connections_are_as_many_as_descriptors_allow() {
        assert_eq!(fit(16_384, 1_048_576, 0), 16_384);
        assert_eq!(fit(16_384, 1024, 0), 960);
        assert_eq!(fit(16_384, 3, 0), 1);
    }
}
