//! What the gateway itself tells a client: problems (RFC 9457), with the reason, the rule and the session.

use bytes::Bytes;
use palisade_policy::{Denial, Ending, HoldNotice};
use serde_json::{Value, json};

use crate::Refused;

/// An answer of the gateway's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Headers besides those of the body.
    pub headers: Vec<(&'static str, String)>,
    /// The body, `application/problem+json`.
    pub body: Bytes,
    /// The reason, for the record.
    pub reason: String,
    /// The rule, for the record.
    pub rule: String,
}

impl Reply {
    /// A denial by a policy, or by the gateway in its place.
    #[must_use]
    pub fn denied(denial: &Denial, session: &str) -> Self {
        Self::of(403, "denied", denial, session)
    }

    /// A request that is refused whatever the policies say.
    #[must_use]
    pub fn refused(refused: Refused, session: &str) -> Self {
        Self::of(refused.status(), "refused", &refused.denial(), session)
    }

    /// A client that is not let in. It is told the same whatever the cause.
    #[must_use]
    pub fn unauthorized() -> Self {
        let denial = Denial {
            reason: "there is no such connection for this token".to_owned(),
            rule: "gateway.token".to_owned(),
            hint: "Send `Authorization: Bearer <token>` or `Palisade-Token: <token>` and check the connection's name."
                .to_owned(),
        };
        let mut reply = Self::of(401, "refused", &denial, "");
        reply.headers.push(("www-authenticate", "Bearer realm=\"palisade\"".to_owned()));
        reply
    }

    /// The gateway or the service cannot serve the request now.
    #[must_use]
    pub fn unavailable(status: u16, reason: &str, session: &str) -> Self {
        let denial = Denial {
            reason: reason.to_owned(),
            rule: "gateway.unavailable".to_owned(),
            hint: String::new(),
        };
        Self::of(status, "unavailable", &denial, session)
    }

    /// A response that the client may not see.
    #[must_use]
    pub fn withheld(denial: &Denial, session: &str) -> Self {
        Self::of(502, "withheld", denial, session)
    }

    /// A request of a session that is over.
    #[must_use]
    pub fn over(ending: &Ending, session: &str) -> Self {
        let status = if ending.stopping { 503 } else { 401 };
        Self::unavailable(status, &ending.text(), session)
    }

    /// A request that waits, for a client that does not; `location` is where it can be asked for.
    #[must_use]
    pub fn held(notices: &[HoldNotice], location: &str, session: &str) -> Self {
        let holds: Vec<Value> = notices
            .iter()
            .map(|hold| {
                json!({
                    "id": hold.id, "reason": hold.reason, "rule": hold.rule, "how": hold.how,
                    "expires_in": hold.expires_in,
                })
            })
            .collect();
        let body = json!({
            "title": "held for approval", "status": 202, "session": session,
            "location": location, "holds": holds,
        });
        Self {
            status: 202,
            headers: vec![
                ("location", location.to_owned()),
                ("retry-after", "2".to_owned()),
                ("preference-applied", "respond-async".to_owned()),
            ],
            body: Bytes::from(body.to_string()),
            reason: String::new(),
            rule: String::new(),
        }
    }

    fn of(status: u16, title: &str, denial: &Denial, session: &str) -> Self {
        let mut body = json!({
            "type": "about:blank", "title": title, "status": status, "detail": denial.reason,
        });
        let more =
            [("rule", &denial.rule), ("hint", &denial.hint), ("session", &session.to_owned())];
        if let Some(body) = body.as_object_mut() {
            let more = more.into_iter().filter(|(_, text)| !text.is_empty());
            body.extend(more.map(|(name, text)| (name.to_owned(), text.as_str().into())));
        }
        Self {
            status,
            headers: vec![],
            body: Bytes::from(body.to_string()),
            reason: denial.reason.clone(),
            rule: denial.rule.clone(),
        }
    }
}
