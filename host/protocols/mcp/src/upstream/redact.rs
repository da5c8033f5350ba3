//! Takes the gateway's credentials out of what servers say: some repeat what they were given.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::Transport;
use crate::json::Json;
use crate::message::Message;

/// Shorter secrets would be found in any text.
const SHORTEST: usize = 6;
/// What takes a secret's place.
const COVER: &str = "********";

/// The secrets that a server was given.
pub(crate) struct Redact(Vec<Zeroizing<String>>);

impl Redact {
    pub(crate) fn new(transport: &Transport) -> Self {
        let given = match transport {
            Transport::Launch(launch) => &launch.secrets,
            Transport::Remote(remote) => &remote.secrets,
        };
        let mut given: Vec<_> =
            given.iter().filter(|secret| secret.len() >= SHORTEST).cloned().collect();
        // One that holds another is covered whole.
        given.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self(given)
    }

    /// The text without the secrets.
    pub(crate) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for secret in &self.0 {
            if text.contains(secret.as_str()) {
                text = Cow::Owned(text.replace(secret.as_str(), COVER));
            }
        }
        text
    }

    pub(crate) fn message(&self, message: &mut Message) {
        if self.0.is_empty() {
            return;
        }
        match message {
            Message::Request { params, .. } | Message::Notification { params, .. } => {
                self.json(params);
            }
            Message::Result { result, .. } => self.json(result),
            Message::Error { error, .. } => {
                error.message = self.text(&error.message).into_owned();
                error.data.iter_mut().for_each(|data| self.json(data));
            }
        }
    }

    fn json(&self, json: &mut Json) {
        match json {
            Json::Text(text) => {
                if let Cow::Owned(covered) = self.text(text) {
                    *text = covered;
                }
            }
            Json::List(list) => list.iter_mut().for_each(|inner| self.json(inner)),
            Json::Object(members) => {
                for (name, value) in members {
                    if let Cow::Owned(covered) = self.text(name) {
                        *name = covered;
                    }
                    self.json(value);
                }
            }
            Json::Number(spelled) => {
                if let Cow::Owned(covered) = self.text(spelled) {
                    *json = Json::Text(covered);
                }
            }
            Json::Null | Json::Bool(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::Launch;

    #[test]
    fn a_server_cannot_tell_what_it_was_given() {
        let variable =
            |name: &str, value: &str| (name.to_owned(), Zeroizing::new(value.to_owned()));
        let redact = Redact::new(&Transport::Launch(Launch {
            command: vec![],
            environment: vec![variable("TOKEN", "s3cr3t-t0ken"), variable("PATH", "/usr/bin")],
            secrets: ["s3cr3t-t0ken", "34567890"].map(|it| Zeroizing::new(it.to_owned())).into(),
            folder: None,
        }));
        let text = br#"{"jsonrpc":"2.0","id":1,"result":{"n":1234567890,"s3cr3t-t0ken":["x s3cr3t-t0\u006ben","/usr/bin"]}}"#;
        let mut message = Message::read(text, false).unwrap().remove(0);
        redact.message(&mut message);
        let told = message.json().to_text();
        assert!(
            told.ends_with(r#"{"n":"12********","********":["x ********","/usr/bin"]}}"#),
            "{told}"
        );
    }
}
