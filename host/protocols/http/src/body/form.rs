//! `application/x-www-form-urlencoded`.

use super::{Reading, check_pair};
use crate::{Query, Refused};

pub(super) fn read(body: &[u8], reading: &mut Reading) -> Result<(), Refused> {
    // Some read JSON and XML whatever type they are sent as; a form has these characters escaped.
    if matches!(body.first(), Some(b'{' | b'[' | b'"' | b'<')) {
        return Err(Refused::Body("it is no form: send it as the type that it is of"));
    }
    if body.contains(&b';') {
        // Some take it for an ampersand.
        return Err(Refused::Body("a form holds a bare `;`"));
    }
    let form = Query::parse(body).map_err(|_| Refused::Body("it is no form"))?;
    for (name, value) in form.pairs() {
        check_pair(name, value.as_bytes())?;
        reading.pair(name, value)?;
    }
    Ok(())
}
