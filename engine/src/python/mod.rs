//! Python's rules for numbers and texts, which Flagsmith's answers follow.

mod number;
mod text;

pub(crate) use number::{python_float, python_float_text, python_int};
pub use text::python_repr;
pub(crate) use text::python_str;
