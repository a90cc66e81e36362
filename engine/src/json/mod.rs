//! JSON as Flagsmith reads it: documents by the rules of orjson, request bodies by those of Python's `json`.
//!
//! It is a parser of our own because answers depend on what general ones do not tell: whether a number was written as
//! `1`, as `1.0` or with more than 64 bits, lone surrogates, `NaN`, and where and why Python refuses a text.

mod dialect;
mod escape;
mod integer;
mod members;
mod number;
mod read;
mod skip;
mod text;
mod value;
mod write;

pub(crate) use dialect::{Dialect, JsonError, Read};
pub(crate) use integer::{Integer, StoredInteger};
pub(crate) use read::{Reader, read_body};
pub(crate) use text::Text;
pub(crate) use value::Value;
pub(crate) use write::{write_float, write_integer, write_string, write_text, write_value};

#[cfg(test)]
mod tests;
