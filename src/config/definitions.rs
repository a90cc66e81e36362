//! All settings there are, gathered from the structs that define them, and their names.

use contract::WorkerSettings;
use contract::settings::{Definition, Names, Settings as _};
use serde_json::Value;
use supervisor::Options;

/// The name of the setting that holds the key pairs.
pub(super) const KEY_PAIRS: &str = "environment_key_pairs";

/// Settings of the official proxy that change nothing here, and why.
pub(super) const UNNECESSARY: [(&str, &str); 2] = [
    (
        "endpoint_caches",
        "answers are made when a document arrives",
    ),
    (
        "server.reload",
        "it is for people who change the source code of the official proxy",
    ),
];

/// All settings.
pub(super) struct Definitions {
    /// Those of one section stand together: first those outside of sections.
    all: Vec<Definition>,
}

impl Definitions {
    pub(super) fn gather() -> Self {
        let mut all = vec![key_pairs()];
        Options::define("", &mut all);
        WorkerSettings::define("", &mut all);
        let mut sections = vec![String::new()];
        for definition in &all {
            let (section, _) = definition.section();
            if !sections.iter().any(|known| known == section) {
                sections.push(section.to_owned());
            }
        }
        all.sort_by_key(|definition| {
            let (section, _) = definition.section();
            sections.iter().position(|known| known == section)
        });
        Self { all }
    }

    pub(super) fn all(&self) -> &[Definition] {
        &self.all
    }

    /// The names of the sections, in order; the first one is `""`.
    pub(super) fn sections(&self) -> Vec<&str> {
        let mut sections: Vec<_> = self.all.iter().map(|one| one.section().0).collect();
        sections.dedup();
        sections
    }

    /// The setting that has this name, or had it.
    pub(super) fn find(&self, path: &str) -> Option<&Definition> {
        let mut all = self.all.iter();
        all.find(|definition| definition.names.all().any(|name| name == path))
    }

    /// The name that a misspelt one is nearest to, if one is near.
    pub(super) fn nearest(&self, path: &str) -> Option<&str> {
        let nearest = nearest(path, self.all.iter().flat_map(|one| one.names.all()))?;
        self.find(nearest).map(|one| one.names.path.as_str())
    }

    /// Whether a variable of this name, in capitals, is a setting or a section.
    pub(super) fn are_in_variable(&self, variable: &str) -> bool {
        let mut names = self.all.iter().flat_map(|one| one.names.all());
        let sections = self.sections();
        names.any(|name| variable_name(name) == variable)
            || sections.iter().any(|name| variable_name(name) == variable)
    }

    /// Whether settings are in a section of this name.
    pub(super) fn is_section(&self, path: &str) -> bool {
        self.all.iter().any(|one| one.section().0 == path)
    }
}

/// The definition of the setting that holds the key pairs. `key_pairs` reads it.
pub(super) fn key_pairs() -> Definition {
    Definition {
        names: Names::new("", &[], KEY_PAIRS),
        documentation: "The keys of each environment. With `proxy_key` or `environment_documents` there may be none; \
                        then the pairs here say which server-side keys their environments have."
            .to_owned(),
        expected: "a list with at least one object".to_owned(),
        // The members of a pair are, but for the server-side key, not.
        is_secret: false,
        accepts: Value::is_array,
        default: Value::Null,
        is_json: true,
    }
}

/// The name of the variable of a setting or a section.
pub(super) fn variable_name(path: &str) -> String {
    path.replace('.', "_").to_uppercase()
}

/// The name in `names` that is nearest to `path`: written similarly, or the same in another section.
pub(super) fn nearest<'a>(path: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const NEAR: f64 = 0.65;
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_lowercase();
    let similarity = |name: &str| {
        let whole = strsim::normalized_damerau_levenshtein(&path.to_lowercase(), name);
        // A setting in the wrong section is not as near as one in its own section.
        let name_alone = strsim::normalized_damerau_levenshtein(&last(path), &last(name));
        whole.max(name_alone * 0.95)
    };
    let rated = names.map(|name| (similarity(name), name));
    // Of those that are equally near the first, in the order of the reference.
    let nearer =
        |best: (f64, &'a str), next: (f64, &'a str)| if next.0 > best.0 { next } else { best };
    let (similarity, name) = rated.reduce(nearer)?;
    (similarity >= NEAR).then_some(name)
}
