//! All that a client received, and what can be found in it.

use std::fmt::Write;

/// The type of object identifiers.
const OID: u32 = 26;

/// Messages in their order.
#[derive(Clone, Default)]
pub(crate) struct Transcript {
    messages: Vec<(u8, Vec<u8>)>,
}

impl Transcript {
    pub(crate) fn push(&mut self, tag: u8, body: Vec<u8>) {
        self.messages.push((tag, body));
    }

    pub(crate) fn append(&mut self, mut other: Self) {
        self.messages.append(&mut other.messages);
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// What came after so many messages.
    pub(crate) fn since(&self, start: usize) -> Self {
        Self { messages: self.messages[start..].to_vec() }
    }

    pub(crate) fn last(&self) -> &[u8] {
        self.messages.last().map_or(&[], |(_, body)| body)
    }

    pub(crate) fn last_starts_with(&self, bytes: &[u8]) -> bool {
        self.last().starts_with(bytes)
    }

    pub(crate) fn has(&self, tag: u8) -> bool {
        self.messages.iter().any(|(other, _)| *other == tag)
    }

    /// Whether these bytes were received: in a message, or scattered over cells, copied data or column names.
    pub(crate) fn shows(&self, needle: &[u8]) -> bool {
        let within = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        self.messages.iter().any(|(_, body)| within(body))
            || within(
                &self.joined(b'D', |body| cells(body).into_iter().flatten().flatten().collect()),
            )
            || within(&self.joined(b'd', <[u8]>::to_vec))
            || within(&self.joined(b'T', |body| {
                columns(body).into_iter().flat_map(|(name, _)| name).collect()
            }))
    }

    fn joined(&self, tag: u8, part: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
        let of_tag = self.messages.iter().filter(|(other, _)| *other == tag);
        of_tag.flat_map(|(_, body)| part(body)).collect()
    }

    /// The first error's code and message.
    pub(crate) fn error(&self) -> Option<String> {
        let (_, body) = self.messages.iter().find(|(tag, _)| *tag == b'E')?;
        Some(notice(body))
    }

    /// The cells of all rows as text, for answers that a test reads.
    pub(crate) fn rows(&self) -> Vec<Vec<String>> {
        let text = |cell: Option<Vec<u8>>| {
            cell.map_or("NULL".to_owned(), |cell| String::from_utf8_lossy(&cell).into_owned())
        };
        let rows = self.messages.iter().filter(|(tag, _)| *tag == b'D');
        rows.map(|(_, body)| cells(body).into_iter().map(text).collect()).collect()
    }

    /// What a client can tell two answers apart by, a line for each message.
    /// Object identifiers of what was made differ from run to run and are left out, as is what only tells where in the
    /// server's own source an error arose.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut kinds = vec![];
        let lines = self.messages.iter().map(|(tag, body)| {
            if *tag == b'T' {
                kinds = columns(body).into_iter().map(|(_, kind)| kind).collect();
            }
            line(*tag, body, &kinds)
        });
        lines.collect()
    }

    /// The lines, shortened for a report.
    pub(crate) fn report(&self) -> String {
        let mut lines = self.lines();
        lines.retain(|line| !line.starts_with(['S', 'K', 'R']));
        let cut = |line: &String| line.chars().take(300).collect::<String>();
        lines.iter().take(12).map(cut).collect::<Vec<_>>().join("\n      ")
    }
}

fn line(tag: u8, body: &[u8], kinds: &[u32]) -> String {
    let mut line = String::from(char::from(tag));
    let _ = match tag {
        b'T' => columns(body).iter().try_for_each(|(name, kind)| {
            let built_in = if *kind < 16_384 { *kind } else { 0 };
            write!(line, " {}:{built_in}", printable(name))
        }),
        b'D' => cells(body).iter().enumerate().try_for_each(|(at, cell)| match cell {
            Some(cell) if kinds.get(at) == Some(&OID) && cell.len() > 4 => write!(line, " [oid]"),
            Some(cell) => write!(line, " [{}]", printable(cell)),
            None => write!(line, " NULL"),
        }),
        b'E' | b'N' => write!(line, " {}", notice(body)),
        b'K' => Ok(()),
        b'A' => write!(line, " {}", printable(body.get(4..).unwrap_or_default())),
        _ => write!(line, " {}", printable(body)),
    };
    line
}

fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).escape_debug().to_string()
}

/// The fields of an error or notice that speak to the client.
fn notice(body: &[u8]) -> String {
    let fields = body.split(|byte| *byte == 0).filter(|field| !field.is_empty());
    let spoken = fields.filter(|field| !b"VFLRP".contains(&field[0]));
    spoken.map(printable).collect::<Vec<_>>().join(" | ")
}

/// The cells of a `DataRow`.
fn cells(body: &[u8]) -> Vec<Option<Vec<u8>>> {
    let mut found = vec![];
    let mut rest = body.get(2..).unwrap_or_default();
    while let Some((size, after)) = rest.split_first_chunk::<4>() {
        let Ok(size) = usize::try_from(i32::from_be_bytes(*size)) else {
            found.push(None);
            rest = after;
            continue;
        };
        let (cell, after) = after.split_at(size.min(after.len()));
        found.push(Some(cell.to_vec()));
        rest = after;
    }
    found
}

/// The names and types of a `RowDescription`.
fn columns(body: &[u8]) -> Vec<(Vec<u8>, u32)> {
    let mut found = vec![];
    let mut rest = body.get(2..).unwrap_or_default();
    while let Some(end) = rest.iter().position(|byte| *byte == 0) {
        let Some(fixed) = rest.get(end + 1..end + 19) else { break };
        let kind = u32::from_be_bytes([fixed[6], fixed[7], fixed[8], fixed[9]]);
        found.push((rest[..end].to_vec(), kind));
        rest = &rest[end + 19..];
    }
    found
}
