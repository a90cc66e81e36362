//! What the operator chooses of the answers. It is archived, because the constants depend on it.

use rkyv::{Archive, Serialize};

/// What the operator chooses of the answers. The default is what Flagsmith's API answers.
#[derive(Archive, Serialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompileOptions {
    /// Flags of identities have no `variant` and no `metadata`.
    pub official_proxy_fields_only: bool,
    /// Segments apply to flags without an identity if all their conditions are on the environment or on flags.
    pub apply_environment_segments: bool,
    /// Flags of disabled features have their value in OFREP answers too.
    pub ofrep_values_of_disabled: bool,
}

impl CompileOptions {
    /// One byte for each.
    pub(crate) fn bytes(self) -> [u8; 3] {
        let CompileOptions {
            official_proxy_fields_only,
            apply_environment_segments,
            ofrep_values_of_disabled,
        } = self;
        [
            official_proxy_fields_only,
            apply_environment_segments,
            ofrep_values_of_disabled,
        ]
        .map(u8::from)
    }
}

impl ArchivedCompileOptions {
    /// The options as they were before they were archived.
    pub(crate) fn get(&self) -> CompileOptions {
        CompileOptions {
            official_proxy_fields_only: self.official_proxy_fields_only,
            apply_environment_segments: self.apply_environment_segments,
            ofrep_values_of_disabled: self.ofrep_values_of_disabled,
        }
    }
}
