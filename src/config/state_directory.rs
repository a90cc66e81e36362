//! The default of the state directory: that of the service, else that of the user, else one for temporary files.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use supervisor::StateDirectory;

/// `$STATE_DIRECTORY` (set by systemd) if it is set, else `$XDG_STATE_HOME/edge-proxy` or
/// `~/.local/state/edge-proxy`. Where those cannot be used, a directory of this proxy below `$RUNTIME_DIRECTORY` (set
/// by systemd), below the system's directory for temporary files, or in shared memory, which containers have even when
/// nothing else can be written.
pub(crate) fn default(variable: impl Fn(&str) -> Option<OsString>) -> StateDirectory {
    // systemd separates several directories by colons.
    let first = |name| env::split_paths(&variable(name)?).next();
    let set = |name| first(name).filter(|path| !path.as_os_str().is_empty());
    let lasting = match set("STATE_DIRECTORY") {
        Some(given) => vec![given],
        None => {
            let xdg = set("XDG_STATE_HOME").map(|home| home.join("edge-proxy"));
            let home = set("HOME").map(|home| home.join(".local/state/edge-proxy"));
            xdg.into_iter().chain(home).collect()
        }
    };
    let mut temporary = Vec::from_iter(set("RUNTIME_DIRECTORY"));
    temporary.extend(set("TMPDIR"));
    temporary.extend(["/tmp", "/dev/shm"].map(PathBuf::from));
    StateDirectory::FirstUsable { lasting, temporary }
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
