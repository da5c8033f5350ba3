//! What can be asked of a gateway, and the one trait that answers.

use std::net::SocketAddr;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;

use crate::{ExchangeProblem, Problem, Sensitive, TokenRequest};

/// Which sessions a list is of; all where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Those that opened before this one, by its id.
    pub before: Option<String>,
    /// Those of the connections that this glob names.
    pub connection: Option<String>,
    /// Those of this subject, and those in which another acts for it.
    pub subject: Option<String>,
}

/// A question, as its route understood it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// What runs, and since when.
    Status,
    /// What is counted, as text.
    Metrics,
    /// The newest sessions that the caller may see.
    Sessions {
        /// At most so many.
        limit: usize,
        /// Only these.
        filter: SessionFilter,
    },
    /// One session.
    Session {
        /// Its id.
        id: String,
    },
    /// A page of a session's events.
    Events {
        /// The session's id.
        id: String,
        /// The first event's number.
        from: u64,
        /// At most so many.
        limit: usize,
    },
    /// A page of the record: many sessions, with what was judged in them and what came back.
    Record {
        /// The first session's id.
        session: String,
        /// The number of its first event.
        from: u64,
        /// A glob of the connections that are asked for.
        connection: Option<String>,
    },
    /// The holds that the caller may see.
    Holds {
        /// Those that have ended, too.
        all: bool,
        /// Those that opened before this one, by its id.
        before: Option<String>,
    },
    /// One hold.
    Hold {
        /// Its id.
        id: String,
    },
    /// A decision on a hold.
    Decide {
        /// The hold's id.
        id: String,
        /// Whether the command may run.
        grant: bool,
        /// Why, in the caller's words.
        reason: String,
    },
    /// The configuration is to be read anew.
    Reload,
    /// The plugins in use.
    Plugins,
    /// The connections.
    Connections,
    /// One connection.
    Connection {
        /// Its name.
        name: String,
    },
    /// The newest changes of the kept connections.
    ConnectionHistory {
        /// At most so many.
        limit: usize,
    },
    /// A connection is to be kept.
    AddConnection {
        /// The request's body, as JSON; it may hold a password.
        connection: Sensitive,
    },
    /// A connection is to be removed.
    RemoveConnection {
        /// Its name.
        name: String,
    },
    /// A new master key is to take over.
    RotateKey {
        /// Where both keys are, as JSON.
        keys: Bytes,
    },
    /// A connection is to be tried.
    TestConnection {
        /// Its name.
        name: String,
    },
    /// Something about what is known of MCP servers' tools.
    Pins(PinAsk),
    /// The newest changes of the policies in force.
    PluginHistory {
        /// At most so many.
        limit: usize,
    },
    /// What was loaded for a policy is to be taken out again.
    UnloadPlugin {
        /// The policy.
        name: String,
    },
    /// The latest change of a policy's plugin is to be undone.
    RollBackPlugin {
        /// The policy.
        name: String,
    },
    /// Tokens are to be worth nothing any more.
    RevokeTokens {
        /// The id of the token, and of those that were exchanged for it.
        token: Option<String>,
        /// Whose tokens.
        subject: Option<String>,
        /// Who vouches for that subject; whoever does where left out.
        issuer: Option<String>,
    },
    /// The newest exchanges of tokens.
    Exchanges {
        /// At most so many.
        limit: usize,
    },
    /// The newest revocations in force.
    Revocations {
        /// At most so many.
        limit: usize,
    },
    /// The roles that reach a connection, and who has them.
    WhoCan {
        /// The connection's name.
        connection: String,
    },
    /// What a token may do on a connection, and why.
    Explain {
        /// The connection's name and the token, as JSON.
        question: Sensitive,
    },
    /// A plugin's file, to be put in force.
    LoadPlugin {
        /// The name of the policy that it replaces; the plugin's own where left out.
        name: Option<String>,
        /// The file.
        file: Bytes,
    },
}

/// A question about what is known of MCP servers' tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PinAsk {
    /// The tools that MCP servers were seen to offer.
    List,
    /// One of them.
    Show {
        /// Its server's connection.
        connection: String,
        /// Its name; empty for the server's instructions.
        tool: String,
    },
    /// What is offered of one is to be approved.
    Approve {
        /// Its server's connection.
        connection: String,
        /// Its name; empty for the server's instructions.
        tool: String,
        /// The digest of what was looked at.
        digest: String,
    },
    /// What is known of one is to be forgotten.
    Forget {
        /// Its server's connection.
        connection: String,
        /// Its name; empty for the server's instructions.
        tool: String,
    },
    /// The newest approvals of tools.
    History {
        /// At most so many.
        limit: usize,
    },
}

/// The running gateway, as this API sees it.
#[async_trait]
pub trait Gateway: Send + Sync + 'static {
    /// Who asks.
    type Caller: Send + Sync;

    /// Who bears this token, which came from this address. The cause of a refusal is the gateway's to log.
    ///
    /// # Errors
    /// What the client may know of why it is nobody.
    fn caller(&self, token: &str, client: SocketAddr) -> Result<Self::Caller, Problem>;

    /// Whose budget a request with this token is of, where that is known at once and for certain: none but the bearer's own
    /// requests are of it. `None` where it is that of the client's address.
    fn payer(&self, token: &str) -> Option<String>;

    /// Gives a token for a token. Who asks is known by the token alone.
    ///
    /// # Errors
    /// What the client may know of the problem.
    async fn exchange(
        &self,
        client: SocketAddr,
        request: TokenRequest,
    ) -> Result<Value, ExchangeProblem>;

    /// Whether the caller may send files; asked before one is read.
    fn may_send_files(&self, caller: &Self::Caller) -> bool;

    /// Answers, within the caller's rights.
    ///
    /// # Errors
    /// What the caller may know of the problem.
    async fn answer(&self, caller: &Self::Caller, ask: Ask) -> Result<Value, Problem>;
}
