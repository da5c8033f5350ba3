//! The protocol's revisions that the gateway speaks, with clients and servers alike.

/// A revision that is begun by `initialize`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Revision {
    /// The first.
    V20241105,
    /// With Streamable HTTP and batches.
    V20250326,
    /// Without batches, with structured content and elicitation.
    V20250618,
    /// With streams that begin with an event to resume from.
    V20251125,
}

impl Revision {
    /// All, the newest first.
    pub const ALL: [Self; 4] = [Self::V20251125, Self::V20250618, Self::V20250326, Self::V20241105];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V20241105 => "2024-11-05",
            Self::V20250326 => "2025-03-26",
            Self::V20250618 => "2025-06-18",
            Self::V20251125 => "2025-11-25",
        }
    }

    /// The revision of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|revision| revision.name() == name)
    }

    /// What a client that asks for this one is offered: the same where it is spoken, or else the newest.
    #[must_use]
    pub fn offered(asked: &str) -> Self {
        Self::named(asked).unwrap_or(Self::V20251125)
    }

    /// Whether there are batches in it.
    #[must_use]
    pub fn has_batches(self) -> bool {
        self == Self::V20250326
    }

    /// Whether a stream begins with an event that only has an id.
    #[must_use]
    pub fn primes_streams(self) -> bool {
        self >= Self::V20251125
    }
}
