//! Names of tools and prompts, and addresses of resources: what looks like something else is refused.

/// The longest name (as the protocol recommends for tools).
const LONGEST: usize = 128;
/// The longest address.
const LONGEST_URI: usize = 4096;
/// What stands between a server's name and that of its tool, where several servers are offered as one.
const BETWEEN: &str = "__";

/// Whether a tool's or a prompt's name is plain: letters that look like others and invisible ones can be none of it.
#[must_use]
pub fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:".contains(&byte);
    !name.is_empty() && name.len() <= LONGEST && name.bytes().all(plain)
}

/// Whether a server may be called this: it stands before names of tools and addresses.
#[must_use]
pub fn is_server(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.len() <= 32
        && name.bytes().all(plain)
        && name.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
}

/// What names are compared by: two that differ in case alone, or in how their words are joined, can be mistaken.
#[must_use]
pub fn folded(name: &str) -> String {
    name.bytes()
        .filter(u8::is_ascii_alphanumeric)
        .map(|byte| char::from(byte.to_ascii_lowercase()))
        .collect()
}

/// A tool's name under that of its server.
#[must_use]
pub fn prefixed(server: &str, name: &str) -> String {
    format!("{server}{BETWEEN}{name}")
}

/// Which server's which tool a prefixed name means.
#[must_use]
pub fn split(name: &str) -> Option<(&str, &str)> {
    name.split_once(BETWEEN)
}

/// An address under that of its server: the server's name joins the scheme (RFC 3986 section 3.1 has `+` in schemes).
#[must_use]
pub fn prefixed_uri(server: &str, uri: &str) -> String {
    format!("{server}+{uri}")
}

/// Which server's which resource a prefixed address means.
#[must_use]
pub fn split_uri(uri: &str) -> Option<(&str, &str)> {
    uri.split_once('+')
}

/// Why an address is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriRefused {
    /// It is none (RFC 3986).
    #[error("the address is no URI with a scheme in lower case")]
    Form,
    /// It has segments or escapes that servers read in different ways.
    #[error(
        "the address is ambiguous: dot segments, empty segments, backslashes and needless escapes are refused"
    )]
    Ambiguous,
}

/// Checks that an address means the same to policies and to servers.
///
/// # Errors
/// When it might not.
pub fn check_uri(uri: &str) -> Result<(), UriRefused> {
    let (scheme, rest) = uri.split_once(':').ok_or(UriRefused::Form)?;
    let in_scheme =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
    let starts = scheme.bytes().next().is_some_and(|first| first.is_ascii_lowercase());
    if !starts || !scheme.bytes().all(in_scheme) || uri.len() > LONGEST_URI {
        return Err(UriRefused::Form);
    }
    // Templates have braces, which are no part of an address.
    if !rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>^`{|}".contains(&byte)) {
        return Err(UriRefused::Form);
    }
    let dots = rest.split(['/', '?', '#']).any(|segment| segment == "." || segment == "..");
    let is_file = scheme.rsplit('+').next() == Some("file");
    if rest.contains('\\') || dots || !has_needed_escapes(rest) || !has_one_path(rest, is_file) {
        return Err(UriRefused::Ambiguous);
    }
    Ok(())
}

/// Whether the path is written in one way: without empty segments, and a file's behind an empty authority, with nothing that
/// servers pass over behind it.
fn has_one_path(rest: &str, is_file: bool) -> bool {
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    if is_file && path.len() < rest.len() {
        return false;
    }
    match path.strip_prefix("//") {
        Some(path) => !path.contains("//") && (!is_file || path.starts_with('/')),
        // An address within another's has two slashes of its own.
        None => !is_file && !path.replace("://", ":").contains("//"),
    }
}

/// Whether every escape stands for what can only be written so: neither for a plain character nor for a separator.
fn has_needed_escapes(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        let digits = after.get(..2).filter(|it| it.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(Ok(byte)) = digits.map(|digits| u8::from_str_radix(digits, 16)) else {
            return false;
        };
        !(byte.is_ascii_alphanumeric() || byte.is_ascii_control() || b"-._~/\\%".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_only_looks_like_another_is_not_plain() {
        for name in ["create_issue", "a/b", "v1.get:all-x"] {
            assert!(is_plain(name), "{name}");
        }
        for name in ["", "creatе_issue", "a\u{200b}b", "a b", "ａ", "a\nb", "a\u{202e}b", "a*"] {
            assert!(!is_plain(name), "{name:?}");
        }
        assert!(!is_plain(&"a".repeat(129)));
        assert_eq!(folded("Delete-User"), folded("delete_user"));
    }

    #[test]
    fn an_address_that_servers_read_differently_is_refused() {
        for uri in [
            "file:///a/b.txt",
            "notes+file:///a..b",
            "github:issues/7?x=%20y",
            "notes://a/b?c=d//e",
            "view:https://a/b",
        ] {
            assert_eq!(check_uri(uri), Ok(()), "{uri}");
        }
        for uri in [
            "file:///a/../etc/passwd",
            "file:///a/%2e%2e/etc",
            "file:///a%2fb",
            "file:///a\\b",
            "file:///a/.",
            "file:///%252e",
            "file:///secr%65t",
            "file:///a%",
            "file:///a%0a",
            "file:/etc/passwd",
            "file://localhost/etc/passwd",
            "file:////etc/passwd",
            "files+file:///etc//passwd",
            "notes://a//b",
            "notes:/a//b",
            "notes:a//b",
            "view:https:////a",
            "file:///home/.env?x",
            "notes+file:///home/.env#x",
        ] {
            assert_eq!(check_uri(uri), Err(UriRefused::Ambiguous), "{uri}");
        }
        for uri in ["/etc/passwd", "FILE:///a", "file:///a b", "file:///é", ":a", "file:///{x}"] {
            assert_eq!(check_uri(uri), Err(UriRefused::Form), "{uri}");
        }
    }

    #[test]
    fn prefixes_lead_to_one_server() {
        assert_eq!(split(&prefixed("git", "a__b")), Some(("git", "a__b")));
        assert_eq!(split_uri(&prefixed_uri("git", "x+y:z")), Some(("git", "x+y:z")));
        for name in ["Git", "a_b", "a+b", "", "1a"] {
            assert!(!is_server(name), "{name}");
        }
    }
}
