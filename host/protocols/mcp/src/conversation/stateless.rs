//! What is different where there are no sessions (revision 2026-07-28): the gateway keeps one for all that a token asks of a
//! connection with the same capabilities.

use super::Conversation;
use super::due::Caller;
use super::start::info;
use crate::catalog::Standing;
use crate::json::Json;
use crate::message::{METHOD_NOT_FOUND, RpcError};
use crate::mirror::Mirror;
use crate::request::Aim;
use crate::revision::Revision;

/// Methods that went with the sessions.
const GONE: [&str; 5] =
    ["initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"];
/// Methods whose results clients may keep for a while.
const CACHEABLE: [&str; 6] = [
    "server/discover",
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "resources/read",
];

/// Whether clients may keep what comes of this method.
pub(super) fn is_cacheable(method: &str) -> bool {
    CACHEABLE.contains(&method)
}

/// Completes a result. What policies and pins allow now they may not a moment later, and not to others: it is not to be kept.
pub(super) fn complete(result: &mut Json, cacheable: bool) {
    if result.get("resultType").is_none() {
        result.set("resultType", Json::text("complete"));
    }
    if cacheable {
        result.set("ttlMs", Json::number(0));
        result.set("cacheScope", Json::text("private"));
    }
}

impl Conversation {
    /// Told before a message what its headers repeat of a tool's arguments, by the headers' names behind the prefix.
    pub fn mirror(&mut self, mirrored: Vec<(String, String)>) {
        self.mirrored = mirrored;
    }

    /// Why a method is not served any more.
    pub(super) fn is_gone(&self, method: &str) -> Option<RpcError> {
        let gone = self.revision.is_stateless() && GONE.contains(&method);
        gone.then(|| RpcError::new(METHOD_NOT_FOUND, "the revision does not have this method"))
    }

    /// What is wrong with what headers repeat of a tool's arguments.
    pub(super) fn misrepeats(&self, aim: &Aim, arguments: &Json) -> Option<&'static str> {
        if !self.revision.is_stateless() {
            return None;
        }
        let server = self.servers.get(aim.server)?;
        let tool = server.catalog.get(&aim.name)?;
        // Whose words are withheld, of that nobody knows what is repeated.
        let approved =
            tool.standing(&server.name, &aim.name, &*self.pins) == Ok(Standing::Approved);
        let mirror = if approved { tool.mirror() } else { Mirror::default() };
        mirror.check(arguments, &self.mirrored).err()
    }

    /// Answers `server/discover`.
    pub(super) fn discover(&mut self, caller: &Caller) {
        let mut result = self.introduction();
        let versions = Revision::names().map(Json::text).collect();
        result.set("supportedVersions", Json::List(versions));
        let meta = Json::object([("io.modelcontextprotocol/serverInfo", info())]);
        result.set("_meta", meta);
        self.answer(caller, result);
    }
}
