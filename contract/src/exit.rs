//! Exit statuses of the executable, in both of its roles.

use std::process::ExitStatus;

/// The supervisor could not start or could not go on.
pub const EX_FAILURE: u8 = 1;

/// A worker could not boot, and a replacement could not either.
pub const EX_BOOT: u8 = 3;

/// The configuration is missing or wrong (`EX_CONFIG` of `sysexits.h`).
pub const EX_CONFIG: u8 = 78;

/// Whether a worker exited because it could not boot.
pub fn is_boot_failure(status: ExitStatus) -> bool {
    status.code() == Some(EX_BOOT.into())
}
