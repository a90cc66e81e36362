//! The macro that defines structs of settings.

/// Defines structs of settings. `contract::settings` describes the form.
#[macro_export]
macro_rules! settings {
    (@default) => { Default::default() };
    (@default $default:expr) => { $default };
    (@member $type:ty) => { $crate::settings::Section<$type> };
    (@member $type:ty, $kind:ty) => { $kind };
    ($(
        $(#[$struct_attribute:meta])*
        $visibility:vis struct $name:ident {
            $(
                $(#[doc = $documentation:literal])+
                $(#[names($($name_in_file:literal),+)])?
                $field_visibility:vis $field:ident: $type:ty $(as $kind:ty = $default:expr)?,
            )*
        }
    )*) => {$(
        $(#[$struct_attribute])*
        #[derive(Clone, Debug, PartialEq)]
        $visibility struct $name {
            $( $(#[doc = $documentation])+ $field_visibility $field: $type, )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $crate::settings!(@default $($default)?), )* }
            }
        }

        impl $crate::settings::Settings for $name {
            fn define(section: &str, definitions: &mut Vec<$crate::settings::Definition>) {
                let defaults = Self::default();
                $(
                    let names = $crate::settings::Names::new(
                        section, &[$($($name_in_file),+)?], stringify!($field),
                    );
                    <$crate::settings!(@member $type $(, $kind)?) as $crate::settings::Member>::define(
                        names, concat!($($documentation),+), &defaults.$field, definitions,
                    );
                )*
            }

            fn read(
                section: &str,
                values: &$crate::settings::Values,
            ) -> Result<Self, $crate::settings::Wrong> {
                let mut settings = Self::default();
                $(
                    let names = $crate::settings::Names::new(
                        section, &[$($($name_in_file),+)?], stringify!($field),
                    );
                    <$crate::settings!(@member $type $(, $kind)?) as $crate::settings::Member>::update(
                        &mut settings.$field, names, values,
                    )?;
                )*
                Ok(settings)
            }

            fn write(&self, section: &str, values: &mut $crate::settings::Values) {
                $(
                    let names = $crate::settings::Names::new(
                        section, &[$($($name_in_file),+)?], stringify!($field),
                    );
                    <$crate::settings!(@member $type $(, $kind)?) as $crate::settings::Member>::write(
                        &self.$field, names, values,
                    );
                )*
            }
        }
    )*};
}
