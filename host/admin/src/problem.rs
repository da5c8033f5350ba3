//! Errors as RFC 9457 describes them: `application/problem+json`.

use std::time::Duration;

use serde::Serialize;

/// Why a request was not answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The kind of problem, in a word or two.
    pub title: &'static str,
    /// What is wrong and what to do about it.
    pub detail: String,
}

impl Problem {
    /// The request cannot be understood.
    #[must_use]
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self { status: 400, title: "bad request", detail: detail.into() }
    }

    /// Nobody is known by this token.
    #[must_use]
    pub fn unauthorized() -> Self {
        let detail = "a valid gateway token is needed: palisade token --subject … --role …";
        Self { status: 401, title: "unauthorized", detail: detail.into() }
    }

    /// The caller may not do that.
    #[must_use]
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self { status: 403, title: "forbidden", detail: detail.into() }
    }

    /// There is no such thing, or none that the caller may see.
    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self { status: 404, title: "not found", detail: detail.into() }
    }

    /// It is too late for that.
    #[must_use]
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self { status: 409, title: "conflict", detail: detail.into() }
    }

    /// The caller asks too fast, or failed too often.
    #[must_use]
    pub fn too_many(detail: impl Into<String>) -> Self {
        Self { status: 429, title: "too many requests", detail: detail.into() }
    }

    /// The body was not there in time.
    #[must_use]
    pub fn too_slow(time: Duration) -> Self {
        let detail = format!("the body must be there within {} s", time.as_secs());
        Self { status: 408, title: "too slow", detail }
    }

    /// The body is larger than its route takes.
    #[must_use]
    pub fn too_large(limit: usize) -> Self {
        let detail = format!("the body may have at most {limit} bytes");
        Self { status: 413, title: "too large", detail }
    }

    /// The body is of another kind than its route takes.
    #[must_use]
    pub fn wrong_type(wanted: &str) -> Self {
        let detail = format!("the body must have the content type {wanted}");
        Self { status: 415, title: "unsupported media type", detail }
    }

    /// The request is understood, and what it asks for cannot be done.
    #[must_use]
    pub fn refused(detail: impl Into<String>) -> Self {
        Self { status: 422, title: "refused", detail: detail.into() }
    }

    /// The gateway failed.
    #[must_use]
    pub fn failed(detail: impl Into<String>) -> Self {
        Self { status: 500, title: "failed", detail: detail.into() }
    }
}
