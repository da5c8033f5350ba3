//! The bytes of an HTTP/1 head, where a lenient parser would say the same of two messages that others tell apart.

use crate::Refused;

/// Looks at a head line by line: its lines end as RFC 9112 section 2.2 says, none is folded (section 5.2), no name has white
/// space behind it (section 5.1), and it is framed once (section 6.3).
///
/// # Errors
/// What other readers could take for something else.
pub fn check_raw(raw: &[u8]) -> Result<(), Refused> {
    check_lines(raw, &[b"HTTP/1.1"])
}

/// The same, for a head of one of these versions.
pub(crate) fn check_lines(raw: &[u8], versions: &[&[u8]]) -> Result<(), Refused> {
    let head = raw.strip_suffix(b"\r\n\r\n").ok_or(Refused::Head("it ends in a bare newline"))?;
    // Empty lines before a request are allowed (section 2.2), and nobody needs them.
    if head.first() == Some(&b'\r') {
        return Err(Refused::Head("it begins with an empty line"));
    }
    let mut framed = 0_usize;
    let mut rest = head;
    for at in 0.. {
        let (line, behind) = split_line(rest)?;
        match at {
            0 => check_request_line(line, versions)?,
            _ => framed += usize::from(is_framing(check_header_line(line)?)),
        }
        let Some(behind) = behind else { break };
        rest = behind;
    }
    if framed > 1 {
        return Err(Refused::Framing("more than one header says how long the body is"));
    }
    Ok(())
}

/// Three words with one space between them (section 3).
fn check_request_line(line: &[u8], versions: &[&[u8]]) -> Result<(), Refused> {
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    match words.as_slice() {
        [method, target, version] if !method.is_empty() && !target.is_empty() => {
            if versions.contains(version) { Ok(()) } else { Err(Refused::Version) }
        }
        _ => Err(Refused::Head("the request line is not three words")),
    }
}

/// The first line, and what is behind it where there is more.
fn split_line(head: &[u8]) -> Result<(&[u8], Option<&[u8]>), Refused> {
    let Some(end) = memchr::memchr3(b'\r', b'\n', 0, head) else { return Ok((head, None)) };
    let (line, behind) = head.split_at(end);
    let behind = behind.strip_prefix(b"\r\n");
    let bare = Refused::Head("a line holds a bare carriage return, newline or zero");
    Ok((line, Some(behind.ok_or(bare)?)))
}

/// A header's name.
fn check_header_line(line: &[u8]) -> Result<&[u8], Refused> {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Err(Refused::Head("a header is folded over several lines"));
    }
    let colon = memchr::memchr(b':', line);
    let name = colon.and_then(|colon| line.get(..colon));
    let name = name.ok_or(Refused::Head("a header has no colon"))?;
    if !name.iter().all(|byte| is_token(*byte)) || name.is_empty() {
        return Err(Refused::Head("a header's name is no word"));
    }
    Ok(name)
}

/// Whether a header of this name says where the body ends.
fn is_framing(name: &[u8]) -> bool {
    let is = |wanted: &[u8]| name.eq_ignore_ascii_case(wanted);
    is(b"content-length") || is(b"transfer-encoding")
}

/// `tchar` of RFC 9110 section 5.6.2.
pub(crate) fn is_token(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b'^'..=b'z' | b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'|' | b'~')
}
