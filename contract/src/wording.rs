//! Wording that messages of both processes share.

use std::error::Error;
use std::iter::successors;

/// An error and its causes in one line, joined by colons. A cause that the text so far ends with is not repeated:
/// some libraries include the cause in their own text.
pub fn with_causes(error: &dyn Error) -> String {
    let mut line = error.to_string();
    for cause in successors(error.source(), |error| (*error).source()) {
        let cause = cause.to_string();
        if !line.ends_with(&cause) {
            line.push_str(": ");
            line.push_str(&cause);
        }
    }
    line
}

/// A number of things in words: `1 worker`, `2 workers`.
pub fn counted(count: usize, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Caused(&'static str, Option<Box<Caused>>);

    impl fmt::Display for Caused {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str(self.0)
        }
    }

    impl Error for Caused {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as _)
        }
    }

    #[test]
    fn causes_follow_their_error_and_are_not_repeated() {
        let caused = |text, cause| Caused(text, Some(Box::new(cause)));
        let gone = || Caused("no such file", None);
        let plain = caused("start worker 3", caused("open socket", gone()));
        assert_eq!(
            with_causes(&plain),
            "start worker 3: open socket: no such file"
        );
        let repeated = caused("open socket: no such file", caused("no such file", gone()));
        assert_eq!(with_causes(&repeated), "open socket: no such file");
    }

    #[test]
    fn only_one_thing_has_no_plural() {
        let texts = [0, 1, 2].map(|count| counted(count, "worker"));
        assert_eq!(texts, ["0 workers", "1 worker", "2 workers"]);
    }
}
