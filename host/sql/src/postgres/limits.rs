//! Texts that the parser would take too long for, told from their bytes before it sees them.
//!
//! It is quadratic in runs of operator characters and in nested comments, and what else grows with a text grows
//! with its words. The counts are estimates that look into literals and comments too: a text near the limits may be
//! refused where it need not be, but none that is over them gets through.

/// The most starts of a comment in a text.
const MAX_COMMENTS: usize = 1_000;

/// How deep comments may nest.
const MAX_NESTING: usize = 50;

/// The longest run of operator characters. A run of nothing but `-` is a comment and may be of any length.
const MAX_OPERATOR: usize = 1_000;

/// The characters that operators are made of.
pub(super) const OPERATOR_CHARACTERS: &[u8] = b"+-*/<>=~!@#%^&|`?";

/// The most signs and words, of which a syntax tree has about as many nodes.
const MAX_WORDS: usize = 400_000;

/// Why the text is not given to the parser, where it is not.
pub(super) fn refusal(text: &str) -> Option<&'static str> {
    let bytes = text.as_bytes();
    let comments = bytes.windows(2).filter(|pair| *pair == b"/*").count();
    if comments > MAX_COMMENTS || nesting(bytes) > MAX_NESTING {
        return Some("the text has more comments than can be analysed");
    }
    if longest_operator(bytes) > MAX_OPERATOR {
        return Some("the text has a longer operator than can be analysed");
    }
    (words(bytes) > MAX_WORDS).then_some("the text has more words than can be analysed")
}

/// How deep comments nest at most.
fn nesting(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    let mut rest = bytes;
    loop {
        rest = match rest {
            [b'/', b'*', after @ ..] => {
                depth += 1;
                deepest = deepest.max(depth);
                after
            }
            [b'*', b'/', after @ ..] => {
                depth = depth.saturating_sub(1);
                after
            }
            [_, after @ ..] => after,
            [] => return deepest,
        };
    }
}

/// The length of the longest run of characters that operators are made of.
fn longest_operator(bytes: &[u8]) -> usize {
    let runs = bytes.split(|byte| !OPERATOR_CHARACTERS.contains(byte));
    runs.filter(|run| run.iter().any(|byte| *byte != b'-')).map(<[u8]>::len).max().unwrap_or(0)
}

/// How many signs there are, and words between them and white space.
fn words(bytes: &[u8]) -> usize {
    let mut inside = false;
    let mut count = 0;
    for byte in bytes {
        let part = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..);
        let continues = byte.is_ascii_whitespace() || (part && inside);
        inside = part;
        count += usize::from(!continues);
    }
    count
}
