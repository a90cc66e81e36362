//! The default of the state directory: that of the service, else that of the user, else one for temporary files.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use supervisor::StateDirectory;

use super::process_environment::file_variable;

/// `$STATE_DIRECTORY` (set by systemd) if it is set, else `$XDG_STATE_HOME/edge-proxy` or
/// `~/.local/state/edge-proxy`. Where those cannot be used, a directory for this proxy in a temporary one.
pub(super) fn default(variable: impl Fn(&str) -> Option<OsString>) -> StateDirectory {
    let lasting = match of_service(&variable, "STATE_DIRECTORY") {
        Some(given) => vec![given],
        None => {
            let xdg = set(&variable, "XDG_STATE_HOME").map(|home| home.join("edge-proxy"));
            let home = set(&variable, "HOME").map(|home| home.join(".local/state/edge-proxy"));
            xdg.into_iter().chain(home).collect()
        }
    };
    let temporary = temporary(&variable);
    StateDirectory::FirstUsable { lasting, temporary }
}

/// The directories in which the demonstration may make one.
pub(crate) fn of_demonstration() -> Vec<PathBuf> {
    let mut parents = Vec::from_iter(of_service(&file_variable, "STATE_DIRECTORY"));
    parents.extend(temporary(&file_variable));
    parents
}

/// Directories for temporary files. The last one is shared memory, which containers have where nothing else can be
/// written.
fn temporary(variable: &impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let mut directories = Vec::from_iter(of_service(variable, "RUNTIME_DIRECTORY"));
    directories.extend(set(variable, "TMPDIR"));
    directories.extend(["/tmp", "/dev/shm"].map(PathBuf::from));
    directories
}

/// A variable that systemd sets. It separates several directories by colons.
fn of_service(variable: &impl Fn(&str) -> Option<OsString>, name: &str) -> Option<PathBuf> {
    let given = set(variable, name)?;
    env::split_paths(&given).next()
}

fn set(variable: &impl Fn(&str) -> Option<OsString>, name: &str) -> Option<PathBuf> {
    let value = variable(name).filter(|value| !value.is_empty());
    value.map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let found = default(|name| {
            let mut variables = variables.iter();
            let (_, value) = variables.find(|(known, _)| *known == name)?;
            Some(value.into())
        });
        let StateDirectory::FirstUsable { lasting, temporary } = found else {
            panic!("{found:?}");
        };
        let shown = |paths: Vec<PathBuf>| {
            let paths = paths.iter();
            paths.map(|path| path.display().to_string()).collect()
        };
        (shown(lasting), shown(temporary))
    }

    #[test]
    fn the_directory_of_the_service_comes_before_those_of_the_user() {
        let (home, xdg) = (("HOME", "/home/a"), ("XDG_STATE_HOME", "/xdg"));
        let lasting = |variables: &[_]| found(variables).0;
        assert_eq!(lasting(&[("STATE_DIRECTORY", "/a:/b"), home]), ["/a"]);
        assert_eq!(lasting(&[home]), ["/home/a/.local/state/edge-proxy"]);
        assert_eq!(
            lasting(&[home, xdg, ("STATE_DIRECTORY", "")]),
            ["/xdg/edge-proxy", "/home/a/.local/state/edge-proxy"]
        );
        assert_eq!(lasting(&[("HOME", "")]), [""; 0]);
    }

    #[test]
    fn temporary_files_have_a_place_on_every_system() {
        let temporary = |variables: &[_]| found(variables).1;
        assert_eq!(temporary(&[]), ["/tmp", "/dev/shm"]);
        assert_eq!(
            temporary(&[("TMPDIR", "/scratch"), ("RUNTIME_DIRECTORY", "/run/a")]),
            ["/run/a", "/scratch", "/tmp", "/dev/shm"]
        );
    }
}
