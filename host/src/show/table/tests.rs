use super::*;

fn check(columns: Option<usize>, rows: &[[&str; 2]], expected: &[&str]) {
    let mut table = Table::new(&["ID", "TEXT"]);
    rows.iter().for_each(|row| table.row(*row));
    assert_eq!(table.lines(columns), expected);
}

#[test]
fn columns_are_as_wide_as_their_widest_cell() {
    check(None, &[["a", "x"], ["名前", "y"]], &["ID    TEXT", "a     x", "名前  y"]);
}

#[test]
fn the_last_column_is_folded_on_a_terminal_only() {
    let text = "one two three four five";
    check(None, &[["a", text]], &["ID  TEXT", "a   one two three four five"]);
    check(Some(24), &[["a", text]], &["ID  TEXT", "a   one two three four", "    five"]);
}

#[test]
fn a_cell_cannot_move_the_cursor() {
    check(None, &[["\u{1b}[A", "x\ny"]], &["ID        TEXT", "\\u{1b}[A  x\\ny"]);
}
