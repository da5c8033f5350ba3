//! What the gateway itself tells a client: problems (RFC 9457), with the reason, the rule and the session.

pub(crate) mod aws;

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
    withheld: bool,
}

impl Reply {
    /// A denial by a policy, or by the gateway in its place.
    #[must_use]
    pub fn denied(denial: &Denial, session: &str) -> Self {
        Self::of(403, "denied", denial, session)
    }

    /// A denial of what another tunnel may be for (RFC 9110 section 15.5.20).
    #[must_use]
    pub fn misdirected(denial: &Denial, session: &str) -> Self {
        Self::of(421, "denied", denial, session)
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
            hint: "Send `Authorization: Bearer <token>` or `Palisade-Token: <token>` and check the connection's name; a token that has expired or was revoked is replaced by a new one."
                .to_owned(),
        };
        let mut reply = Self::of(401, "refused", &denial, "");
        reply.headers.push(("www-authenticate", "Bearer realm=\"palisade\"".to_owned()));
        reply
    }

    /// A client of the forward proxy that is not let in (RFC 9110 section 15.5.8). It is told the same whatever the cause.
    #[must_use]
    pub fn proxy_unauthorized() -> Self {
        let denial = Denial {
            reason: "there is no such connection for this token".to_owned(),
            rule: "gateway.token".to_owned(),
            hint: "Give the connection as the proxy's user and the token as its password: http://NAME:TOKEN@gateway:port"
                .to_owned(),
        };
        let mut reply = Self::of(407, "refused", &denial, "");
        reply.headers.push(("proxy-authenticate", "Basic realm=\"palisade\"".to_owned()));
        reply
    }

    /// A request by a tunnel whose token lets nobody in any more.
    #[must_use]
    pub fn tunnel_over() -> Self {
        let denial = Denial {
            reason: "the token by which this tunnel was opened lets nobody in any more".to_owned(),
            rule: "gateway.token".to_owned(),
            hint: "Open another tunnel, with a token that does.".to_owned(),
        };
        Self::of(401, "refused", &denial, "")
    }

    /// The whole answer in HTTP/1.1; the connection ends with it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let status = http::StatusCode::from_u16(self.status).unwrap_or_default();
        let words = status.canonical_reason().unwrap_or_default();
        let mut text = format!("HTTP/1.1 {} {words}\r\n", status.as_u16());
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!(
            "content-type: application/problem+json\r\ncache-control: no-store\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n",
            self.body.len()
        ));
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
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
        let mut reply = Self::of(502, "withheld", denial, session);
        reply.withheld = true;
        reply
    }

    /// Whether it stands for a response that the client may not see: then its request has run.
    pub(crate) fn is_withheld(&self) -> bool {
        self.withheld
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
            withheld: false,
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
            withheld: false,
        }
    }
}
