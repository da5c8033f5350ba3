//! What is asked of tools that are pinned. Their names need not fit into a path.

use serde::Deserialize;

use super::Input;
use crate::{Ask, PinAsk, Problem};

/// The longest name of a connection or a tool, in bytes.
const LONGEST: usize = 256;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    connection: String,
    tool: String,
    digest: Option<String>,
}

fn named(input: &Input, with_digest: bool) -> Result<Named, Problem> {
    let wrong = || {
        Problem::bad_request(match with_digest {
            true => r#"the body must be {"connection": "…", "tool": "…", "digest": "…"}"#,
            false => r#"the body must be {"connection": "…", "tool": "…"}"#,
        })
    };
    let named: Named = serde_json::from_slice(&input.body).map_err(|_| wrong())?;
    let fits = [&named.connection, &named.tool].iter().all(|name| name.len() <= LONGEST);
    if !fits || named.digest.is_some() != with_digest {
        return Err(wrong());
    }
    Ok(named)
}

pub(super) fn show(input: Input) -> Result<Ask, Problem> {
    let Named { connection, tool, .. } = named(&input, false)?;
    Ok(Ask::Pins(PinAsk::Show { connection, tool }))
}

pub(super) fn approve(input: Input) -> Result<Ask, Problem> {
    let Named { connection, tool, digest } = named(&input, true)?;
    let digest = digest.unwrap_or_default();
    Ok(Ask::Pins(PinAsk::Approve { connection, tool, digest }))
}

pub(super) fn forget(input: Input) -> Result<Ask, Problem> {
    let Named { connection, tool, .. } = named(&input, false)?;
    Ok(Ask::Pins(PinAsk::Forget { connection, tool }))
}
