//! What the gateway itself tells a client, in the protocol's own form.

use bytes::BytesMut;
use palisade_policy::{Denial, HoldNotice};

use crate::codec::build;

/// A statement that no server can parse, sent in place of one that was denied:
/// the server's own failure then puts the transaction, the pipeline and the client's view of both in the right state.
pub const FAILING: &str = "palisade: denied by policy";

/// The name under which [`FAILING`] is prepared, so that the unnamed statement stays as it is.
pub const FAILING_NAME: &str = "palisade_denied";

/// A denial as an `ErrorResponse`: the reason, the rule as detail, what to do as hint.
pub fn denied(code: &str, denial: &Denial, out: &mut BytesMut) {
    let detail =
        if denial.rule.is_empty() { String::new() } else { format!("Rule: {}", denial.rule) };
    build::Report {
        severity: "ERROR",
        code,
        message: &denial.reason,
        detail: &detail,
        hint: &denial.hint,
    }
    .error(out);
}

/// A held command's `NoticeResponse`, sent while the client waits.
pub fn held(notice: &HoldNotice, out: &mut BytesMut) {
    let message = format!("held for approval: {} (hold {})", notice.reason, notice.id);
    let detail = format!("Rule: {}. Denied after {} seconds.", notice.rule, notice.expires_in);
    let hint = format!("It runs once somebody else approves it: {}", notice.how);
    build::Report {
        severity: "NOTICE",
        code: "00000",
        message: &message,
        detail: &detail,
        hint: &hint,
    }
    .notice(out);
}

/// The end of a session.
pub fn fatal(code: &str, message: &str, hint: &str, out: &mut BytesMut) {
    build::Report { severity: "FATAL", code, message, detail: "", hint }.error(out);
}
