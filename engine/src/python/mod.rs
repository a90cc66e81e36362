//! Python's rules for values, numbers and texts, which answers follow.

mod number;
mod text;

pub(crate) use number::{python_float, python_float_text, python_int};
pub use text::python_repr;
pub(crate) use text::{equality_key, python_str, python_strip};
