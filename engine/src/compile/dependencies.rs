//! Which flags conditions read (prerequisites), and in which order they can be decided.
//!
//! A feature depends on the segments that override it, and a segment on the flags that its conditions read. Flags that
//! reach no cycle this way are decided one after the other. The others are decided by the rules of Flagsmith's
//! engine, one condition at a time.

use super::path::{Path, Selector};
use super::steps::unknown_kind;
use crate::archive::{FeatureId, FlagMember, Interner, PrerequisiteId, length};
use crate::document::{Document, Rule, Segment};

/// How many features of a cycle a warning names.
const NAMED: usize = 10;

/// The dependencies of a document. All are empty if no condition reads a flag.
#[derive(Default)]
pub(super) struct DependencyOrder {
    /// The features whose flags are read: first those that reach no cycle, each after those that it depends on.
    pub(super) prerequisites: Vec<FeatureId>,
    /// How many of them reach no cycle.
    pub(super) acyclic: usize,
    /// By feature.
    ids: Vec<Option<PrerequisiteId>>,
    /// By segment: it reads a flag that reaches a cycle.
    circular_segments: Vec<bool>,
    /// By feature, and by segment: the index of its cycle.
    cycles_of: (Vec<Option<u32>>, Vec<Option<u32>>),
    /// The features of each cycle, or of cycles that share features.
    cycles: Vec<Vec<usize>>,
}

impl DependencyOrder {
    pub(super) fn of(document: &Document<'_>, features: &Interner) -> DependencyOrder {
        let segments = &document.segments;
        let reads: Vec<Vec<usize>> = segments
            .iter()
            .map(|segment| reads(segment, features))
            .collect();
        if reads.iter().all(Vec::is_empty) {
            return DependencyOrder::default();
        }

        // The nodes of the graph: features, then segments.
        let count = features.len();
        let mut successors: Vec<Vec<usize>> = vec![Vec::new(); count];
        for (number, segment) in segments.iter().enumerate() {
            for feature in overridden(segment, features) {
                successors[feature].push(count + number);
            }
        }
        successors.extend(reads);
        let mut reaches_cycle = vec![false; successors.len()];
        let mut cycles: Vec<Vec<usize>> = Vec::new();
        let mut cycles_of = vec![None; successors.len()];
        let mut order = Vec::new();
        for component in components(&successors) {
            let is_cycle = component.len() > 1;
            let leads = |node: &usize| successors[*node].iter().any(|next| reaches_cycle[*next]);
            let reaches = is_cycle || component.iter().any(leads);
            let cycle = is_cycle.then(|| length(&cycles));
            for node in &component {
                reaches_cycle[*node] = reaches;
                cycles_of[*node] = cycle;
            }
            let mut features = component;
            features.retain(|node| *node < count);
            order.extend_from_slice(&features);
            if is_cycle {
                features.sort_unstable();
                cycles.push(features);
            }
        }

        let mut is_read = vec![false; count];
        for (number, segment) in segments.iter().enumerate() {
            let node = count + number;
            // Other segments decide nothing.
            if reaches_cycle[node] || overridden(segment, features).next().is_some() {
                for feature in &successors[node] {
                    is_read[*feature] = true;
                }
            }
        }
        order.retain(|feature| is_read[*feature]);
        // The sort is stable.
        order.sort_by_key(|feature| reaches_cycle[*feature]);
        let mut ids = vec![None; count];
        for (number, feature) in order.iter().enumerate() {
            ids[*feature] = Some(PrerequisiteId::new(number));
        }
        let is_acyclic = |feature: &&usize| !reaches_cycle[**feature];
        DependencyOrder {
            acyclic: order.iter().filter(is_acyclic).count(),
            prerequisites: order.into_iter().map(FeatureId::new).collect(),
            ids,
            circular_segments: reaches_cycle.split_off(count),
            cycles_of: {
                let of_segments = cycles_of.split_off(count);
                (cycles_of, of_segments)
            },
            cycles,
        }
    }

    /// The flag of a feature, if conditions read it.
    pub(super) fn prerequisite(&self, feature: usize) -> Option<PrerequisiteId> {
        self.ids.get(feature).copied().flatten()
    }

    /// Whether the flag of a feature is read and reaches a cycle.
    pub(super) fn is_circular(&self, feature: usize) -> bool {
        let id = self.prerequisite(feature);
        id.is_some_and(|id| id.index() >= self.acyclic)
    }

    /// The number of the cycle that a feature is in.
    pub(super) fn cycle_of_feature(&self, feature: usize) -> Option<u32> {
        self.cycles_of.0.get(feature).copied().flatten()
    }

    /// The number of the cycle that the segment of that number is in.
    pub(super) fn cycle_of_segment(&self, number: usize) -> Option<u32> {
        self.cycles_of.1.get(number).copied().flatten()
    }

    /// The features of the cycle that a feature is in; none if it is in no cycle.
    pub(super) fn cycle(&self, feature: usize) -> &[usize] {
        let cycle = self.cycle_of_feature(feature);
        cycle.map_or(&[], |cycle| &self.cycles[cycle as usize])
    }

    /// Whether the segment of that number reads a flag that reaches a cycle.
    pub(super) fn is_circular_segment(&self, number: usize) -> bool {
        self.circular_segments.get(number) == Some(&true)
    }

    /// A line for each cycle.
    pub(super) fn warnings(&self, features: &Interner) -> Vec<String> {
        let name = |feature: &usize| {
            let name = String::from_utf8_lossy(features.text(*feature));
            format!("{name:?}")
        };
        let warning = |cycle: &Vec<usize>| {
            let named = cycle.iter().take(NAMED).map(name);
            let named = named.collect::<Vec<_>>().join(", ");
            let more = match cycle.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!(
                "circular dependency of the flags {named}{more}: a segment does not match if it \
                 reads a flag that depends on the segment itself"
            )
        };
        self.cycles.iter().map(warning).collect()
    }
}

/// The flag that a path reads: the name of the feature, and the member. A path that reads all flags or an unknown
/// member finds nothing.
pub(super) fn flag_read(selectors: &[Selector]) -> Option<(&str, FlagMember)> {
    let names: Vec<Option<&str>> = selectors.iter().map(Selector::name).collect();
    let (name, members) = match names[..] {
        [Some("flags"), Some(name), ref members @ ..] => (name, members),
        _ => return None,
    };
    let member = match members {
        [Some("enabled")] => FlagMember::Enabled,
        [Some("value")] => FlagMember::Value,
        [Some("variant")] => FlagMember::Variant,
        _ => FlagMember::Unknown,
    };
    Some((name, member))
}

/// The features that a segment overrides.
fn overridden<'s>(segment: &'s Segment<'_>, features: &'s Interner) -> impl Iterator<Item = usize> {
    let states = segment.feature_states.iter();
    states.filter_map(|state| features.get(state.feature_name.as_bytes()))
}

/// The features whose flags a segment reads. A segment that never matches reads none.
fn reads(segment: &Segment<'_>, features: &Interner) -> Vec<usize> {
    let mut found = Vec::new();
    if unknown_kind(&segment.rules).is_none() {
        add_reads(&segment.rules, features, &mut found);
    }
    found
}

fn add_reads(rules: &[Rule<'_>], features: &Interner, found: &mut Vec<usize>) {
    for rule in rules {
        for condition in &rule.conditions {
            if let Some(feature) = feature_read(condition.property, features) {
                found.push(feature);
            }
        }
        add_reads(&rule.rules, features, found);
    }
}

/// The feature whose flag a property reads.
pub(super) fn feature_read(property: &str, features: &Interner) -> Option<usize> {
    if !property.starts_with("$.") {
        return None;
    }
    let Path::Simple(selectors) = Path::read(property) else {
        return None;
    };
    let (name, _) = flag_read(&selectors)?;
    features.get(name.as_bytes())
}

/// The strongly connected components of a graph, each after those that it leads to: Tarjan's algorithm without
/// recursion.
fn components(successors: &[Vec<usize>]) -> Vec<Vec<usize>> {
    const NEW: usize = usize::MAX;
    let mut components = Vec::new();
    let mut numbers = vec![NEW; successors.len()];
    // By node: the lowest number that it reaches within its component, as far as known.
    let mut lowest = vec![NEW; successors.len()];
    let mut is_pending = vec![false; successors.len()];
    let mut pending = Vec::new();
    let mut count = 0;
    // The nodes from the root to the current one, each with how many of its successors are visited.
    let mut path: Vec<(usize, usize)> = Vec::new();
    for root in 0..successors.len() {
        if numbers[root] == NEW {
            path.push((root, 0));
        }
        while let Some((node, visited)) = path.last_mut() {
            let node = *node;
            if numbers[node] == NEW {
                (numbers[node], lowest[node]) = (count, count);
                count += 1;
                pending.push(node);
                is_pending[node] = true;
            }
            if let Some(&next) = successors[node].get(*visited) {
                *visited += 1;
                if numbers[next] == NEW {
                    path.push((next, 0));
                } else if is_pending[next] {
                    lowest[node] = lowest[node].min(numbers[next]);
                }
                continue;
            }
            path.pop();
            if let Some((parent, _)) = path.last() {
                lowest[*parent] = lowest[*parent].min(lowest[node]);
            }
            if lowest[node] == numbers[node] {
                let start = pending.iter().rposition(|member| *member == node);
                let component = pending.split_off(start.unwrap_or_default());
                for member in &component {
                    is_pending[*member] = false;
                }
                components.push(component);
            }
        }
    }
    components
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_components_after_those_that_they_lead_to() {
        // 0 -> 1 -> 2 -> 0, 2 -> 3 -> 4, 5 -> 3.
        let successors = [vec![1], vec![2], vec![0, 3], vec![4], vec![], vec![3]];
        let mut components = components(&successors);
        for component in &mut components {
            component.sort_unstable();
        }
        assert_eq!(components, [vec![4], vec![3], vec![0, 1, 2], vec![5]]);
    }

    #[test]
    fn follows_long_chains() {
        let chain: Vec<Vec<usize>> = (0..100_000).map(|node| vec![node + 1]).collect();
        let successors = [chain, vec![vec![0]]].concat();
        assert_eq!(components(&successors).len(), 1);
    }
}
