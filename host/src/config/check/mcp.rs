//! What the file says of MCP servers.

use std::collections::BTreeMap;

use palisade_mcp::{NewTools, Reverse, names};
use palisade_vault::VaultServer;
use toml::Spanned;

use super::Check;
use crate::config::raw::{RawConnection, RawMcp, RawVariable};
use crate::config::{Connection, KeptCommand, MCP, McpConnection, McpPlace, Variable};

/// What of a connection's keys is for MCP alone.
const KEYS: &str = "command, env, folder, servers, allow, new_tools and reads";

impl Check<'_> {
    /// What an MCP connection has besides what a service has.
    pub(super) fn mcp(
        &mut self,
        raw: &mut RawConnection,
        vault: Option<&VaultServer>,
    ) -> McpConnection {
        if !names::is_server(raw.name.get_ref()) {
            let problem = "policies name an MCP connection's tools by its name".to_owned();
            let fix = "use at most 32 lower-case letters, digits and -, a letter first";
            self.mistake(Some(&raw.name), problem, fix);
        }
        let given = [raw.address.is_some(), raw.command.is_some(), raw.servers.is_some()];
        if given.into_iter().filter(|given| *given).count() != 1 {
            let problem = "an MCP connection has one of `address`, `command` and `servers`".into();
            let fix = "say where its server is: address = \"https://host/mcp\" or command = [\"program\", \"argument\"]";
            self.mistake(Some(&raw.name), problem, fix);
        }
        let place = self.mcp_place(raw, vault);
        McpConnection {
            place,
            allow: self.allow(&raw.allow),
            new_tools: self.new_tools(raw.new_tools.as_ref()),
            reads: raw.reads.iter().map(|glob| glob.get_ref().clone()).collect(),
        }
    }

    fn mcp_place(&mut self, raw: &mut RawConnection, vault: Option<&VaultServer>) -> McpPlace {
        let environment = std::mem::take(&mut raw.env);
        if raw.command.is_none() && (!environment.is_empty() || raw.folder.is_some()) {
            let problem = "`env` and `folder` are for servers that are started".into();
            self.mistake(Some(&raw.name), problem, "add a `command`, or remove them");
        }
        if let Some(servers) = &raw.servers {
            let servers = servers.get_ref().iter().map(|name| name.get_ref().clone());
            return McpPlace::Servers(servers.collect());
        }
        let Some(command) = &raw.command else {
            let address = raw.address.as_ref().map_or("", |address| address.get_ref().as_str());
            return McpPlace::Service(split_path(address).1);
        };
        if command.get_ref().first().is_none_or(String::is_empty) {
            let problem = "the command has no program".into();
            self.mistake(Some(command), problem, "command = [\"program\", \"argument\"]");
        }
        let mut command = command.get_ref().clone();
        // A name alone is looked for where the system looks for programs.
        if let Some(program) = command.first_mut().filter(|program| program.contains('/')) {
            *program = self.dir.join(&program).display().to_string();
        }
        let folder = raw.folder.as_ref().map(|folder| self.dir.join(folder.get_ref()));
        let mut environment = self.environment(environment, vault);
        for name in &raw.sealed.variables {
            self.variable(Some(&raw.name), name);
            environment.push((name.clone(), Variable::Kept));
        }
        McpPlace::Program { command, environment, folder }
    }

    fn environment(
        &mut self,
        raw: BTreeMap<String, Spanned<RawVariable>>,
        vault: Option<&VaultServer>,
    ) -> Vec<(String, Variable)> {
        let mut environment = Vec::new();
        for (name, variable) in raw {
            self.variable(Some(&variable), &name);
            let span = variable.span();
            let variable = match variable.into_inner() {
                RawVariable::Text(text) => Variable::Text(text),
                RawVariable::Secret(reference) => {
                    Variable::Secret(self.secret(Spanned::new(span, reference), vault))
                }
            };
            environment.push((name, variable));
        }
        environment
    }

    fn variable<T>(&mut self, place: Option<&Spanned<T>>, name: &str) {
        if name.is_empty() || name.contains(['=', '\0']) {
            let problem = format!("`{}` is no name of a variable", name.escape_debug());
            self.mistake(place, problem, "use letters, digits and _");
        }
    }

    fn allow(&mut self, raw: &[Spanned<String>]) -> Reverse {
        let mut allow = Reverse::default();
        for name in raw {
            match name.get_ref().as_str() {
                "sampling" => allow.sampling = true,
                "elicitation" => allow.elicitation = true,
                "roots" => allow.roots = true,
                other => {
                    let problem = format!("servers cannot ask for `{}`", other.escape_debug());
                    let fix = "allow lists \"sampling\", \"elicitation\" and \"roots\"";
                    self.mistake(Some(name), problem, fix);
                }
            }
        }
        allow
    }

    fn new_tools(&mut self, raw: Option<&Spanned<String>>) -> NewTools {
        match raw.map(|raw| raw.get_ref().as_str()) {
            None | Some("trust") => NewTools::Trust,
            Some("hold") => NewTools::Hold,
            Some(_) => {
                let problem = "new tools are trusted or held".to_owned();
                self.mistake(raw, problem, "new_tools = \"trust\" or \"hold\"");
                NewTools::Hold
            }
        }
    }

    /// What administrators by token may have the gateway start.
    pub(super) fn kept_commands(&mut self, raw: &RawMcp) -> Vec<KeptCommand> {
        for kept in &raw.kept_commands {
            if kept.get_ref().command.first().is_none_or(String::is_empty) {
                let problem = "the command has no program".into();
                self.mistake(Some(kept), problem, "command = [\"program\", \"argument\"]");
            }
        }
        raw.kept_commands.iter().map(|kept| kept.get_ref().clone()).collect()
    }

    /// What is said of MCP where another protocol is spoken.
    pub(super) fn only_mcp(&mut self, raw: &RawConnection) {
        let at = [
            raw.command.as_ref().map(|it| it.span().start),
            raw.env.values().next().map(|it| it.span().start),
            raw.folder.as_ref().map(|it| it.span().start),
            raw.servers.as_ref().map(|it| it.span().start),
            raw.allow.first().map(|it| it.span().start),
            raw.new_tools.as_ref().map(|it| it.span().start),
            raw.reads.first().map(|it| it.span().start),
        ];
        if let Some(at) = at.into_iter().flatten().min() {
            let problem = format!("{KEYS} are for connections of the protocol `{MCP}`");
            self.mistakes.push(self.at(at, problem, "remove it".into()));
        }
    }

    /// The servers that are offered as one must be there, and be no such themselves.
    pub(super) fn members(&mut self, all: &[Connection]) {
        for connection in all {
            let Some(McpConnection { place: McpPlace::Servers(servers), .. }) = &connection.mcp
            else {
                continue;
            };
            let is_one = |name: &String| {
                let found = all.iter().find(|other| other.name == *name);
                let mcp = found.and_then(|other| other.mcp.as_ref());
                mcp.is_some_and(|mcp| !matches!(mcp.place, McpPlace::Servers(_)))
            };
            for unknown in servers.iter().filter(|name| !is_one(name)) {
                let problem = format!("there is no MCP server `{}`", unknown.escape_debug());
                let at = self.text.find(&format!("\"{unknown}\"")).unwrap_or(0);
                let fix = "name connections of the protocol `mcp` with an `address` or a `command`";
                self.mistakes.push(self.at(at, problem, fix.into()));
            }
        }
    }
}

/// An endpoint's origin, and its path.
pub(super) fn split_path(address: &str) -> (String, String) {
    let after = address.find("://").map_or(0, |at| at + 3);
    let rest = address.get(after..).unwrap_or_default();
    match rest.find('/') {
        Some(at) => {
            let (origin, path) = address.split_at(after + at);
            (origin.to_owned(), path.to_owned())
        }
        None => (address.to_owned(), "/".to_owned()),
    }
}

#[cfg(test)]
mod tests;
