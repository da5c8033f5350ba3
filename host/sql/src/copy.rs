//! What `COPY … TO STDOUT` sends, with all that is needed to take its lines apart.

use crate::Name;

/// A `COPY` towards the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyOut {
    /// What it sends.
    pub source: CopySource,
    /// In which form.
    pub format: CopyFormat,
    /// Whether the first line holds the names of the columns.
    pub header: bool,
    /// What stands between values (one byte).
    pub delimiter: String,
    /// What stands for NULL.
    pub null: String,
    /// Around a CSV value (one byte).
    pub quote: String,
    /// Before a quote inside of a CSV value (one byte).
    pub escape: String,
    /// Which CSV values are quoted even where they need not be.
    pub force_quote: Quoted,
    /// Whether all of its options are read as the server reads them: otherwise its lines may be written in another way.
    pub is_known: bool,
}

/// What a `COPY` sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopySource {
    /// A relation.
    Relation {
        /// Which.
        name: Name,
        /// Its columns in order; empty = all.
        columns: Vec<String>,
    },
    /// The result of a query, described by the statement's [`Outputs`](crate::Outputs).
    Query {
        /// The relations that it reads.
        reads: Vec<Name>,
    },
}

/// The form of copied rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CopyFormat {
    /// Lines with backslash escapes.
    #[default]
    Text,
    /// Comma-separated values.
    Csv,
    /// PostgreSQL's binary form.
    Binary,
}

/// The columns of a `FORCE_QUOTE`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Quoted {
    /// None.
    #[default]
    None,
    /// All.
    All,
    /// These.
    Columns(Vec<String>),
}

impl CopyOut {
    /// PostgreSQL's defaults for a format.
    pub(crate) fn new(source: CopySource, format: CopyFormat) -> Self {
        let (delimiter, null) = match format {
            CopyFormat::Csv => (",", ""),
            CopyFormat::Text | CopyFormat::Binary => ("\t", "\\N"),
        };
        Self {
            source,
            format,
            header: false,
            delimiter: delimiter.into(),
            null: null.into(),
            quote: "\"".into(),
            escape: "\"".into(),
            force_quote: Quoted::None,
            is_known: true,
        }
    }
}
