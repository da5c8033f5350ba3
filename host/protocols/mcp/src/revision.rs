//! The protocol's revisions that the gateway speaks, with clients and servers alike.

/// A revision.
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
    /// Without sessions: every request says of itself who asks, in which revision, and what they can do.
    V20260728,
}

impl Revision {
    /// Those that are begun by `initialize`, the newest first.
    pub const BEGUN: [Self; 4] =
        [Self::V20251125, Self::V20250618, Self::V20250326, Self::V20241105];
    /// The one that has no sessions.
    pub const STATELESS: Self = Self::V20260728;

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V20241105 => "2024-11-05",
            Self::V20250326 => "2025-03-26",
            Self::V20250618 => "2025-06-18",
            Self::V20251125 => "2025-11-25",
            Self::V20260728 => "2026-07-28",
        }
    }

    /// The names of all, the newest first.
    pub fn names() -> impl Iterator<Item = &'static str> {
        [Self::STATELESS].into_iter().chain(Self::BEGUN).map(Self::name)
    }

    /// The revision of this name, among those that are begun by `initialize`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::BEGUN.into_iter().find(|revision| revision.name() == name)
    }

    /// What a client that begins a session by this one is offered: the same where it is spoken, or else the newest.
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
        self == Self::V20251125
    }

    /// Whether there are no sessions in it.
    #[must_use]
    pub fn is_stateless(self) -> bool {
        self == Self::STATELESS
    }
}
