//! How many descriptors this process may have open, and so how many connections and streams.

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

/// How many connections and streams a worker may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capacity {
    pub(crate) connections: usize,
    pub(crate) streams: usize,
    /// Together.
    pub(crate) both: usize,
}

impl Capacity {
    /// What the limit of open files leaves of what the operator allows. Streams leave half of it to connections. Only
    /// worker 0 logs that it is less.
    pub(crate) fn within(
        open_files: u64,
        max_connections: usize,
        max_streams: usize,
        slot: usize,
    ) -> Self {
        let left = open_files.saturating_sub(RESERVED).max(1);
        let both = usize::try_from(left).unwrap_or(usize::MAX);
        let connections = max_connections.min(both);
        let streams = max_streams.min((both / 2).max(both - connections));
        if (connections < max_connections || streams < max_streams) && slot == 0 {
            log::warn!(
                "each worker holds at most {connections} connections and {streams} streams, \
                 {both} together, and not the {max_connections} of server.max_connections and the \
                 {max_streams} of realtime.max_streams: its limit of open files is {open_files}"
            );
        }
        Self {
            connections,
            streams,
            both,
        }
    }
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
    fn connections_and_streams_are_as_many_as_descriptors_allow() {
        for (open_files, max_connections, max_streams, expected) in [
            (1_048_576, 16_384, 16_384, (16_384, 16_384, 1_048_480)),
            (1024, 16_384, 16_384, (928, 464, 928)),
            (1024, 100, 16_384, (100, 828, 928)),
            (1024, 16_384, 100, (928, 100, 928)),
            (3, 16_384, 16_384, (1, 0, 1)),
        ] {
            let within = Capacity::within(open_files, max_connections, max_streams, 0);
            let Capacity {
                connections,
                streams,
                both,
            } = within;
            assert_eq!((connections, streams, both), expected);
        }
    }
}
