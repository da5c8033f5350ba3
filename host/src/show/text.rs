//! Text from outside, made safe to look at: what a terminal would obey or hide is shown as an escape.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// One line of text: line ends and tabs are escaped like everything else that is not seen.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    text.chars().for_each(|char| push_visible(&mut shown, char));
    shown
}

/// Text of several lines: line ends divide it, tabs become spaces, everything else that is not seen is escaped.
pub fn visible_lines(text: &str) -> Vec<String> {
    text.trim_end_matches('\n')
        .split('\n')
        .map(|line| visible(&line.strip_suffix('\r').unwrap_or(line).replace('\t', "    ")))
        .collect()
}

/// JSON that is the same to a machine, and shows nothing unseen to a person.
pub fn visible_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for char in json.chars() {
        // Outside of strings JSON has no unseen characters but line ends.
        if char != '\n' && is_unseen(char) {
            let mut units = [0; 2];
            for unit in char.encode_utf16(&mut units) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            shown.push(char);
        }
    }
    shown
}

/// How many columns of a terminal the text takes.
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// Breaks a line into pieces of at most `most` columns, between words where it can.
pub fn fold(line: &str, most: usize) -> Vec<String> {
    let most = most.max(1);
    let mut pieces = vec![];
    let mut piece = String::new();
    for word in line.split_inclusive(' ') {
        if width(&piece) + width(word.trim_end()) > most && !piece.is_empty() {
            pieces.push(std::mem::take(&mut piece));
        }
        for char in word.chars() {
            if width(&piece) + char.width().unwrap_or(0) > most && char != ' ' {
                pieces.push(std::mem::take(&mut piece));
            }
            piece.push(char);
        }
    }
    pieces.push(piece);
    pieces.iter_mut().for_each(|piece| piece.truncate(piece.trim_end().len()));
    pieces
}

/// The text, or its beginning with an ellipsis where it takes more than `most` columns.
pub fn cut(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut shown = String::new();
    let mut used = 0;
    for char in text.chars() {
        used += char.width().unwrap_or(0);
        if used >= most {
            break;
        }
        shown.push(char);
    }
    shown.push('…');
    shown
}

fn push_visible(shown: &mut String, char: char) {
    if is_unseen(char) {
        shown.extend(char.escape_default());
    } else {
        shown.push(char);
    }
}

/// Control characters, and those that reorder, join or hide what is around them.
fn is_unseen(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests;
