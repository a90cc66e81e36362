//! How a setting is defined: in one place, beside its use.
//!
//! A struct of [`settings!`](crate::settings!) is one object of `config.json`; the struct of the whole file is the
//! object without a name, and a field without a default is a section. Each other field is one setting:
//!
//! ```text
//! /// The documentation for people who run the proxy, in one sentence.
//! #[names("name_in_the_file", "an_older_name")]    // only if the name is not that of the field
//! pub field: TypeInTheProgram as KindOfValue = default,
//! ```
//!
//! All else that is known of a setting comes from there ([`Definition`]): the reference in `docs/configuration.md`,
//! `config.json.example`, the variable of the process environment that overrides the file, and what an error says that
//! was expected. Nothing else lists settings.
//!
//! Several structs may read the same object, and each names only the settings that it uses: `WorkerSettings` and
//! `supervisor::Options` both read the whole file.

mod definition;
mod kind;
mod macros;
mod member;

pub use definition::{Definition, Names};
pub use kind::{
    BasePath, Boolean, Choice, Count, HeaderValue, Host, Kind, OneOf, OrDefault, OrNever, OrNone,
    Origins, Path, Port, PositiveSeconds, Required, Seconds, Text, number, text, whole_number,
};
pub use member::{Member, Section, Settings, Values, Wrong, as_values};
