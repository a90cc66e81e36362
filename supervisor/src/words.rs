//! Durations and exit statuses in log lines and messages.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
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

/// An exit status for a log line.
pub(crate) fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
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
