//! How many descriptors this process may have open, and so how many connections.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Descriptors that are no connections of SDKs: the sockets, the runtime's, a snapshot while it is mapped, and the
/// connections of the admin listener.
const RESERVED: u64 = 96;

/// Raises the soft limit to the hard limit, which needs no privilege. Returns the limit that holds then.
pub(crate) fn raise_limit() -> u64 {
    let (soft, hard) = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok(limits) => limits,
        Err(error) => {
            log::warn!("cannot read the limit of open files: {error}");
            return u64::MAX;
        }
    };
    if soft >= hard {
        return soft;
    }
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(error) => {
            log::warn!("cannot raise the limit of open files from {soft} to {hard}: {error}");
            soft
        }
    }
}

/// The smaller of `max_connections` and what the limit of open files leaves. Only worker 0 logs that it is smaller.
pub(crate) fn connections_within(open_files: u64, max_connections: usize, slot: usize) -> usize {
    let left = open_files.saturating_sub(RESERVED).max(1);
    let within = max_connections.min(usize::try_from(left).unwrap_or(usize::MAX));
    if within < max_connections && slot == 0 {
        log::warn!(
            "each worker holds at most {within} connections, and not the {max_connections} of \
             server.max_connections: its limit of open files is {open_files}"
        );
    }
    within
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
        assert_eq!(connections_within(1_048_576, 16_384, 0), 16_384);
        assert_eq!(connections_within(1024, 16_384, 0), 928);
        assert_eq!(connections_within(3, 16_384, 0), 1);
    }
}
