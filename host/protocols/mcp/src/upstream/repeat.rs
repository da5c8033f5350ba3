//! What headers repeat of a request that has no session (revision 2026-07-28, Transports).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::conversation::META_VERSION;
use crate::json::Json;
use crate::message::Message;
use crate::mirror::{METHOD, Mirror, NAME, VERSION, encode, named_by};

/// So many tools of one server have their marks remembered.
const MOST_TOOLS: usize = 2000;

/// The arguments that a server wants repeated, by tool, as it listed them last.
#[derive(Default)]
pub(super) struct Repeats(Mutex<BTreeMap<String, Mirror>>);

impl Repeats {
    /// Remembers what a list of tools marks.
    pub(super) fn learn(&self, result: &Json) {
        let Some(tools) = result.get("tools").and_then(Json::as_list) else { return };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for tool in tools {
            let (Some(name), Some(schema)) = (tool.str_at("name"), tool.get("inputSchema")) else {
                continue;
            };
            let mirror = Mirror::of(schema);
            if mirror == Mirror::default() {
                known.remove(name);
            } else if known.len() < MOST_TOOLS {
                known.insert(name.to_owned(), mirror);
            }
        }
    }

    /// The headers of a request that has no session; none where it has one.
    pub(super) fn of(&self, message: &Message) -> Option<Vec<(String, String)>> {
        let Message::Request { method, params, .. } = message else { return None };
        let version = params.get("_meta")?.str_at(META_VERSION)?;
        let mut headers =
            vec![(VERSION.to_owned(), version.to_owned()), (METHOD.to_owned(), method.clone())];
        let name = named_by(method).and_then(|member| params.str_at(member));
        headers.extend(name.map(|name| (NAME.to_owned(), encode(name))));
        if let (Some(tool), Some(arguments)) = (name, params.get("arguments")) {
            let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let mirror = known.get(tool).filter(|_| method == "tools/call");
            headers.extend(mirror.map(|it| it.headers(arguments)).unwrap_or_default());
        }
        Some(headers)
    }
}
