//! Aligned columns. The last one is folded on a terminal; the others are as wide as they need.

use std::io;

use super::text::{fold, visible, width};
use super::{Screen, Tone};

/// Columns under headings.
#[derive(Clone, Debug, Default)]
pub struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new(headings: &[&'static str]) -> Self {
        Self { headings: headings.to_vec(), rows: vec![] }
    }

    /// Adds a row of texts from outside.
    pub fn row<'t>(&mut self, cells: impl IntoIterator<Item = &'t str>) {
        self.rows.push(cells.into_iter().map(visible).collect());
    }

    /// Shows it.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub fn show(&self, screen: &mut Screen) -> io::Result<()> {
        let lines = self.lines(screen.columns());
        for (index, line) in lines.iter().enumerate() {
            let line = if index == 0 { screen.tone(Tone::Bold, line) } else { line.clone() };
            screen.line(&line)?;
        }
        Ok(())
    }

    fn lines(&self, columns: Option<usize>) -> Vec<String> {
        let headings: Vec<String> = self.headings.iter().map(|text| (*text).to_owned()).collect();
        let widths: Vec<usize> = (0..headings.len())
            .map(|column| {
                let cells = self.rows.iter().chain([&headings]).filter_map(|row| row.get(column));
                cells.map(|cell| width(cell)).max().unwrap_or(0)
            })
            .collect();
        let before_last: usize = widths.iter().rev().skip(1).map(|width| width + 2).sum();
        let room = columns.map(|columns| columns.saturating_sub(before_last).max(20));
        let mut lines = vec![];
        for row in [&headings].into_iter().chain(&self.rows) {
            add_row(&mut lines, row, &widths, room, before_last);
        }
        lines
    }
}

fn add_row(
    lines: &mut Vec<String>,
    row: &[String],
    widths: &[usize],
    room: Option<usize>,
    indent: usize,
) {
    let Some((last, others)) = row.split_last() else { return };
    let mut line = String::new();
    for (cell, width_of) in others.iter().zip(widths) {
        line.push_str(cell);
        line.extend(std::iter::repeat_n(' ', width_of.saturating_sub(width(cell)) + 2));
    }
    let pieces = room.map_or_else(|| vec![last.clone()], |room| fold(last, room));
    for (index, piece) in pieces.into_iter().enumerate() {
        let start = if index == 0 { line.clone() } else { " ".repeat(indent) };
        lines.push(format!("{start}{piece}").trim_end().to_owned());
    }
}

/// Names and values, one pair a line; values come from outside, and empty ones are left out.
///
/// # Errors
/// When nobody reads any more.
pub fn pairs(screen: &mut Screen, pairs: &[(&str, &str)]) -> io::Result<()> {
    let widest = pairs.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        let room = screen.columns().map(|columns| columns.saturating_sub(widest + 2).max(20));
        let value = visible(value);
        let pieces = room.map_or_else(|| vec![value.clone()], |room| fold(&value, room));
        for (index, piece) in pieces.into_iter().enumerate() {
            let name = if index == 0 { *name } else { "" };
            let name = screen.tone(Tone::Dim, &format!("{name:widest$}"));
            screen.line(&format!("{name}  {piece}"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
