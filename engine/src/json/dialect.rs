//! Whose rules a JSON text is read by, and how it is refused.

/// Whose rules to read by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// orjson: no `NaN`; integers beyond 64 bits become doubles; a double that overflows is an error.
    Document,
    /// Python's `json`: `NaN` and `Infinity` are numbers, integers have any size, doubles overflow to infinity.
    Body,
}

/// Why a text is not JSON. Clients see the message and the position, so they are those of Python's `json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonError {
    pub(crate) message: &'static str,
    /// In bytes from the start.
    pub(crate) position: usize,
    /// Python's `json` raises something else than its syntax error.
    pub(crate) fatal: bool,
}

impl JsonError {
    pub(super) fn syntax(message: &'static str, position: usize) -> JsonError {
        JsonError {
            message,
            position,
            fatal: false,
        }
    }

    pub(super) fn fatal(message: &'static str, position: usize) -> JsonError {
        JsonError {
            message,
            position,
            fatal: true,
        }
    }
}

/// What reading gives.
pub(crate) type Read<T> = Result<T, JsonError>;
