//! Building frames.

use bytes::{BufMut, BytesMut};

/// Appends a frame whose body `fill` writes.
pub fn frame(out: &mut BytesMut, tag: u8, fill: impl FnOnce(&mut BytesMut)) {
    out.put_u8(tag);
    body(out, fill);
}

/// Appends a length and what it counts, without a tag: a start-up packet.
pub fn body(out: &mut BytesMut, fill: impl FnOnce(&mut BytesMut)) {
    let at = out.len();
    out.put_u32(0);
    fill(out);
    let length = u32::try_from(out.len() - at).unwrap_or(u32::MAX);
    if let Some(slot) = out.get_mut(at..at + 4) {
        slot.copy_from_slice(&length.to_be_bytes());
    }
}

/// Appends text and a NUL. A NUL inside would end the text early, so it is left out.
pub fn cstr(out: &mut BytesMut, text: &str) {
    out.extend(text.bytes().filter(|byte| *byte != 0));
    out.put_u8(0);
}

/// An error or a notice as the client gets it.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// `ERROR`, `FATAL`, `NOTICE`.
    pub severity: &'a str,
    /// The SQLSTATE.
    pub code: &'a str,
    /// What happened.
    pub message: &'a str,
    /// More about it; empty for none.
    pub detail: &'a str,
    /// What to do; empty for none.
    pub hint: &'a str,
}

impl Report<'_> {
    /// Appends it as an `ErrorResponse` (B).
    pub fn error(&self, out: &mut BytesMut) {
        frame(out, b'E', |out| self.fields(out));
    }

    /// Appends it as a `NoticeResponse` (B).
    pub fn notice(&self, out: &mut BytesMut) {
        frame(out, b'N', |out| self.fields(out));
    }

    fn fields(&self, out: &mut BytesMut) {
        let fields = [
            (b'S', self.severity),
            (b'V', self.severity),
            (b'C', self.code),
            (b'M', self.message),
            (b'D', self.detail),
            (b'H', self.hint),
        ];
        for (kind, text) in fields.into_iter().filter(|(_, text)| !text.is_empty()) {
            out.put_u8(kind);
            cstr(out, text);
        }
        out.put_u8(0);
    }
}

/// `Query` (F).
pub fn query(out: &mut BytesMut, text: &str) {
    frame(out, b'Q', |out| cstr(out, text));
}

/// `Parse` (F), with the parameter types as they came.
pub fn parse(out: &mut BytesMut, name: &str, text: &str, types: &[u8]) {
    frame(out, b'P', |out| {
        cstr(out, name);
        cstr(out, text);
        out.put_slice(types);
    });
}

/// `Describe` (F) of a portal.
pub fn describe_portal(out: &mut BytesMut, portal: &str) {
    frame(out, b'D', |out| {
        out.put_u8(b'P');
        cstr(out, portal);
    });
}

/// `StartupMessage` (F), protocol 3.0.
pub fn startup<'a>(out: &mut BytesMut, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) {
    body(out, |out| {
        out.put_u32(super::startup::V3_0);
        for (name, value) in parameters {
            cstr(out, name);
            cstr(out, value);
        }
        out.put_u8(0);
    });
}

/// `SSLRequest` (F).
pub fn ssl_request(out: &mut BytesMut) {
    body(out, |out| out.put_slice(&[0x04, 0xd2, 0x16, 0x2f]));
}

/// `CancelRequest` (F).
pub fn cancel_request(out: &mut BytesMut, process: u32, key: &[u8]) {
    body(out, |out| {
        out.put_slice(&[0x04, 0xd2, 0x16, 0x2e]);
        out.put_u32(process);
        out.put_slice(key);
    });
}

/// An `ErrorResponse` or `NoticeResponse` (B) of these fields.
pub fn report<'a>(out: &mut BytesMut, tag: u8, fields: impl IntoIterator<Item = (u8, &'a [u8])>) {
    frame(out, tag, |out| {
        for (kind, text) in fields {
            out.put_u8(kind);
            out.extend(text.iter().filter(|byte| **byte != 0));
            out.put_u8(0);
        }
        out.put_u8(0);
    });
}

/// `NotificationResponse` (B).
pub fn notification(out: &mut BytesMut, process: u32, channel: &str, payload: &str) {
    frame(out, b'A', |out| {
        out.put_u32(process);
        cstr(out, channel);
        cstr(out, payload);
    });
}

/// `FunctionCallResponse` (B) with no value.
pub fn function_null(out: &mut BytesMut) {
    frame(out, b'V', |out| out.put_i32(-1));
}

/// `Terminate` (F).
pub fn terminate(out: &mut BytesMut) {
    frame(out, b'X', |_| {});
}

/// `ReadyForQuery` (B).
pub fn ready(out: &mut BytesMut, status: u8) {
    frame(out, b'Z', |out| out.put_u8(status));
}

/// `BackendKeyData` (B).
pub fn key_data(out: &mut BytesMut, process: u32, key: &[u8]) {
    frame(out, b'K', |out| {
        out.put_u32(process);
        out.put_slice(key);
    });
}

/// `ParameterStatus` (B).
pub fn parameter(out: &mut BytesMut, name: &str, value: &str) {
    frame(out, b'S', |out| {
        cstr(out, name);
        cstr(out, value);
    });
}

/// `NegotiateProtocolVersion` (B): the newest minor version that is spoken, and the options that are not known.
pub fn negotiate(out: &mut BytesMut, version: u32, unknown: &[&str]) {
    frame(out, b'v', |out| {
        out.put_u32(version);
        out.put_u32(u32::try_from(unknown.len()).unwrap_or(u32::MAX));
        for option in unknown {
            cstr(out, option);
        }
    });
}

/// `AuthenticationOk` (B).
pub fn authentication_ok(out: &mut BytesMut) {
    frame(out, b'R', |out| out.put_u32(0));
}

/// `AuthenticationCleartextPassword` (B).
pub fn authentication_cleartext(out: &mut BytesMut) {
    frame(out, b'R', |out| out.put_u32(3));
}

/// `AuthenticationSASL` (B): the mechanisms to choose from, the best one first.
pub fn authentication_sasl(out: &mut BytesMut, mechanisms: &[&str]) {
    frame(out, b'R', |out| {
        out.put_u32(10);
        for mechanism in mechanisms {
            cstr(out, mechanism);
        }
        out.put_u8(0);
    });
}

/// `AuthenticationSASLContinue` (B): what the mechanism has to say.
pub fn authentication_sasl_continue(out: &mut BytesMut, data: &[u8]) {
    frame(out, b'R', |out| {
        out.put_u32(11);
        out.put_slice(data);
    });
}

/// `PasswordMessage` (F).
pub fn password(out: &mut BytesMut, password: &str) {
    frame(out, b'p', |out| cstr(out, password));
}

/// `SASLInitialResponse` (F); a client may have nothing to say before it is asked.
pub fn sasl_initial(out: &mut BytesMut, mechanism: &str, data: Option<&[u8]>) {
    frame(out, b'p', |out| {
        cstr(out, mechanism);
        // No data is the length -1.
        let length = data.map_or(u32::MAX, |data| u32::try_from(data.len()).unwrap_or(u32::MAX));
        out.put_u32(length);
        out.put_slice(data.unwrap_or_default());
    });
}

/// `SASLResponse` (F).
pub fn sasl_response(out: &mut BytesMut, data: &[u8]) {
    frame(out, b'p', |out| out.put_slice(data));
}
