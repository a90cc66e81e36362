//! One environment, compiled, as workers read it in place.

use rkyv::{Archive, Serialize};

use super::answer::{ArchivedConstantAnswer, ConstantAnswer};
use super::contests::{Contests, Salts};
use super::dependencies::Dependencies;
use super::interner::Interner;
use super::ofrep::OfrepPieces;
use super::options::CompileOptions;
use super::overrides::IdentityOverrides;
use super::pieces::{ArchivedSideAnswers, SideAnswers};
use super::segments::Segments;
use crate::side::Side;

/// The version of what this crate archives. Raise it whenever the layout changes, and whenever the same document
/// compiles to something else: a snapshot of an earlier release is adopted if its format and its document are the same.
pub const FORMAT: u32 = 6;

/// One environment, compiled.
#[derive(Archive, Serialize, Debug)]
pub struct Environment {
    pub(crate) name: Option<String>,
    pub(crate) api_key: String,
    pub(crate) updated_at: Option<String>,
    /// See [`set_is_dated`](Environment::set_is_dated).
    pub(crate) is_dated: bool,
    /// The document as upstream sent it.
    pub(crate) document: ConstantAnswer,
    /// What it was compiled with.
    pub(crate) options: CompileOptions,
    /// How many warnings there were when it was compiled.
    pub(crate) warnings: u32,
    /// How many segments the document has. Those without effect are not compiled.
    pub(crate) segment_count: u32,
    /// Traits from a client-side key count.
    pub(crate) allow_client_traits: bool,
    /// What a client-side key sees; `None` if it sees everything that a server-side key does.
    pub(crate) client: Option<SideAnswers>,
    /// What a server-side key sees.
    pub(crate) server: SideAnswers,
    /// The text that pieces are ranges of: the flags of identities as JSON objects, each with a comma behind it.
    pub(crate) flags: Vec<u8>,
    pub(crate) ofrep: OfrepPieces,
    /// The names of the features, by `FeatureId`.
    pub(crate) features: Interner,
    pub(crate) contests: Contests,
    pub(crate) salts: Salts,
    pub(crate) segments: Segments,
    pub(crate) overrides: IdentityOverrides,
    pub(crate) dependencies: Dependencies,
}

impl Environment {
    /// The name of the environment, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The client-side key that the document contains.
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// When upstream last changed the document, in the words of the document (ISO 8601).
    pub fn updated_at(&self) -> Option<&str> {
        self.updated_at.as_deref()
    }

    /// Says that no other document is served with the second of this `updated_at`, neither before nor later. A client
    /// that has a document of that second then has this one.
    pub fn set_is_dated(&mut self) {
        self.is_dated = true;
    }

    /// Compresses the constant answers that [`compile`](crate::compile) left plain to save time. Returns whether that
    /// made anything to publish.
    pub fn compress(&mut self) -> bool {
        self.compress_within(usize::MAX)
    }

    /// Compresses constant answers of at most `budget` bytes in all, in the order in which clients ask for them most.
    pub(crate) fn compress_within(&mut self, mut budget: usize) -> bool {
        let mut sides: Vec<&mut SideAnswers> = self.client.iter_mut().collect();
        sides.push(&mut self.server);
        let mut any = false;
        for side in &mut sides {
            any |= side.flags.compress(&mut budget);
        }
        for side in sides {
            for flag in side.by_feature.iter_mut().flatten() {
                any |= flag.compress(&mut budget);
            }
        }
        any | self.document.compress(&mut budget)
    }
}

impl ArchivedEnvironment {
    /// The name of the environment, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The client-side key that the document contains.
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// When upstream last changed the document, in the words of the document (ISO 8601).
    pub fn updated_at(&self) -> Option<&str> {
        self.updated_at.as_deref()
    }

    /// No other document is served with the second of this `updated_at`.
    pub fn is_dated(&self) -> bool {
        self.is_dated
    }

    /// What it was compiled with.
    pub fn options(&self) -> CompileOptions {
        self.options.get()
    }

    /// How many warnings there were when the document was compiled.
    pub fn warnings(&self) -> usize {
        self.warnings.to_native() as usize
    }

    /// How many features the document has.
    pub fn feature_count(&self) -> usize {
        self.features.len()
    }

    /// How many segments the document has.
    pub fn segment_count(&self) -> usize {
        self.segment_count.to_native() as usize
    }

    /// How many identities have overrides of their own.
    pub fn identity_override_count(&self) -> usize {
        self.overrides.ranges.len()
    }

    /// Whether traits from a key of that side count. If not, a request is evaluated and answered as if it had none.
    pub fn allows_traits(&self, side: Side) -> bool {
        self.allow_client_traits || side == Side::Server
    }

    /// Every flag that a key of that side may see, without an identity.
    pub fn flags(&self, side: Side) -> &ArchivedConstantAnswer {
        &self.side(side).flags
    }

    /// The flag of the feature with exactly that name; `None` if there is none or that side may not see it.
    pub fn flag(&self, side: Side, feature: &str) -> Option<&ArchivedConstantAnswer> {
        let feature = self.features.get(feature.as_bytes())?;
        self.side(side).by_feature.get(feature)?.as_ref()
    }

    /// The name of the feature with exactly that name, whichever side may see it; `None` if there is none.
    pub fn feature_name(&self, name: &str) -> Option<&str> {
        let feature = self.features.get(name.as_bytes())?;
        std::str::from_utf8(self.features.text(feature)?).ok()
    }

    /// The document, byte for byte as upstream sent it.
    pub fn document(&self) -> &ArchivedConstantAnswer {
        &self.document
    }

    pub(crate) fn side(&self, side: Side) -> &ArchivedSideAnswers {
        match side {
            Side::Client => self.client.as_ref().unwrap_or(&self.server),
            Side::Server => &self.server,
        }
    }
}
