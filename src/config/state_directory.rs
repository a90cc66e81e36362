//! The default of the state directory: that of the service, else that of the user, else one for temporary files.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// `$STATE_DIRECTORY` (set by systemd) if it is set. Else the first usable of `$XDG_STATE_HOME/edge-proxy` and
/// `~/.local/state/edge-proxy`, else a directory of this user in the system's directory for temporary files.
pub(crate) fn default(variable: impl Fn(&str) -> Option<String>) -> PathBuf {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    if let Some(given) = set("STATE_DIRECTORY") {
        // systemd separates several directories by colons.
        return PathBuf::from(given.split(':').next().unwrap_or(&given));
    }
    let xdg = set("XDG_STATE_HOME").map(|home| PathBuf::from(home).join("edge-proxy"));
    let home = set("HOME").map(|home| PathBuf::from(home).join(".local/state/edge-proxy"));
    let temporary = || {
        let user = nix::unistd::geteuid();
        std::env::temp_dir().join(format!("edge-proxy-{user}"))
    };
    xdg.into_iter()
        .chain(home)
        .find(|path| is_usable(path))
        .unwrap_or_else(temporary)
}

/// Whether the directory can be written, after making it if it is missing. In a container the user's home often
/// cannot.
fn is_usable(path: &Path) -> bool {
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path);
    made.is_ok() && nix::unistd::access(path, nix::unistd::AccessFlags::W_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_first_usable_place() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().display().to_string();
        let find = |variables: &[(&str, &str)]| {
            default(|name| {
                variables
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(
            find(&[("STATE_DIRECTORY", "/a:/b"), ("HOME", &home)]),
            Path::new("/a")
        );
        assert_eq!(
            find(&[("XDG_STATE_HOME", &home)]),
            Path::new(&home).join("edge-proxy")
        );
        assert_eq!(
            find(&[("XDG_STATE_HOME", ""), ("HOME", &home)]),
            Path::new(&home).join(".local/state/edge-proxy")
        );
        let nowhere = find(&[("HOME", "/proc/self/nowhere")]);
        assert!(
            nowhere.starts_with(std::env::temp_dir()),
            "{}",
            nowhere.display()
        );
    }
}
