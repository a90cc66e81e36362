//! How a setting of `config.json` is defined: in one place, beside its use.
//!
//! A struct of [`settings!`](crate::settings!) is one object of the file. Each of its fields is one setting: its name
//! in the file, how its value is read, its type, its default, and its documentation. Nothing else lists settings.
//!
//! Several structs may read the same object, and each names only the settings that it uses: `WorkerSettings` and
//! `supervisor::Options` both read the whole file. The executable warns about names that none of them has.

pub mod values;

/// Defines structs of settings, with the default of each field behind it.
///
/// The structs read JSON in which any setting may be missing, and write JSON that has them all.
#[macro_export]
macro_rules! settings {
    ($(
        $(#[$struct_attribute:meta])*
        $visibility:vis struct $name:ident {
            $( $(#[$attribute:meta])* $field_visibility:vis $field:ident: $type:ty = $default:expr, )*
        }
    )*) => {$(
        $(#[$struct_attribute])*
        #[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
        #[serde(default, expecting = "an object")]
        $visibility struct $name {
            $( $(#[$attribute])* $field_visibility $field: $type, )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $default, )* }
            }
        }
    )*};
}
