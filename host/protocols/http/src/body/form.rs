//! `application/x-www-form-urlencoded`.

use super::{Contents, check_name};
use crate::{Query, Refused};

pub(super) fn read(body: &[u8], contents: &mut Contents) -> Result<(), Refused> {
    if body.contains(&b';') {
        // Some take it for an ampersand.
        return Err(Refused::Body("a form holds a bare `;`"));
    }
    let form = Query::parse(body).map_err(|_| Refused::Body("it is no form"))?;
    for (name, value) in form.pairs() {
        check_name(name)?;
        contents.field(name);
        contents.fact(format!("body:{name}"), value.to_owned());
    }
    Ok(())
}
