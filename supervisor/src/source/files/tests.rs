//! Files while they are written, replaced, moved and damaged. Each look is one act here, and no clock matters.

use std::fs;
use std::os::unix::fs::symlink;

use super::*;

/// A directory of documents.
struct Trial {
    directory: tempfile::TempDir,
    files: Files,
}

impl Trial {
    /// With a document of each of these environments, in files of their names.
    fn new(environments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for environment in environments {
            write(directory.path(), environment, &document(environment, 1));
        }
        let files = Files::open(&settings(directory.path())).unwrap();
        Self { directory, files }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(format!("{name}.json"))
    }

    fn write(&self, name: &str, content: &str) {
        write(self.directory.path(), name, content);
    }

    /// The environments and those that changed, as a look finds them.
    fn look(&self) -> (Vec<String>, Vec<String>) {
        let look = self.files.look().unwrap();
        let mut changed: Vec<_> = look.changed.into_iter().collect();
        changed.sort();
        (look.environments, changed)
    }

    /// What is fetched for an environment of which nothing is published, or why there is nothing.
    fn fetch(&self, environment: &str) -> Result<(String, Option<Stamp>), String> {
        match self.files.fetch(environment, None) {
            Ok(FetchOutcome::Document(document)) => {
                let body = String::from_utf8(document.body.to_vec()).unwrap();
                Ok((body, document.stamp))
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn settings(path: &Path) -> FileSettings {
    FileSettings {
        place: DocumentPlace::Path(path.to_owned()),
        max_document_bytes: 200,
    }
}

fn write(directory: &Path, name: &str, content: &str) {
    fs::write(directory.join(format!("{name}.json")), content).unwrap();
}

fn document(environment: &str, edition: u32) -> String {
    format!(r#"{{"api_key":"{environment}","name":"edition {edition}"}}"#)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_change_counts_when_two_looks_in_a_row_see_it() {
    let trial = Trial::new(&["a", "b"]);
    assert_eq!(trial.look(), (names(&["a", "b"]), vec![]));
    let (body, stamp) = trial.fetch("a").unwrap();
    assert_eq!(body, document("a", 1));
    let unchanged = trial.files.fetch("a", stamp).unwrap();
    assert!(matches!(unchanged, FetchOutcome::NotModified(_)));

    trial.write("a", &document("a", 22));
    assert_eq!(trial.look(), (names(&["a", "b"]), vec![]));
    assert_eq!(trial.look(), (names(&["a", "b"]), names(&["a"])));
    assert_eq!(trial.look(), (names(&["a", "b"]), vec![]));
    match trial.files.fetch("a", stamp).unwrap() {
        FetchOutcome::Document(found) => assert_eq!(*found.body, *document("a", 22).as_bytes()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn half_a_document_changes_nothing_but_what_a_fetch_says() {
    let trial = Trial::new(&["a"]);
    let half = &document("a", 2)[..20];
    trial.write("a", half);
    trial.look();
    // The environment stays, and its task is told to look for the reason.
    assert_eq!(trial.look(), (names(&["a"]), names(&["a"])));
    let error = trial.fetch("a").unwrap_err();
    let expected = format!(
        "read {}: document: not JSON at byte ",
        trial.path("a").display()
    );
    assert!(error.starts_with(&expected), "{error}");
    trial.write("a", &document("a", 2));
    trial.look();
    assert_eq!(trial.look(), (names(&["a"]), names(&["a"])));
    assert_eq!(trial.fetch("a").unwrap().0, document("a", 2));
}

#[test]
fn files_that_come_and_go_are_environments_that_do() {
    let trial = Trial::new(&["a"]);
    trial.write("b", &document("b", 1));
    trial.write(".c", &document("c", 1));
    fs::write(trial.directory.path().join("d.txt"), "").unwrap();
    assert_eq!(trial.look().0, ["a"]);
    assert_eq!(trial.look(), (names(&["a", "b"]), names(&["b"])));
    // As editors and tools that synchronise directories do for a moment.
    fs::remove_file(trial.path("a")).unwrap();
    assert_eq!(trial.look().0, ["a", "b"]);
    trial.write("a", &document("a", 2));
    assert_eq!(trial.look().0, ["a", "b"]);
    assert_eq!(trial.look(), (names(&["a", "b"]), names(&["a"])));
    fs::remove_file(trial.path("a")).unwrap();
    assert_eq!(trial.look().0, ["a", "b"]);
    assert_eq!(trial.look().0, ["b"]);
    assert!(
        trial
            .fetch("a")
            .unwrap_err()
            .ends_with(": no file is of the environment a")
    );
    // A directory that is not mounted is empty.
    fs::remove_file(trial.path("b")).unwrap();
    for _ in 0..3 {
        let error = trial.files.look().unwrap_err().to_string();
        assert!(error.ends_with(": no file *.json is there"), "{error}");
    }
    trial.write("b", &document("b", 1));
    trial.look();
    assert_eq!(trial.look().0, ["b"]);
    let elsewhere = trial.directory.path().with_extension("elsewhere");
    fs::rename(trial.directory.path(), &elsewhere).unwrap();
    for _ in 0..3 {
        assert!(trial.files.look().is_err());
    }
    fs::rename(&elsewhere, trial.directory.path()).unwrap();
    assert_eq!(trial.look(), (names(&["b"]), vec![]));
}

#[test]
fn a_file_that_becomes_that_of_another_environment_moves_it() {
    let trial = Trial::new(&["a"]);
    fs::rename(trial.path("a"), trial.path("z")).unwrap();
    trial.look();
    trial.look();
    assert_eq!(trial.look().0, ["a"]);
    assert_eq!(trial.fetch("a").unwrap().0, document("a", 1));
    trial.write("z", &document("b", 1));
    let error = trial.fetch("a").unwrap_err();
    assert!(
        error.ends_with("z.json: it is of the environment b now"),
        "{error}"
    );
    trial.look();
    assert_eq!(trial.look(), (names(&["b"]), names(&["b"])));
}

#[test]
fn of_two_files_of_one_environment_the_first_stays() {
    let trial = Trial::new(&["a"]);
    trial.write("b", &document("a", 2));
    trial.look();
    assert_eq!(trial.look(), (names(&["a"]), vec![]));
    assert_eq!(trial.fetch("a").unwrap().0, document("a", 1));
    let error = Files::open(&settings(trial.directory.path()))
        .err()
        .unwrap()
        .to_string();
    let other = trial.path("a").display().to_string();
    assert!(
        error.ends_with(&format!("b.json: {other} is of the environment a, too")),
        "{error}"
    );
}

#[test]
fn a_file_that_was_copied_takes_the_place_of_the_first_one_when_that_goes() {
    let trial = Trial::new(&["a"]);
    fs::copy(trial.path("a"), trial.path("b")).unwrap();
    trial.look();
    assert_eq!(trial.look().0, ["a"]);
    fs::remove_file(trial.path("a")).unwrap();
    for _ in 0..4 {
        assert_eq!(trial.look().0, ["a"]);
    }
    assert_eq!(trial.fetch("a").unwrap().0, document("a", 1));
}

#[test]
fn a_directory_that_is_exchanged_as_kubernetes_does_is_seen() {
    let mount = tempfile::tempdir().unwrap();
    let edition = |name: &str, content: &str| {
        let directory = mount.path().join(name);
        fs::create_dir(&directory).unwrap();
        write(&directory, "a", content);
    };
    edition("..1", &document("a", 1));
    symlink("..1", mount.path().join("..data")).unwrap();
    symlink("..data/a.json", mount.path().join("a.json")).unwrap();
    let files = Files::open(&settings(mount.path())).unwrap();
    edition("..2", &document("a", 2));
    symlink("..2", mount.path().join("..data_tmp")).unwrap();
    fs::rename(mount.path().join("..data_tmp"), mount.path().join("..data")).unwrap();
    fs::remove_dir_all(mount.path().join("..1")).unwrap();
    let trial = Trial {
        directory: mount,
        files,
    };
    trial.look();
    assert_eq!(trial.look(), (names(&["a"]), names(&["a"])));
    assert_eq!(trial.fetch("a").unwrap().0, document("a", 2));
}

#[test]
fn files_that_cannot_be_used_are_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.json");
    let open = |settings: &FileSettings| Files::open(settings).err().unwrap().to_string();
    let at = settings(&path);
    assert!(open(&at).contains("a.json: No such file"), "{}", open(&at));
    for (content, expected) in [
        ("", "document: expected an object"),
        (r#"{"name":"a"}"#, "api_key: missing"),
        (
            r#"{"api_key":""}"#,
            "api_key: expected the client-side key of an environment",
        ),
        (
            r#"{"api_key":"ser.a"}"#,
            "api_key: expected the client-side key of an environment",
        ),
        (
            &format!(r#"{{"api_key":"{}"}}"#, "a".repeat(200)),
            "it is larger than api_max_document_bytes, which is 200",
        ),
    ] {
        fs::write(&path, content).unwrap();
        assert_eq!(open(&at), format!("read {}: {expected}", path.display()));
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(open(&settings(directory.path())).ends_with("a.json: it is not a file"));
}

#[test]
fn files_that_are_named_one_by_one_stay_whatever_happens_to_them() {
    let directory = tempfile::tempdir().unwrap();
    let paths = ["a", "b"].map(|name| {
        write(directory.path(), name, &document(name, 1));
        directory.path().join(format!("{name}.json"))
    });
    let files = Files::open(&FileSettings {
        place: DocumentPlace::Files(paths.to_vec()),
        max_document_bytes: 200,
    });
    let files = files.unwrap();
    fs::remove_file(&paths[0]).unwrap();
    for _ in 0..3 {
        assert_eq!(files.look().unwrap().environments, ["a", "b"]);
    }
    let error = files.fetch("a", None).unwrap_err().to_string();
    assert!(error.contains("a.json: No such file"), "{error}");
}
