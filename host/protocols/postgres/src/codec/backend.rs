//! What servers send. Borrowed from the frame.

use super::{Frame, FrameError, Reader};

/// One column of a `RowDescription` (B).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name that the client sees.
    pub name: String,
    /// The relation that it is a column of; 0 where it is none's.
    pub relation: u32,
    /// Its number in that relation; 0 where it is none's, or the whole row.
    pub number: i16,
    /// Its type's OID.
    pub type_oid: u32,
    /// 0 text, 1 binary. Not known yet (0) where a statement is described.
    pub format: i16,
}

/// `RowDescription` (B).
///
/// # Errors
/// When a field is missing or too long.
pub fn row_description(frame: &Frame<'_>) -> Result<Vec<Column>, FrameError> {
    let mut reader = frame.reader();
    let count = reader.count("the number of columns")?;
    let mut columns = Vec::with_capacity(count);
    for _ in 0..count {
        // A name in another encoding is shown as well as can be; it is never sent on from here.
        let name = String::from_utf8_lossy(reader.cstr("a column's name")?).into_owned();
        let relation = reader.u32("a column's relation")?;
        let number = reader.i16("a column's number")?;
        let type_oid = reader.u32("a column's type")?;
        reader.bytes(6, "a column's size")?;
        let format = reader.i16("a column's format")?;
        columns.push(Column { name, relation, number, type_oid, format });
    }
    reader.end()?;
    Ok(columns)
}

/// The values of a `DataRow` (B), in order.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl<'a> Values<'a> {
    /// Starts to read them.
    ///
    /// # Errors
    /// When there is no count.
    pub fn decode(frame: &Frame<'a>) -> Result<Self, FrameError> {
        let mut reader = frame.reader();
        let left = reader.count("the number of values")?;
        Ok(Self { reader, left })
    }

    /// How many are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.left
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = Result<Option<&'a [u8]>, FrameError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let value = self.reader.value("a value");
        match (&value, self.left) {
            (Ok(_), 0) => Some(self.reader.end().and(value)),
            (Ok(_), _) => Some(value),
            (Err(_), _) => {
                self.left = 0;
                Some(value)
            }
        }
    }
}

/// The tag of a `CommandComplete` (B).
///
/// # Errors
/// When it is not text.
pub fn command_tag<'a>(frame: &Frame<'a>) -> Result<&'a str, FrameError> {
    frame.reader().name("its tag")
}

/// The transaction status of a `ReadyForQuery` (B): `I`, `T` or `E`.
///
/// # Errors
/// When it is none of these.
pub fn status(frame: &Frame<'_>) -> Result<u8, FrameError> {
    let mut reader = frame.reader();
    let status = reader.u8("the status")?;
    reader.end()?;
    if matches!(status, b'I' | b'T' | b'E') {
        Ok(status)
    } else {
        Err(reader.malformed("the status"))
    }
}

/// Name and value of a `ParameterStatus` (B).
///
/// # Errors
/// When one is missing.
pub fn parameter<'a>(frame: &Frame<'a>) -> Result<(&'a str, &'a str), FrameError> {
    let mut reader = frame.reader();
    Ok((reader.name("the parameter's name")?, reader.name("the parameter's value")?))
}

/// Process id and secret key of a `BackendKeyData` (B).
///
/// # Errors
/// When one is missing or too long.
pub fn key_data<'a>(frame: &Frame<'a>) -> Result<(u32, &'a [u8]), FrameError> {
    let mut reader = frame.reader();
    let process = reader.u32("the process id")?;
    let key = reader.rest();
    if (4..=super::startup::LONGEST_KEY).contains(&key.len()) {
        Ok((process, key))
    } else {
        Err(reader.malformed("the secret key"))
    }
}

/// What matters of an `ErrorResponse` or `NoticeResponse` (B).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// `ERROR`, `FATAL` and so on, never translated.
    pub severity: String,
    /// The SQLSTATE.
    pub code: String,
    /// The message.
    pub message: String,
}

/// Reads the fields that matter.
///
/// # Errors
/// When a field does not end.
pub fn report(frame: &Frame<'_>) -> Result<Report, FrameError> {
    let mut reader = frame.reader();
    let mut report = Report::default();
    loop {
        let kind = reader.u8("a field's type")?;
        if kind == 0 {
            return Ok(report);
        }
        let text = reader.cstr("a field")?;
        let slot = match kind {
            b'V' => &mut report.severity,
            b'C' => &mut report.code,
            b'M' => &mut report.message,
            _ => continue,
        };
        *slot = String::from_utf8_lossy(text).into_owned();
    }
}

/// The fields of an `ErrorResponse` or `NoticeResponse` (B) in order: type and text.
///
/// # Errors
/// When a field does not end.
pub fn report_fields<'a>(frame: &Frame<'a>) -> Result<Vec<(u8, &'a [u8])>, FrameError> {
    let mut reader = frame.reader();
    let mut fields = Vec::new();
    loop {
        match reader.u8("a field's type")? {
            0 => break,
            kind => fields.push((kind, reader.cstr("a field")?)),
        }
    }
    reader.end()?;
    Ok(fields)
}

/// Process id, channel and payload of a `NotificationResponse` (B).
///
/// # Errors
/// When one is missing.
pub fn notification<'a>(frame: &Frame<'a>) -> Result<(u32, &'a [u8], &'a [u8]), FrameError> {
    let mut reader = frame.reader();
    let process = reader.u32("the process id")?;
    let (channel, payload) = (reader.cstr("the channel")?, reader.cstr("the payload")?);
    reader.end()?;
    Ok((process, channel, payload))
}

/// The value of a `FunctionCallResponse` (B).
///
/// # Errors
/// When it is cut off.
pub fn function_result<'a>(frame: &Frame<'a>) -> Result<Option<&'a [u8]>, FrameError> {
    let mut reader = frame.reader();
    let value = reader.value("the function's value")?;
    reader.end()?;
    Ok(value)
}

/// What a `CopyOutResponse` (B) says: whether the whole copy is binary, and its number of columns.
///
/// # Errors
/// When a field is missing.
pub fn copy_out(frame: &Frame<'_>) -> Result<(bool, usize), FrameError> {
    let mut reader = frame.reader();
    let format = reader.u8("the copy's format")?;
    let columns = reader.count("the number of columns")?;
    Ok((format != 0, columns))
}
