//! Numbers as a person reads them, for log lines and messages.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// A duration in seconds, to the tenth below 10 s.
pub(crate) struct Seconds(pub(crate) Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        if seconds < 9.95 {
            let text = format!("{seconds:.1}");
            write!(formatter, "{} s", text.trim_end_matches(".0"))
        } else {
            write!(formatter, "{seconds:.0} s")
        }
    }
}

/// `1 worker`, `2 workers`.
pub(crate) fn counted(count: usize, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

/// An error and its causes, on one line.
pub(crate) fn with_causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |error| (*error).source()) {
        text.push_str(": ");
        text.push_str(&cause.to_string());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        let shown = |milliseconds| Seconds(Duration::from_millis(milliseconds)).to_string();
        assert_eq!(shown(100), "0.1 s");
        assert_eq!(shown(0), "0 s");
        assert_eq!(shown(1001), "1 s");
        assert_eq!(shown(9_460), "9.5 s");
        assert_eq!(shown(19_560), "20 s");
    }
}
