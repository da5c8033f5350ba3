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
    let mut lines = 0_usize;
    for line in split_lines(head) {
        if line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return Err(Refused::Head("a line holds a bare carriage return, newline or zero"));
        }
        lines += 1;
        if lines == 1 {
            check_request_line(line, versions)?;
            continue;
        }
        if matches!(line.first(), Some(b' ' | b'\t')) {
            return Err(Refused::Head("a header is folded over several lines"));
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let name = colon.and_then(|colon| line.get(..colon));
        let name = name.ok_or(Refused::Head("a header has no colon"))?;
        if !name.iter().all(|byte| is_token(*byte)) || name.is_empty() {
            return Err(Refused::Head("a header's name is no word"));
        }
        let is = |wanted: &[u8]| name.eq_ignore_ascii_case(wanted);
        framed += usize::from(is(b"content-length") || is(b"transfer-encoding"));
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

/// Cuts at each carriage return with a newline.
fn split_lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(head);
    std::iter::from_fn(move || {
        let text = rest?;
        match text.windows(2).position(|two| two == b"\r\n") {
            Some(at) => {
                rest = text.get(at + 2..);
                text.get(..at)
            }
            None => rest.take(),
        }
    })
}

/// `tchar` of RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
