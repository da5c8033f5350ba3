//! Where the corpora run: one server with what they speak of, one gateway with the strict policy, and ways to both.

use std::cell::RefCell;

use super::client::{Opening, Session, Target};
use super::harness::{Gateway, Postgres, Settings, repository};

/// Settings that some of the roads need.
const SETTINGS: [(&str, &str); 5] = [
    ("shared_preload_libraries", "pg_stat_statements"),
    ("wal_level", "logical"),
    ("max_prepared_transactions", "5"),
    ("autovacuum", "off"),
    ("jit", "off"),
];

/// What must be the same after a case as before it.
const STATE: &str = include_str!("state.sql");

pub(crate) struct Place {
    pub(crate) postgres: Postgres,
    pub(crate) gateway: Gateway,
    /// The server's folder, for cases that name a file.
    pub(crate) data: String,
    /// A session of the server's owner.
    admin: RefCell<Session>,
}

/// Functions of the fixture and of extensions that its owner vouches for.
const VOUCHED: &str = r#"harmless_functions = [
    "shop.line_total", "public.similarity", "public.levenshtein", "public.hstore",
    "public.soundex", "public.unaccent",
]"#;

impl Place {
    /// Starts both, and makes what the scripts say.
    pub(crate) fn start(scripts: &[&str]) -> Self {
        let postgres = Postgres::start_with("trust", &SETTINGS);
        for script in scripts {
            postgres.direct(&format!("RESET ROLE; {script}"));
        }
        let policy = repository().join("policies/strict.toml");
        let policy = format!("{VOUCHED}\n{}", std::fs::read_to_string(policy).unwrap());
        let settings = Settings { policy: Some(policy), insecure: true, ..Settings::default() };
        let gateway = Gateway::start(&postgres, settings);
        let data = postgres.admin("SHOW data_directory");
        let owner = Target { port: postgres.port, user: "admin", password: String::new() };
        let admin = RefCell::new(Session::open(&owner, &Opening::default()));
        Self { postgres, gateway, data, admin }
    }

    /// Lets the gateway forget what it knows of the server's catalog, as it does by itself after a minute.
    pub(crate) fn forget(&self) {
        let mut session = Session::open(&self.through(), &Opening::default());
        session.send(b'Q', b"COMMENT ON TABLE public.orders IS NULL\0");
        session.wait(1);
        session.close();
    }

    /// The server itself, as the user that the gateway logs in as.
    pub(crate) fn direct(&self) -> Target {
        Target { port: self.postgres.port, user: "svc_orders", password: String::new() }
    }

    /// The gateway, as an agent.
    pub(crate) fn through(&self) -> Target {
        let password = self.gateway.token_for("agent-7", "support-agent", "2h");
        Target { port: self.gateway.port, user: "orders", password }
    }

    /// Runs SQL directly, as the owner of what svc_orders owns; `RESET ROLE;` in front makes it the server's owner.
    pub(crate) fn admin(&self, sql: &str) -> Result<Vec<Vec<String>>, String> {
        let mut session = self.admin.borrow_mut();
        let start = session.heard.len();
        // A text that failed may have left a transaction open.
        for text in ["ROLLBACK", "DISCARD ALL", "SET ROLE svc_orders", sql] {
            session.send(b'Q', format!("{text}\0").as_bytes());
            session.wait(1);
        }
        let heard = std::mem::take(&mut session.heard).since(start);
        match heard.error() {
            Some(error) => Err(error),
            None => Ok(heard.rows()),
        }
    }

    /// A text that tells whether something was left behind.
    pub(crate) fn state(&self) -> String {
        let rows = self.admin(STATE).unwrap();
        rows.iter().map(|row| row.join(" ")).collect::<Vec<_>>().join("\n")
    }
}
