//! How long a token lives: a length of time within fixed limits.

use std::str::FromStr;
use std::time::Duration;

/// A token's life: whole seconds, from one second to 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ttl(u64);

/// Why a length of time cannot be a token's life.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TtlRefused {
    /// The text is no length of time.
    #[error("`{text}` is not a length of time such as 30s, 15m, 1h or 2h30m: {cause}")]
    Unreadable {
        /// What was given.
        text: String,
        /// What is wrong with it.
        cause: humantime::DurationError,
    },
    /// Shorter than [`Ttl::MIN`].
    #[error("a token lives at least 1s")]
    TooShort,
    /// Longer than [`Ttl::MAX`].
    #[error("a token lives at most 24h")]
    TooLong,
}

impl Ttl {
    /// The shortest life: one second.
    pub const MIN: Self = Self(1);
    /// The longest life: 24 hours.
    pub const MAX: Self = Self(24 * 60 * 60);
    /// The life of an operator's token: long enough for one call.
    pub(crate) const OPERATOR: Self = Self(60);

    /// The life in seconds.
    #[must_use]
    pub fn as_secs(self) -> u64 {
        self.0
    }
}

impl TryFrom<Duration> for Ttl {
    type Error = TtlRefused;

    /// Parts of a second are dropped.
    fn try_from(duration: Duration) -> Result<Self, TtlRefused> {
        let seconds = duration.as_secs();
        if seconds < Self::MIN.0 {
            return Err(TtlRefused::TooShort);
        }
        if duration > Duration::from_secs(Self::MAX.0) {
            return Err(TtlRefused::TooLong);
        }
        Ok(Self(seconds))
    }
}

impl FromStr for Ttl {
    type Err = TtlRefused;

    fn from_str(text: &str) -> Result<Self, TtlRefused> {
        humantime::parse_duration(text)
            .map_err(|cause| TtlRefused::Unreadable { text: text.to_owned(), cause })?
            .try_into()
    }
}

#[cfg(test)]
mod tests;
