//! Forms and queries: `application/x-www-form-urlencoded` (WHATWG URL, section 5), read strictly.

/// Its pairs without their escapes; `None` where one is cut short or no text.
pub(crate) fn pairs(form: &[u8]) -> Option<Vec<(String, String)>> {
    let parts = form.split(|byte| *byte == b'&').filter(|part| !part.is_empty());
    let pair = |part: &[u8]| {
        let mut halves = part.splitn(2, |byte| *byte == b'=');
        Some((plain(halves.next()?)?, plain(halves.next().unwrap_or_default())?))
    };
    parts.map(pair).collect()
}

/// Takes the escapes out of one name or value; `None` for what is no text.
fn plain(escaped: &[u8]) -> Option<String> {
    let mut bytes = escaped.iter().copied();
    let mut plain = Vec::with_capacity(escaped.len());
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'+' => b' ',
            b'%' => digit(bytes.next()?)? << 4 | digit(bytes.next()?)?,
            other => other,
        });
    }
    String::from_utf8(plain).ok()
}

fn digit(byte: u8) -> Option<u8> {
    let value = char::from(byte).to_digit(16)?;
    u8::try_from(value).ok()
}
