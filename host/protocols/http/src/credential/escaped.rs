//! A secret as documents have it: in addresses, in JSON, in HTML.

use zeroize::Zeroizing;

/// The forms that writers of documents give a text; each escapes a little more than the one before, or in its own way.
pub(super) fn escaped(secret: &str) -> Vec<Zeroizing<Vec<u8>>> {
    let forms: [fn(char) -> Option<String>; 9] = [
        |c| (!is_unreserved(c)).then(|| percent(c, true)),
        |c| (!is_unreserved(c)).then(|| percent(c, false)),
        |c| (!is_unreserved(c) && c != '/').then(|| percent(c, true)),
        // RFC 8259 section 7: quotation marks and backslashes, and with them slashes; for HTML's sake a few more (Go, Ruby,
        // Python's templates), or all that is no letter (.NET).
        |c| matches!(c, '"' | '\\').then(|| format!("\\{c}")),
        |c| matches!(c, '"' | '\\' | '/').then(|| format!("\\{c}")),
        |c| json(c, "<>&", false),
        |c| json(c, "<>&'", false),
        |c| json(c, "<>&'+`\"", true),
        html,
    ];
    forms.iter().map(|form| written(secret, form)).collect()
}

fn written(secret: &str, form: impl Fn(char) -> Option<String>) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(secret.len() * 6));
    for c in secret.chars() {
        match form(c) {
            Some(escape) => out.extend_from_slice(escape.as_bytes()),
            None => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out
}

/// RFC 3986 section 2.3.
fn is_unreserved(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~')
}

fn percent(c: char, upper: bool) -> String {
    let mut bytes = [0; 4];
    let escapes = c.encode_utf8(&mut bytes).bytes();
    escapes
        .map(|byte| if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") })
        .collect()
}

fn json(c: char, others: &str, upper: bool) -> Option<String> {
    let code = u32::from(c);
    match c {
        c if others.contains(c) && upper => Some(format!("\\u{code:04X}")),
        c if others.contains(c) => Some(format!("\\u{code:04x}")),
        '"' | '\\' => Some(format!("\\{c}")),
        _ => None,
    }
}

fn html(c: char) -> Option<String> {
    let escape = match c {
        '&' => "&amp;",
        '<' => "&lt;",
        '>' => "&gt;",
        '"' => "&quot;",
        '\'' => "&#39;",
        _ => return None,
    };
    Some(escape.to_owned())
}
