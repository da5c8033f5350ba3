//! What the record has of a call: each message by its direction and size, up to a number, and how the call ended.

use std::sync::Arc;

use palisade_policy::{Observation, RecordedField, RecordedResult};

/// So many messages are told one by one.
const MOST_ROWS: usize = 100;

/// Who sent a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    Client,
    Service,
}

/// Messages of one direction.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    messages: u64,
    bytes: u64,
}

/// A call's messages.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    rows: Vec<(From, u32)>,
    client: Sum,
    service: Sum,
}

impl Ledger {
    /// Notes a message of so many bytes.
    pub(super) fn note(&mut self, from: From, length: u32) {
        let sum = match from {
            From::Client => &mut self.client,
            From::Service => &mut self.service,
        };
        sum.messages += 1;
        sum.bytes += u64::from(length);
        if self.rows.len() < MOST_ROWS {
            self.rows.push((from, length));
        }
    }

    /// Bytes of messages to the client.
    pub(super) fn answered(&self) -> u64 {
        self.service.bytes
    }

    /// The result of the call, which ended like this.
    pub(super) fn result(
        &self,
        end: &str,
        masked: bool,
        observed: &Arc<[Observation]>,
    ) -> RecordedResult {
        let field = |name: &str, kind: &str| RecordedField {
            name: name.to_owned(),
            type_name: kind.to_owned(),
            masked,
            sources: None,
        };
        let row = |(from, length): &(From, u32)| {
            let from = if *from == From::Client { "client" } else { "service" };
            vec![Some(from.to_owned()), Some(length.to_string())]
        };
        let (client, service) = (self.client, self.service);
        let all = client.messages + service.messages;
        let tag = format!(
            "{end}; {} messages of {} bytes from the client, {} of {} from the service",
            client.messages, client.bytes, service.messages, service.bytes
        );
        RecordedResult {
            fields: vec![field("message from", "text"), field("bytes", "int8")].into(),
            rows: self.rows.iter().map(row).collect(),
            row_count: all,
            bytes: service.bytes,
            truncated: all > self.rows.len() as u64,
            tag,
            observed: Arc::clone(observed),
        }
    }
}
