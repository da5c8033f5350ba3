//! What the server says besides results: errors, notices, notifications, parameters, names of columns.
//!
//! Three nets, one behind the other: what belongs to a statement that touches something protected is told without
//! the server's own words, unless these cannot quote a value; all other text is treated as the policies plan for messages;
//! and no text repeats what was covered in this session.

use std::borrow::Cow;
use std::sync::Arc;

use palisade_mask::{MESSAGE, MessageMask};
use palisade_policy::Shape;
use palisade_relay::Output;

use super::expected::Expected;
use super::{Answer, Session};
use crate::codec::{Frame, FrameError, backend, build};
use crate::reading::{Reading, StatementReading};

/// What a client reads in place of an error's own message.
const WITHHELD: &str = "the server's message is withheld, since it could quote a protected value";

/// Fields of a report that hold text, with the names that policies know them by.
const TEXTS: [(u8, &str); 10] = [
    (b'M', "message"),
    (b'D', "detail"),
    (b'H', "hint"),
    (b'W', "context"),
    (b'q', "query"),
    (b's', "schema"),
    (b't', "table"),
    (b'c', "column"),
    (b'd', "type"),
    (b'n', "constraint"),
];

/// Parameters that can hold nothing of one's choice: a function could put any value into the others.
const OF_FEW_VALUES: [&str; 10] = [
    "DateStyle",
    "IntervalStyle",
    "client_encoding",
    "default_transaction_read_only",
    "in_hot_standby",
    "integer_datetimes",
    "is_superuser",
    "server_encoding",
    "server_version",
    "standard_conforming_strings",
];

/// A report, field by field.
type Fields<'a> = Vec<(u8, &'a [u8])>;

/// A report that the client sees otherwise than it came.
pub(super) struct ShownReport<'a>(Vec<(u8, Cow<'a, [u8]>)>);

impl ShownReport<'_> {
    /// Sends it in the place of a message of this tag.
    pub(super) fn send(&self, tag: u8, output: &mut Output<Answer>) {
        let fields = self.0.iter().map(|(kind, text)| (*kind, &**text));
        output.client.build(|out| build::report(out, tag, fields));
    }

    /// What it says.
    pub(super) fn message(&self) -> Cow<'_, str> {
        let message = self.0.iter().find(|(kind, _)| *kind == b'M');
        message.map_or("".into(), |(_, text)| String::from_utf8_lossy(text))
    }
}

impl Session {
    /// Sends a notice on as the client may see it. Gives whether it passes as it came.
    pub(super) fn notice(
        &mut self,
        frame: &Frame<'_>,
        output: &mut Output<Answer>,
    ) -> Result<bool, FrameError> {
        let shown = self.shown(frame)?;
        if let Some(report) = &shown {
            report.send(frame.tag, output);
        }
        Ok(shown.is_none())
    }

    /// An error or a notice as the client may see it; `None` where it passes as it came.
    pub(super) fn shown<'a>(
        &mut self,
        frame: &Frame<'a>,
    ) -> Result<Option<ShownReport<'a>>, FrameError> {
        let rewritten = self.rewrite_due();
        if self.gate.masks_nothing() && rewritten.is_none() {
            return Ok(None);
        }
        let fields = backend::report_fields(frame)?;
        let guarded = !self.gate.masks_nothing() && self.is_guarded();
        let shown =
            if guarded && could_quote(&fields) { withheld(&fields) } else { fields.clone() };
        let mut told: Vec<(u8, Cow<'a, [u8]>)> = Vec::with_capacity(shown.len());
        let raised = is_raised(&fields);
        for (kind, text) in shown {
            let text = match (kind, &rewritten) {
                (b'P', Some((from, to))) => super::rewritten::position(text, from, to),
                _ => self.treat_field(kind, text, raised),
            };
            told.extend(text.map(|text| (kind, text)));
        }
        let same = told.len() == fields.len()
            && told.iter().zip(&fields).all(|((a, shown), (b, came))| a == b && **shown == **came);
        Ok((!same).then_some(ShownReport(told)))
    }

    /// One field of a report, as the policies plan for messages.
    fn treat_field<'a>(&mut self, kind: u8, text: &'a [u8], raised: bool) -> Option<Cow<'a, [u8]>> {
        let Some((_, name)) = TEXTS.iter().find(|(known, _)| *known == kind) else {
            return Some(Cow::Borrowed(text));
        };
        // The words of a procedure, wherever it puts them.
        let name = if raised { "raised" } else { name };
        let treated = match std::str::from_utf8(text) {
            Ok(text) => self.treat(name, text).map(|shown| match shown {
                Cow::Borrowed(shown) => Cow::Borrowed(shown.as_bytes()),
                Cow::Owned(shown) => Cow::Owned(shown.into_bytes()),
            }),
            // In another encoding nothing can be found.
            Err(_) if self.gate.masks_nothing() => Some(Cow::Borrowed(text)),
            Err(_) => None,
        };
        // A client may not do without a message.
        treated.or_else(|| (kind == b'M').then_some(Cow::Borrowed(WITHHELD.as_bytes())))
    }

    /// A text that the server says under a name, as the client may see it; `None` where it may see nothing of it.
    fn treat<'a>(&mut self, name: &str, text: &'a str) -> Option<Cow<'a, str>> {
        let mask = self.message_mask()?;
        self.masker.message(&mask, self.seen.seen(), name, text)
    }

    /// How messages are treated by the policies of this moment; `None` where one of them fails.
    fn message_mask(&mut self) -> Option<Arc<MessageMask>> {
        let edition = self.gate.edition();
        if let Some((known, mask)) = &self.message_mask
            && *known == edition
            && self.gate.plans_last()
        {
            return Some(Arc::clone(mask));
        }
        let planned = self.gate.plan(&Shape::Document(MESSAGE.to_owned())).ok()?;
        let mask = Arc::new(MessageMask::new(&planned.masking).ok()?);
        self.message_mask = Some((edition, Arc::clone(&mask)));
        Some(mask)
    }

    /// `NotificationResponse`: whether it passes as it came.
    pub(super) fn notification(
        &mut self,
        frame: &Frame<'_>,
        output: &mut Output<Answer>,
    ) -> Result<bool, FrameError> {
        if self.gate.masks_nothing() {
            return Ok(true);
        }
        let (process, channel, payload) = backend::notification(frame)?;
        let mut shown = |name: &str, text: &[u8]| {
            let treated = std::str::from_utf8(text).ok().and_then(|text| self.treat(name, text));
            treated.unwrap_or_default().into_owned()
        };
        let (channel_shown, payload_shown) = (shown("channel", channel), shown("payload", payload));
        if channel_shown.as_bytes() == channel && payload_shown.as_bytes() == payload {
            return Ok(true);
        }
        let told = |out: &mut _| build::notification(out, process, &channel_shown, &payload_shown);
        output.client.build(told);
        Ok(false)
    }

    /// `ParameterStatus`: whether it passes as it came.
    pub(super) fn parameter_status(
        &mut self,
        frame: &Frame<'_>,
        output: &mut Output<Answer>,
    ) -> Result<bool, FrameError> {
        let (name, value) = backend::parameter(frame)?;
        self.encoding.follow(name, value);
        if self.gate.masks_nothing() || OF_FEW_VALUES.contains(&name) {
            return Ok(true);
        }
        if !self.transaction.is_clients_own(name, value) {
            // What is not followed may have made it of any value: the client keeps what it was told before.
            return Ok(false);
        }
        let shown = self.treat("parameter", value).unwrap_or_default().into_owned();
        if shown == value {
            return Ok(true);
        }
        output.client.build(|out| build::parameter(out, name, &shown));
        Ok(false)
    }

    /// Whether a column's name repeats what was covered, or looks like a secret. The names that a statement gives are in
    /// its text; only of one that runs unseen code they may be made of values.
    pub(super) fn names_tell(&mut self, columns: &[backend::Column]) -> bool {
        let opaque = match self.due.front() {
            Some(Expected::Query { reading, complete, .. }) => {
                reading.statements.get(*complete).is_none_or(StatementReading::is_opaque)
            }
            Some(Expected::DescribeStatement { statement, .. }) => is_opaque(&statement.reading()),
            Some(Expected::DescribePortal { portal, .. }) => is_opaque(&portal.planned.reading),
            _ => true,
        };
        if self.gate.masks_nothing() || !opaque {
            return false;
        }
        columns.iter().any(|column| {
            let shown = self.treat("column", &column.name);
            shown.is_none_or(|shown| shown != column.name)
        })
    }

    /// Whether what the server says now could quote a protected value.
    fn is_guarded(&self) -> bool {
        let at_end = |reading: &Reading| {
            let mut effects = reading.statements.iter().flat_map(|statement| &statement.effects);
            effects.any(|effect| matches!(effect, palisade_sql::Effect::Commit { .. }))
        };
        match self.due.front() {
            Some(Expected::Query { reading, complete, .. }) => {
                let statement = reading.statements.get(*complete);
                statement.is_none_or(|statement| statement.guarded)
                    || (self.guarded && at_end(reading))
            }
            Some(Expected::Execute { reading, .. } | Expected::Function { reading, .. }) => {
                let statement = reading.statements.first();
                statement.is_none_or(|statement| statement.guarded)
                    || (self.guarded && at_end(reading))
            }
            Some(Expected::Bind { portal, .. } | Expected::DescribePortal { portal, .. }) => {
                portal.planned.reading.statements.iter().any(|statement| statement.guarded)
            }
            Some(
                Expected::Parse { statement, .. } | Expected::DescribeStatement { statement, .. },
            ) => statement.reading().statements.iter().any(|statement| statement.guarded),
            Some(Expected::Refused { .. } | Expected::DescribeOther | Expected::Close) => false,
            // What was put off to the end of the transaction, or comes unasked.
            Some(Expected::Sync { .. }) | None => self.guarded,
        }
    }

    /// The text that a policy put in the place of the one whose answer is due, and that one.
    fn rewrite_due(&self) -> Option<(Arc<str>, Arc<str>)> {
        match self.due.front()? {
            Expected::Query { rewritten, .. } => rewritten.clone(),
            Expected::Parse { statement, .. } => statement.rewritten(),
            Expected::Bind { portal, .. } | Expected::Execute { portal, .. } => {
                portal.statement.rewritten()
            }
            _ => None,
        }
    }
}

fn is_opaque(reading: &Reading) -> bool {
    reading.statements.first().is_none_or(StatementReading::is_opaque)
}

fn field<'a>(fields: &Fields<'a>, kind: u8) -> &'a [u8] {
    fields.iter().find(|(known, _)| *known == kind).map_or(&[], |(_, text)| *text)
}

/// Whether a procedure says it, or something that does not tell where it is said.
fn is_raised(fields: &Fields<'_>) -> bool {
    let file = field(fields, b'F');
    file.is_empty() || file.starts_with(b"pl")
}

/// Whether a report of a statement that touches something protected could quote a value.
///
/// Errors of the analysis point into the statement's text and quote only that; a procedure's own words may be any.
fn could_quote(fields: &Fields<'_>) -> bool {
    let code = field(fields, b'C');
    if is_raised(fields) {
        return true;
    }
    let class = code.get(..2).unwrap_or_default();
    let pointed = !field(fields, b'P').is_empty();
    match (class, code) {
        (b"0A", _) if field(fields, b'R') == b"RevalidateCachedQuery" => false,
        (b"42" | b"0A", _) => !pointed,
        // States of cursors, transactions and statements, conflicts, cancellation. Not whole: what is named there in other
        // codes (a database, a cursor, a file, a word) may be a value that was taken for a name.
        (b"24" | b"25" | b"26" | b"40" | b"57", _) => false,
        // A message out of order, no room or connection left, a statement too deep, a lock that was not had.
        (_, b"08P01" | b"53100" | b"53300" | b"53400" | b"54001" | b"55P03") => false,
        _ => true,
    }
}

/// What is left of such a report: what kind of error it is, and where.
fn withheld<'a>(fields: &Fields<'a>) -> Fields<'a> {
    let procedural = is_raised(fields);
    let kept = fields.iter().filter_map(|(kind, text)| match kind {
        b'M' => Some((*kind, WITHHELD.as_bytes())),
        b'D' | b'H' | b'W' | b'q' => None,
        // Names of the server's own choice; a procedure may put anything there.
        b's' | b't' | b'c' | b'd' | b'n' if procedural => None,
        _ => Some((*kind, *text)),
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(fields: &[(u8, &str)]) -> String {
        let fields: Fields<'_> =
            fields.iter().map(|(kind, text)| (*kind, text.as_bytes())).collect();
        let shown = if could_quote(&fields) { withheld(&fields) } else { fields };
        let text = |(kind, text): &(u8, &[u8])| {
            format!("{}={}", char::from(*kind), String::from_utf8_lossy(text))
        };
        shown.iter().map(text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_a_failed_conversion_quotes_is_withheld_and_its_code_is_told() {
        let shown = shown(&[
            (b'S', "ERROR"),
            (b'C', "22P02"),
            (b'M', "invalid input syntax for type integer: \"hunter2\""),
            (b'W', "at hunter2"),
            (b'F', "numutils.c"),
        ]);
        assert_eq!(shown, format!("S=ERROR C=22P02 M={WITHHELD} F=numutils.c"));
    }

    #[test]
    fn a_value_that_was_taken_for_the_name_of_something_else_is_withheld() {
        for code in ["3D000", "34000", "54000", "58P01", "01000", "00000", "55P04"] {
            let fields = [(b'C', code), (b'M', "\"hunter2\" it is not"), (b'F', "some.c")];
            assert!(!shown(&fields).contains("hunter2"), "{code}");
        }
    }

    #[test]
    fn a_cancellation_is_told_in_full() {
        let reason = "canceling statement due to statement timeout";
        for code in ["57014", "40001", "25P02", "55P03"] {
            let fields = [(b'C', code), (b'M', reason), (b'F', "postgres.c")];
            assert!(shown(&fields).contains(reason), "{code}");
        }
    }

    #[test]
    fn an_error_of_the_analysis_is_told_in_full() {
        let fields = [
            (b'C', "42703"),
            (b'M', "column \"x\" does not exist"),
            (b'H', "Perhaps you meant \"y\"."),
            (b'P', "8"),
            (b'F', "parse_relation.c"),
        ];
        assert!(shown(&fields).contains("Perhaps"));
    }

    #[test]
    fn a_name_that_a_value_was_taken_for_is_withheld() {
        let fields =
            [(b'C', "42P01"), (b'M', "relation \"hunter2\" does not exist"), (b'F', "namespace.c")];
        assert!(!shown(&fields).contains("hunter2"));
    }

    #[test]
    fn what_a_procedure_raises_is_withheld_under_whatever_code() {
        let fields = [
            (b'C', "42703"),
            (b'M', "hunter2"),
            (b'n', "hunter2"),
            (b'P', "1"),
            (b'F', "pl_exec.c"),
        ];
        assert!(!shown(&fields).contains("hunter2"));
    }
}
