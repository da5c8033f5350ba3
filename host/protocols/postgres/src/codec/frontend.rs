//! What clients send. Borrowed from the frame.

use super::{Frame, FrameError};

/// `Query` (F): SQL text, possibly several statements.
///
/// # Errors
/// When it does not end in its only NUL.
pub fn query<'a>(frame: &Frame<'a>) -> Result<&'a [u8], FrameError> {
    let mut reader = frame.reader();
    let text = reader.cstr("its text")?;
    reader.end()?;
    Ok(text)
}

/// `Parse` (F): a statement to prepare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parse<'a> {
    /// The statement's name, empty for the unnamed one.
    pub name: &'a str,
    /// Its SQL text.
    pub text: &'a [u8],
    /// The declared parameter types, as they came.
    pub types: &'a [u8],
}

impl<'a> Parse<'a> {
    /// Reads it.
    ///
    /// # Errors
    /// When a field is missing or too long, or it is not known what name the server keeps.
    pub fn decode(frame: &Frame<'a>) -> Result<Self, FrameError> {
        let mut reader = frame.reader();
        let name = reader.kept_name("the statement's name")?;
        let text = reader.cstr("its text")?;
        let types = reader.rest();
        let count = reader.count("the number of parameter types")?;
        reader.bytes(count * 4, "the parameter types")?;
        reader.end()?;
        Ok(Self { name, text, types })
    }
}

/// `Bind` (F): a portal made of a prepared statement and parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind<'a> {
    /// The portal's name, empty for the unnamed one.
    pub portal: &'a str,
    /// The statement's name.
    pub statement: &'a str,
    /// Formats of the result's columns: none (all text), one (for all), or one each; 0 text, 1 binary.
    pub result_formats: Vec<i16>,
}

impl<'a> Bind<'a> {
    /// Reads it.
    ///
    /// # Errors
    /// When a field is missing or too long, a format is neither text nor binary, or it is not known what name the server keeps.
    pub fn decode(frame: &Frame<'a>) -> Result<Self, FrameError> {
        let mut reader = frame.reader();
        let portal = reader.kept_name("the portal's name")?;
        let statement = reader.kept_name("the statement's name")?;
        let formats = reader.count("the number of parameter formats")?;
        reader.bytes(formats * 2, "the parameter formats")?;
        for _ in 0..reader.count("the number of parameters")? {
            reader.value("a parameter")?;
        }
        let count = reader.count("the number of result formats")?;
        let mut result_formats = Vec::with_capacity(count);
        for _ in 0..count {
            let format = reader.i16("a result format")?;
            if !matches!(format, 0 | 1) {
                return Err(reader.malformed("a result format"));
            }
            result_formats.push(format);
        }
        reader.end()?;
        Ok(Self { portal, statement, result_formats })
    }
}

/// What `Describe` and `Close` name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named<'a> {
    /// A prepared statement.
    Statement(&'a str),
    /// A portal.
    Portal(&'a str),
}

impl<'a> Named<'a> {
    /// Reads the body of a `Describe` (F) or `Close` (F).
    ///
    /// # Errors
    /// When it names something else, or it is not known what name the server keeps.
    pub fn decode(frame: &Frame<'a>) -> Result<Self, FrameError> {
        let mut reader = frame.reader();
        let kind = reader.u8("what it names")?;
        let name = reader.kept_name("a name")?;
        reader.end()?;
        match kind {
            b'S' => Ok(Self::Statement(name)),
            b'P' => Ok(Self::Portal(name)),
            _ => Err(reader.malformed("what it names")),
        }
    }
}

/// `Execute` (F): the portal's name and the most rows wanted (0: all).
///
/// # Errors
/// When a field is missing or too long, or it is not known what name the server keeps.
pub fn execute<'a>(frame: &Frame<'a>) -> Result<(&'a str, i32), FrameError> {
    let mut reader = frame.reader();
    let portal = reader.kept_name("the portal's name")?;
    let rows = reader.i32("the number of rows")?;
    reader.end()?;
    Ok((portal, rows))
}

/// `FunctionCall` (F): the function's OID and its number of arguments.
///
/// # Errors
/// When a field is missing or too long.
pub fn function_call(frame: &Frame<'_>) -> Result<(u32, usize), FrameError> {
    let mut reader = frame.reader();
    let function = reader.u32("the function")?;
    let formats = reader.count("the number of argument formats")?;
    reader.bytes(formats * 2, "the argument formats")?;
    let arguments = reader.count("the number of arguments")?;
    for _ in 0..arguments {
        reader.value("an argument")?;
    }
    reader.i16("the result's format")?;
    reader.end()?;
    Ok((function, arguments))
}

/// `PasswordMessage` (F): the password in clear.
///
/// # Errors
/// When it is not text that ends in its only NUL.
pub fn password<'a>(frame: &Frame<'a>) -> Result<&'a str, FrameError> {
    let mut reader = frame.reader();
    let password = reader.name("the password")?;
    reader.end()?;
    Ok(password)
}

/// `SASLInitialResponse` (F).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SaslInitial<'a> {
    /// The mechanism that the client chose.
    pub mechanism: &'a str,
    /// What it has to say by it; `None` where it waits to be asked.
    pub data: Option<&'a [u8]>,
}

impl std::fmt::Debug for SaslInitial<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The data may be a credential.
        f.debug_struct("SaslInitial").finish_non_exhaustive()
    }
}

impl<'a> SaslInitial<'a> {
    /// Reads it.
    ///
    /// # Errors
    /// When a field is missing or too long.
    pub fn decode(frame: &Frame<'a>) -> Result<Self, FrameError> {
        let mut reader = frame.reader();
        let mechanism = reader.name("the mechanism")?;
        let data = reader.value("the mechanism's data")?;
        reader.end()?;
        Ok(Self { mechanism, data })
    }
}
