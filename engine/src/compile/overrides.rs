//! Identity overrides, by identifier and feature.

use super::contests::ContestsBuilder;
use crate::archive::{FeatureId, IdentityOverrides, Interner, OverriddenFlag, Span, length};
use crate::document::{Document, DocumentError};

/// Renders all identity overrides. Of several for one identifier and feature, the first in the document counts.
///
/// # Errors
///
/// One of them has a member that is missing or of another type.
pub(super) fn identity_overrides(
    document: &Document<'_>,
    features: &Interner,
    contests: &mut ContestsBuilder<'_, '_>,
) -> Result<IdentityOverrides, DocumentError> {
    let mut identifiers = Interner::new();
    let mut rows: Vec<(usize, OverriddenFlag)> = Vec::new();
    document.identity_overrides.try_for_each(|entry| {
        for state in &entry.feature_states {
            if let Some(feature) = features.get(state.feature_name.as_bytes()) {
                let identifier = identifiers.intern(entry.identifier.as_bytes());
                let feature = FeatureId::new(feature);
                let candidate = contests.candidate(state, feature);
                rows.push((identifier, OverriddenFlag { feature, candidate }));
            }
        }
    })?;
    let key = |row: &(usize, OverriddenFlag)| (row.0, row.1.feature);
    rows.sort_by_key(key);
    rows.dedup_by_key(|row| key(row));
    let mut end = 0;
    let ranges = rows.chunk_by(|left, right| left.0 == right.0).map(|run| {
        let start = end;
        end += length(run);
        Span { start, end }
    });
    Ok(IdentityOverrides {
        ranges: ranges.collect(),
        flags: rows.into_iter().map(|(_, flag)| flag).collect(),
        identifiers,
    })
}
