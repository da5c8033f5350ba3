//! Lists: all pages of all servers, of which a client is shown what it may use.

use std::collections::BTreeMap;
use std::sync::Arc;

use palisade_policy::{Denial, Ruling};

use super::{Caller, Conversation, Due, State};
use crate::event::{About, command};
use crate::json::Json;
use crate::names::{check_uri, is_plain};
use crate::request::{Ask, Kind};
use crate::results::{Kept, Treatment};

/// So many pages of one server are read.
const MOST_PAGES: usize = 100;
/// So many items of one server are looked at, and so many of all are shown.
const MOST_ITEMS: usize = 5000;
/// So much may one server's items of a list take in memory while it is put together, in bytes.
const MOST_FOUND: usize = 16 << 20;
/// So much may those of all lists that a client asked for.
const MOST_FOUND_OF_ALL: usize = 64 << 20;

/// A list in the making.
pub(super) struct Gather {
    kind: Kind,
    why: Why,
    /// Those that are asked, but for those that failed.
    servers: Vec<usize>,
    /// Servers that have not said all.
    waiting: usize,
    pages: usize,
    found: Vec<(usize, Json)>,
    /// How many items of each server these are, and what they take in memory, in bytes.
    sizes: BTreeMap<usize, (usize, usize)>,
}

/// What a list is for.
pub(super) enum Why {
    /// The session begins.
    Start,
    /// The server says that it changed.
    Changed,
    /// The client asked for it.
    Asked {
        caller: Caller,
        /// The command's number in the record.
        number: u64,
    },
}

impl Gather {
    pub(super) fn caller(&self) -> Option<&Caller> {
        match &self.why {
            Why::Asked { caller, .. } => Some(caller),
            Why::Start | Why::Changed => None,
        }
    }

    /// Takes what a page has, as far as there is room for it. Gives whether there is room for more of this server.
    fn take(&mut self, server: usize, items: &[Json], room: usize) -> bool {
        let (count, size) = self.sizes.entry(server).or_default();
        for item in items {
            let of_it = item.size();
            if *count >= MOST_ITEMS || size.saturating_add(of_it) > room {
                let method = self.kind.method();
                tracing::warn!(server, method, "a server's list is too long: its end is left out");
                return false;
            }
            (*count, *size) = (*count + 1, *size + of_it);
            self.found.push((server, item.clone()));
        }
        *count < MOST_ITEMS
    }

    /// What was found takes so much in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        self.sizes.values().map(|(_, size)| size).sum()
    }

    pub(super) fn into_caller(self) -> Option<Caller> {
        match self.why {
            Why::Asked { caller, .. } => Some(caller),
            Why::Start | Why::Changed => None,
        }
    }
}

impl Conversation {
    /// Begins to list what these servers have.
    pub(super) fn gather(&mut self, kind: Kind, why: Why, servers: Vec<usize>) {
        let key = self.next();
        let asked = servers.clone();
        let waiting = servers.len();
        let gather = Gather {
            kind,
            why,
            servers: asked,
            waiting,
            pages: 0,
            found: vec![],
            sizes: BTreeMap::new(),
        };
        self.gathers.insert(key, gather);
        if servers.is_empty() {
            return self.gathered(key);
        }
        for server in servers {
            let empty = Json::Object(vec![]);
            self.request(server, kind.method(), empty, Due::Page { gather: key });
        }
    }

    /// A server has sent a page, or cannot.
    pub(super) fn page(&mut self, server: usize, key: u64, page: Option<&Json>) {
        let room = self.room_for(key);
        let Some(gather) = self.gathers.get_mut(&key) else { return };
        let kind = gather.kind;
        let items = page.and_then(|page| page.get(kind.member())).and_then(Json::as_list);
        let is_room = gather.take(server, items.unwrap_or_default(), room);
        gather.pages += 1;
        if page.is_none() {
            gather.servers.retain(|it| *it != server);
        }
        let more = gather.pages < MOST_PAGES && is_room;
        let cursor = page.and_then(|page| page.str_at("nextCursor")).filter(|_| more);
        if let Some(cursor) = cursor {
            let params = Json::object([("cursor", Json::text(cursor))]);
            self.request(server, kind.method(), params, Due::Page { gather: key });
            return;
        }
        gather.waiting = gather.waiting.saturating_sub(1);
        if gather.waiting == 0 {
            self.gathered(key);
        }
    }

    /// How much the items of one server may take in this list. No client's lists leave less for what the gateway itself lists.
    fn room_for(&self, key: u64) -> usize {
        if self.gathers.get(&key).is_none_or(|it| it.caller().is_none()) {
            return MOST_FOUND;
        }
        let others = self.gathers.iter().filter(|(of, it)| **of != key && it.caller().is_some());
        let others: usize = others.map(|(_, it)| it.size()).sum();
        MOST_FOUND.min(MOST_FOUND_OF_ALL.saturating_sub(others))
    }

    /// A list is whole.
    fn gathered(&mut self, key: u64) {
        let Some(gather) = self.gathers.remove(&key) else { return };
        if gather.kind == Kind::Tools {
            self.take_up_tools(&gather.servers, &gather.found);
        }
        match gather.why {
            Why::Start => self.one_more(),
            Why::Changed => {
                self.list_stale();
                let changed = "notifications/tools/list_changed";
                self.tell(None, changed, Json::Object(vec![]));
            }
            Why::Asked { caller, number } => {
                let mut kept = Kept::new(self.settings.record_limit);
                let shown = match gather.kind {
                    Kind::Tools => self.shown_tools(&mut kept),
                    kind => self.shown_items(kind, &gather.found, &mut kept),
                };
                let count = shown.len();
                let result = Json::object([(gather.kind.member(), Json::List(shown))]);
                let tag = format!("{count} {}", gather.kind.member());
                let recorded = kept.recorded(result.to_text().len(), &tag);
                match self.gate.tell_result(number, &recorded) {
                    Ok(()) => self.answer(&caller, result),
                    Err(failure) => self.fail(&caller, super::server::unrecorded(&failure)),
                }
            }
        }
    }

    /// A server says that its tools changed: they are listed anew, once at a time.
    pub(super) fn tools_changed(&mut self, server: usize) {
        self.stale.insert(server);
        if self.is_begun() && !self.gathers.values().any(|it| matches!(it.why, Why::Changed)) {
            self.list_stale();
        }
    }

    fn list_stale(&mut self) {
        let stale: Vec<usize> = std::mem::take(&mut self.stale).into_iter().collect();
        if !stale.is_empty() {
            self.gather(Kind::Tools, Why::Changed, stale);
        }
    }

    /// The newest lists of tools, by server.
    fn take_up_tools(&mut self, servers: &[usize], found: &[(usize, Json)]) {
        for (index, server) in self.servers.iter_mut().enumerate() {
            if !servers.contains(&index) {
                continue;
            }
            let listed: Vec<Json> =
                found.iter().filter(|(of, _)| *of == index).map(|(_, it)| it.clone()).collect();
            for why in server.catalog.replace(&listed) {
                tracing::warn!(server = server.name, "{why}");
            }
            let new = self.settings.new_tools_of(&server.name);
            let taken = server.catalog.take_up(&server.name, new, &*self.pins);
            if let Err(error) = taken {
                // They stay unapproved.
                tracing::error!(server = server.name, error, "new tools cannot be kept");
            }
        }
    }

    /// The tools that the client may call.
    fn shown_tools(&mut self, kept: &mut Kept) -> Vec<Json> {
        let mut found = Vec::new();
        for (index, server) in self.servers.iter().enumerate() {
            if server.state != State::Ready {
                continue;
            }
            for (name, tool) in server.catalog.iter() {
                let ask = Ask::Call { name: name.to_owned(), arguments: Json::Object(vec![]) };
                let Ok(standing) = tool.standing(&server.name, name, &*self.pins) else { continue };
                let mut facts = vec![("tool", standing.word().to_owned())];
                facts.extend(tool.claims());
                let about = About { server: &server.name, name, facts: &facts, ..About::default() };
                if !self.may(&ask, about) {
                    continue;
                }
                let name = self.shown_name(index, name);
                found.push((tool.listed(&name, standing), name));
            }
        }
        let mut shown = Vec::new();
        for (tool, name) in found {
            match self.masked_words(&tool) {
                Ok(mut tool) => {
                    tool.set("name", Json::text(&name));
                    kept.add("tool", &name);
                    shown.push(tool);
                }
                Err(denial) => {
                    tracing::warn!(
                        tool = name,
                        denial.reason,
                        "a tool cannot be masked, nor listed"
                    );
                }
            }
        }
        shown
    }

    /// Every text of what a tool says of itself, masked as those of results are. It is approved as the server says it; keys
    /// are not looked at, for those of a schema name arguments.
    fn masked_words(&mut self, said: &Json) -> Result<Json, Denial> {
        Ok(match said {
            Json::Text(text) => Json::text(self.masks.text(&mut self.gate, "text/plain", text)?),
            Json::List(list) => {
                Json::List(list.iter().map(|it| self.masked_words(it)).collect::<Result<_, _>>()?)
            }
            Json::Object(members) => {
                let masked = members
                    .iter()
                    .map(|(key, value)| Ok::<_, Denial>((key.clone(), self.masked_words(value)?)));
                Json::Object(masked.collect::<Result<_, _>>()?)
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => said.clone(),
        })
    }

    /// The prompts, resources and templates that the client may use.
    fn shown_items(&mut self, kind: Kind, found: &[(usize, Json)], kept: &mut Kept) -> Vec<Json> {
        let mut shown = Vec::new();
        for (index, item) in found.iter().take(MOST_ITEMS) {
            let Some(server) = self.servers.get(*index).map(|it| it.name.clone()) else { continue };
            let name = match kind {
                Kind::Prompts => item.str_at("name").filter(|name| is_plain(name)),
                Kind::Resources => item.str_at("uri").filter(|uri| check_uri(uri).is_ok()),
                Kind::Templates | Kind::Tools => item.str_at("uriTemplate"),
            };
            let Some(name) = name else { continue };
            let ask = match kind {
                Kind::Prompts => {
                    Ask::Prompt { name: name.to_owned(), arguments: Json::Object(vec![]) }
                }
                _ => Ask::Read(name.to_owned()),
            };
            // What a template gives is judged when it is read.
            let about = About { server: &server, name, ..About::default() };
            if kind != Kind::Templates && !self.may(&ask, about) {
                continue;
            }
            if let Some(item) = self.shown_item(*index, kind, item) {
                kept.add(kind.member(), &item.to_text());
                shown.push(item);
            }
        }
        shown
    }

    fn shown_item(&mut self, index: usize, kind: Kind, item: &Json) -> Option<Json> {
        let address = self.addresses(index);
        let mut treatment = Treatment {
            gate: &mut self.gate,
            masks: &mut self.masks,
            address: &address,
            kept: Kept::default(),
        };
        let mut shown = Json::Object(vec![]);
        treatment.described(item, &mut shown).ok()?;
        if kind == Kind::Prompts {
            let name = self.shown_name(index, item.str_at("name")?);
            shown.set("name", Json::text(name));
        }
        Some(shown)
    }

    /// Whether the client may do this, as far as it can be foreseen.
    fn may(&self, ask: &Ask, about: About<'_>) -> bool {
        let Ok(command) = command(ask, about).map(Arc::new) else { return false };
        self.more_than_reads(&command).is_none()
            && !matches!(self.gate.foresee(&command), Ruling::Deny(_))
    }
}
