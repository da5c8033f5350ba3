//! Ways to build a [`Plan`], and to walk a [`Batch`] of values.

use crate::{Action, Batch, Field, Plan, Shape};

impl Plan {
    /// Leaves a result of this shape as it is.
    #[must_use]
    pub fn keep(shape: &Shape) -> Self {
        Self::new(shape, Action::Keep, |_| Action::Keep)
    }

    /// An action for each field of a table, chosen by `field`, and `rest` for every other text.
    #[must_use]
    pub fn new(shape: &Shape, rest: Action, field: impl FnMut(&Field) -> Action) -> Self {
        let fields = match shape {
            Shape::Table(fields) => fields.iter().map(field).collect(),
            Shape::Document(_) | Shape::ByteStream => Vec::new(),
        };
        Self { fields, keys: Vec::new(), rest }
    }
}

impl Batch {
    /// The values in order.
    pub fn values(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(self.ends.iter())
            .map(|(start, end)| self.bytes.get(start as usize..*end as usize).unwrap_or_default())
    }

    /// The batch with each value replaced by what `change` gives for it; empty where it changed none.
    #[must_use]
    pub fn map(&self, mut change: impl FnMut(&[u8]) -> Option<Vec<u8>>) -> Self {
        let mut mapped = Self { bytes: Vec::new(), ends: Vec::with_capacity(self.ends.len()) };
        let mut changed = false;
        for value in self.values() {
            let replacement = change(value);
            changed |= replacement.is_some();
            mapped.bytes.extend_from_slice(replacement.as_deref().unwrap_or(value));
            mapped.ends.push(u32::try_from(mapped.bytes.len()).unwrap_or(u32::MAX));
        }
        if changed { mapped } else { Self { bytes: Vec::new(), ends: Vec::new() } }
    }
}

#[cfg(test)]
mod tests;
