//! What the documents say of the project is so.

use std::path::Path;

const ARCHITECTURE: &str = include_str!("../../ARCHITECTURE.md");

#[test]
fn every_path_that_the_architecture_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let quoted = ARCHITECTURE.split('`').skip(1).step_by(2);
    let is_path = |text: &&str| {
        text.contains('/')
            && !text.starts_with('/')
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
    };
    let paths: Vec<&str> = quoted.filter(is_path).collect();
    assert!(paths.len() > 10, "{paths:?}");
    for path in paths {
        assert!(root.join(path).exists(), "ARCHITECTURE.md names {path}");
    }
}
