//! Why a session ends, and how soon.

use std::ops::Deref;

/// Why a session ends that nobody else ends before. Whoever tells of it tells when it is time, not before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Whether in the midst of a command, or else once what runs then is done.
    pub at_once: bool,
    /// Whether the gateway stops, which says nothing about whoever was let in.
    pub stopping: bool,
    /// What the client is told.
    pub reason: String,
    /// What the client can do about it; empty for nothing.
    pub hint: String,
}

impl Ending {
    /// An end once what runs is done.
    #[must_use]
    pub fn soon(reason: &str, hint: &str) -> Self {
        let (reason, hint) = (reason.to_owned(), hint.to_owned());
        Self { at_once: false, stopping: false, reason, hint }
    }

    /// An end in the midst of whatever runs.
    #[must_use]
    pub fn at_once(reason: &str) -> Self {
        Self { at_once: true, ..Self::soon(reason, "") }
    }

    /// The end of all sessions.
    #[must_use]
    pub fn stopping() -> Self {
        Self { stopping: true, ..Self::at_once("the gateway is stopping") }
    }

    /// What a session was told, where somebody waited for it; `None` where whoever would have told it is gone.
    pub fn told<E>(heard: Result<impl Deref<Target = Option<Self>>, E>) -> Option<Self> {
        heard.ok()?.clone()
    }

    /// Whether a session was told to end at once.
    #[must_use]
    pub fn is_at_once(told: &Option<Self>) -> bool {
        told.as_ref().is_some_and(|told| told.at_once)
    }

    /// Reason and hint in one line.
    #[must_use]
    pub fn text(&self) -> String {
        match self.hint.as_str() {
            "" => self.reason.clone(),
            hint => format!("{}. {hint}", self.reason),
        }
    }
}
