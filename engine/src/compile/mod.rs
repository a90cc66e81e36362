//! Compiling: an environment document becomes an [`Environment`], which is read in place.
//!
//! It works out all that does not depend on a request: constant answers, the JSON of every flag that an identity can
//! get, the strength of overrides, and operands in every type.

mod circular;
mod contests;
mod context;
mod dependencies;
mod differences;
mod environment_segments;
mod ofrep;
mod operation;
mod overrides;
mod path;
mod prerequisites;
mod properties;
mod provenance;
mod render;
mod seen;
mod segments;
mod sides;
mod steps;

use bytes::Bytes;

use crate::archive::{
    CompileOptions, ConstantAnswer, Environment, FeatureId, Interner, OfrepPieces, PieceId, Salts,
    SegmentId, Source, Span,
};
use crate::document::{Document, DocumentError, Tree};
use contests::ContestsBuilder;
use dependencies::DependencyOrder;
use render::{Members, RenderedFlag, RenderedFlags, Renderer};
use seen::SeenFlags;
use segments::{CompiledSegments, SegmentsBuilder};
use sides::{Constants, SidesBuilder, append};

pub(crate) use provenance::{Provenance, SegmentOverride};
pub(crate) use steps::{CompiledRule, Quantifier};

/// How many bytes of constant answers are compressed at once, which takes about a millisecond. The rest waits for
/// [`Environment::compress`], so that it does not hold up the publication of the document.
const COMPRESSED_AT_ONCE: usize = 64 * 1024;

/// A compiled document.
#[derive(Debug)]
pub struct Compiled {
    /// What is published.
    pub environment: Environment,
    /// What in the document can never have an effect, or has another one than at the API, and cycles of dependent
    /// flags: one line each.
    pub warnings: Vec<String>,
}

/// Compiles an environment document as upstream sent it.
///
/// # Errors
/// If it is not JSON, or a member that answers need is missing or of another type. The error names the member.
pub fn compile(document: &[u8]) -> Result<Compiled, DocumentError> {
    compile_with(&Bytes::copy_from_slice(document), CompileOptions::default())
}

/// [`compile`] for a proxy that answers otherwise. The document is not copied.
///
/// # Errors
/// Those of [`compile`].
pub fn compile_with(document: &Bytes, options: CompileOptions) -> Result<Compiled, DocumentError> {
    let text = std::str::from_utf8(document).map_err(|error| DocumentError::not_utf8(&error))?;
    let tree = Tree::read(text)?;
    let Lowered {
        mut environment,
        warnings,
        ..
    } = lower(&Document::read(&tree)?, document, options)?;
    environment.compress_within(COMPRESSED_AT_ONCE);
    Ok(Compiled {
        environment,
        warnings,
    })
}

/// A document that is compiled, before its constants are compressed.
struct Lowered {
    environment: Environment,
    warnings: Vec<String>,
    /// The flags that identities can get, by `PieceId`.
    flags: Vec<RenderedFlag>,
    /// The default of each feature among these.
    defaults: Vec<PieceId>,
}

/// Lowers a document of which `bytes` is the text.
fn lower(
    document: &Document<'_>,
    bytes: &Bytes,
    options: CompileOptions,
) -> Result<Lowered, DocumentError> {
    let features = feature_names(document);
    let order = DependencyOrder::of(document, &features);
    let mut segments = SegmentsBuilder::new(document.api_key, &features, &order);
    let ids = add_segments(&mut segments, document);
    let CompiledSegments {
        mut segments,
        mut salts,
        circular,
        flag_properties,
        mut warnings,
        ..
    } = segments.finish();
    warnings.extend(order.warnings(&features));
    warnings.extend(differences::differences(document));
    let of_segments = u32::try_from(salts.len()).unwrap_or(u32::MAX);
    if !segments.queries.is_empty() {
        let context = context::context(document);
        if context::is_too_deep(&context) {
            let warning = "the document nests too deep for JSONPath properties; none is ever set";
            warnings.push(warning.to_owned());
        }
        segments.context = Some(context);
    }

    let members = if options.official_proxy_fields_only {
        Members::Common
    } else {
        Members::OfIdentities
    };
    let seen = (!order.prerequisites.is_empty()).then(SeenFlags::default);
    let mut renderer = Renderer::new(document, members, seen, options);
    let mut contests = ContestsBuilder::new(document, &features, &mut renderer, &mut salts);
    for (id, segment) in ids.into_iter().zip(&document.segments) {
        if let Some(id) = id {
            contests.add(id, segment);
        }
    }
    let of_contests = contests.salt_count();
    let overrides = overrides::identity_overrides(document, &features, &mut contests)?;
    let (contests, defaults) = contests.finish(&order);

    let RenderedFlags {
        text,
        flags,
        ofrep,
        seen,
    } = renderer.finish();
    let dependencies =
        prerequisites::dependencies(&order, &contests, circular, flag_properties, seen);
    let mut sides = SidesBuilder {
        constants: constants(document, options)?,
        flags,
        defaults,
        text,
        ofrep,
    };
    let server = sides.server();
    let client = sides.client();
    let (flags, ofrep) = (sides.text, sides.ofrep);
    if u32::try_from(flags.len().max(ofrep.text.len())).is_err() {
        return Err(DocumentError::whole("its flags take more than 4 GiB"));
    }
    let environment = Environment {
        name: document.name.map(str::to_owned),
        api_key: document.api_key.to_owned(),
        updated_at: document.updated_at.map(str::to_owned),
        is_dated: false,
        document: ConstantAnswer::document(bytes.clone()),
        options,
        warnings: u32::try_from(warnings.len()).unwrap_or(u32::MAX),
        segment_count: u32::try_from(document.segments.len()).unwrap_or(u32::MAX),
        allow_client_traits: document.allow_client_traits,
        client,
        server,
        flags,
        ofrep,
        features,
        contests,
        salts: Salts {
            texts: salts,
            of_segments,
            of_contests: u32::try_from(of_contests).unwrap_or(u32::MAX),
        },
        segments,
        overrides,
        dependencies,
    };
    Ok(Lowered {
        environment,
        warnings,
        flags: sides.flags,
        defaults: sides.defaults,
    })
}

/// The names of the features, in the order of the document.
fn feature_names(document: &Document<'_>) -> Interner {
    let mut features = Interner::new();
    for state in &document.feature_states {
        features.intern(state.feature_name.as_bytes());
    }
    features
}

/// Adds the segments that matter. Returns the id of each segment of the document, or `None` for the others.
fn add_segments(
    segments: &mut SegmentsBuilder<'_>,
    document: &Document<'_>,
) -> Vec<Option<SegmentId>> {
    let add = |(number, segment)| segments.add(segment, number);
    document.segments.iter().enumerate().map(add).collect()
}

/// What a document is compiled with that gives the flags without an identity.
fn of_no_identity(options: CompileOptions) -> CompileOptions {
    CompileOptions {
        official_proxy_fields_only: true,
        apply_environment_segments: false,
        ..options
    }
}

/// A document that gives every identity the flags that `document` gives without one, and the same compiled.
///
/// # Errors
/// Those of [`compile`].
pub(crate) fn without_identity<'v>(
    document: &Document<'v>,
    options: CompileOptions,
) -> Result<(Document<'v>, Environment), DocumentError> {
    let with_segments = match options.apply_environment_segments {
        true => environment_segments::without_identities(document),
        false => None,
    };
    let document = with_segments.unwrap_or_else(|| document.with_segments_alone(Vec::new()));
    let lowered = lower(&document, &Bytes::new(), of_no_identity(options))?;
    Ok((document, lowered.environment))
}

/// The flags without an identity.
fn constants(document: &Document<'_>, options: CompileOptions) -> Result<Constants, DocumentError> {
    if options.apply_environment_segments
        && let Some(document) = environment_segments::without_identities(document)
    {
        let Lowered {
            environment,
            flags,
            defaults,
            ..
        } = lower(&document, &Bytes::new(), of_no_identity(options))?;
        let pieces = environment_segments::chosen_pieces(&environment, &flags, &defaults);
        let pieces = pieces.map_err(|error| DocumentError::whole(error.to_string()))?;
        let sourced = pieces.iter().zip(defaults).map(|(&piece, default)| {
            let source = match piece == default {
                true => Source::Default,
                false => Source::Override,
            };
            (piece, source)
        });
        let (ofrep_text, ofrep) = ofrep_flags(&environment.ofrep, &environment.flags, sourced);
        return Ok(Constants {
            flags: pieces.iter().map(|piece| flags[piece.index()]).collect(),
            ofrep,
            ofrep_text,
            text: environment.flags,
        });
    }
    let mut renderer = Renderer::new(document, Members::Common, None, options);
    let states = document.feature_states.iter().enumerate();
    let pieces: Vec<PieceId> = states
        .map(|(index, state)| renderer.piece(state, FeatureId::new(index), None))
        .collect();
    let RenderedFlags {
        text, flags, ofrep, ..
    } = renderer.finish();
    let sourced = pieces.into_iter().map(|piece| (piece, Source::Default));
    let (ofrep_text, ofrep) = ofrep_flags(&ofrep, &text, sourced);
    Ok(Constants {
        flags,
        ofrep,
        ofrep_text,
        text,
    })
}

/// Flags as OFREP has them, and where each of them is. `flags` are those of the SDKs.
fn ofrep_flags(
    ofrep: &OfrepPieces,
    flags: &[u8],
    sourced: impl Iterator<Item = (PieceId, Source)>,
) -> (Vec<u8>, Vec<Span>) {
    let (mut text, mut flag) = (Vec::new(), Vec::new());
    let spans = sourced.map(|(piece, source)| {
        ofrep.rewrite(piece, source, flags, &mut flag);
        append(&mut text, &flag)
    });
    let spans = spans.collect();
    (text, spans)
}
