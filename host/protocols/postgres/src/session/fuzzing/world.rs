//! What stands around a session that is played: policies, a record, approvals, and a server for the catalog's questions.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context as Poller, Poll};

use bytes::{BufMut, BytesMut};
use palisade_policy::{
    Action, Approvals, Batch, Command, Context, Denial, Entry, Hold, HoldRequest, Hooks, Journal,
    JournalFailure, Later, Moment, Outcome, Plan, Policy, PolicyFailure, Review, Shape, Ticket,
    Verdict,
};
use palisade_relay::{Link, Secure};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

use crate::codec::build;
use crate::login::TlsMode;
use crate::serve::Backend;

/// What must never reach a client.
pub(super) const MARKER: &str = "QXZJVKW";

/// Relations and their columns, by the OIDs from here on.
pub(super) const FIRST_OID: u32 = 16_400;
const RELATIONS: [(&str, &[&str]); 4] = [
    ("open", &["id", "note"]),
    ("vault", &["id", "secret"]),
    ("seen", &["id", "remark"]),
    ("shut", &["a"]),
];
const VIEW: &str = "SELECT v.id, v.secret AS remark FROM public.vault v";

/// Allows a statement by its words, or by what it reads.
pub(super) struct Guard {
    /// Whether nobody may read `shut` now.
    pub(super) strict: bool,
    /// The texts that it has allowed.
    pub(super) allowed: Arc<Mutex<HashSet<String>>>,
}

fn denial(rule: &str) -> Denial {
    Denial { reason: "no".into(), rule: rule.into(), hint: String::new() }
}

impl Policy for Guard {
    fn name(&self) -> &'static str {
        "guard"
    }
    fn hooks(&self) -> Hooks {
        Hooks { guard: true, mask: true, reviewer: false }
    }
    fn is_pure(&self) -> bool {
        true
    }
    fn judge(&self, _: &Context, command: &Command) -> Result<Verdict, PolicyFailure> {
        let text = &command.text;
        let shut =
            || command.operations.iter().any(|operation| operation.object.ends_with(".shut"));
        if text.contains("forbidden") || !command.complete || self.strict && shut() {
            return Ok(Verdict::Deny(denial("guard.no")));
        }
        if text.contains("rewritten") {
            return Ok(Verdict::Rewrite("SELECT id FROM open".into()));
        }
        if text.contains("redirected") {
            return Ok(Verdict::Rewrite("SELECT forbidden FROM open".into()));
        }
        lock(&self.allowed).insert(text.clone());
        if text.contains("held") {
            return Ok(Verdict::Hold(Hold {
                reason: "look".into(),
                rule: "guard.held".into(),
                approvers: vec!["x".into()],
                quorum: 1,
                expires_in: 9,
                for_approvers: String::new(),
            }));
        }
        Ok(Verdict::Allow)
    }
    fn plan(&self, _: &Context, shape: &Shape) -> Result<Plan, PolicyFailure> {
        let Shape::Table(fields) = shape else {
            return Ok(Plan { fields: vec![], keys: vec![], rest: Action::Keep });
        };
        if fields.iter().any(|field| field.name == "broken") {
            return Err(PolicyFailure::Trap("broken".into()));
        }
        let covers = |name: &String| name == "public.vault.secret" || name.starts_with("?.?.");
        let fields = fields.iter().map(|field| match field {
            field if field.sources.iter().any(covers) => Action::Replace("****".into()),
            field if field.name == "note" => Action::Inspect,
            _ => Action::Keep,
        });
        Ok(Plan { fields: fields.collect(), keys: vec![], rest: Action::Keep })
    }
    fn inspect(&self, _: &Context, values: &Batch) -> Result<Batch, PolicyFailure> {
        if values.values().any(|value| value == b"bad") {
            return Err(PolicyFailure::Time);
        }
        Ok(Batch::default())
    }
    fn review(&self, _: &Context, _: &Command, _: &Hold) -> Result<Review, PolicyFailure> {
        Ok(Review::Undecided)
    }
}

/// Counts what it was told runs, at once or later, or keeps nothing and says so.
#[derive(Default)]
pub(super) struct Kept {
    /// How often each text was recorded to run.
    pub(super) ran: Arc<Mutex<HashMap<String, usize>>>,
    /// How often each was granted after a hold.
    pub(super) granted: Mutex<HashMap<String, usize>>,
    held: Mutex<HashMap<u64, String>>,
    pub(super) broken: AtomicBool,
    pub(super) slow: AtomicBool,
}

impl Journal for Kept {
    fn put(
        &self,
        _: &str,
        entry: &Entry<'_>,
    ) -> Result<Option<Later<Result<(), JournalFailure>>>, JournalFailure> {
        let failure = || JournalFailure("the disk is full".into());
        let slow = self.slow.load(Ordering::Relaxed);
        let broken = self.broken.load(Ordering::Relaxed);
        if broken && !slow {
            return Err(failure());
        }
        let mut run = None;
        match entry {
            Entry::Command { command, ruling: "allow", moment: Moment::Run, .. } => {
                run = Some(command.text.clone());
            }
            Entry::Command { command, ruling: "hold", number, .. } => {
                lock(&self.held).insert(*number, command.text.clone());
            }
            Entry::Decided { number, outcome: Outcome::Granted { .. }, .. } => {
                if let Some(text) = lock(&self.held).get(number) {
                    *lock(&self.granted).entry(text.clone()).or_default() += 1;
                }
            }
            _ => {}
        }
        let ran = Arc::clone(&self.ran);
        let keep = move || {
            if let Some(text) = run {
                *lock(&ran).entry(text).or_default() += 1;
            }
        };
        if !slow {
            keep();
            return Ok(None);
        }
        Ok(Some(Box::pin(async move {
            if broken {
                return Err(failure());
            }
            keep();
            Ok(())
        })))
    }
}

/// Somebody who says yes at once.
pub(super) struct Yes;

impl Approvals for Yes {
    fn open(&self, _: HoldRequest) -> Result<Box<dyn Ticket>, String> {
        Ok(Box::new(Self))
    }
}

impl Ticket for Yes {
    fn id(&self) -> &'static str {
        "1"
    }
    fn how(&self) -> String {
        "say yes".to_owned()
    }
    fn outcome(&mut self) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(std::future::ready(Outcome::Granted { by: vec!["somebody".into()] }))
    }
}

/// The server that the catalog asks.
#[derive(Debug)]
pub(super) struct Server;

#[async_trait::async_trait]
impl Backend for Server {
    async fn dial(&self) -> io::Result<Link> {
        Ok(Link::new(Box::new(Answers::default())))
    }
    fn secure(&self) -> Secure {
        // Never used; made once, since it is asked for often.
        static NEVER: LazyLock<TlsAcceptor> = LazyLock::new(|| {
            let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
            let builder = tokio_rustls::rustls::ServerConfig::builder().with_no_client_auth();
            let resolver = tokio_rustls::rustls::server::ResolvesServerCertUsingSni::new();
            TlsAcceptor::from(Arc::new(builder.with_cert_resolver(Arc::new(resolver))))
        });
        Secure::Accept(NEVER.clone())
    }
    fn tls_mode(&self) -> TlsMode {
        TlsMode::Disable
    }
    fn is_private(&self) -> bool {
        true
    }
    fn username(&self) -> &'static str {
        "svc"
    }
    fn database(&self) -> &'static str {
        "db"
    }
    async fn password(&self) -> Result<Zeroizing<String>, String> {
        Ok(Zeroizing::default())
    }
}

/// Answers every question with all relations.
#[derive(Default)]
struct Answers {
    answers: VecDeque<u8>,
    logged_in: bool,
}

impl AsyncRead for Answers {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Poller<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let count = into.remaining().min(self.answers.len());
        let bytes: Vec<u8> = self.answers.drain(..count).collect();
        into.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Answers {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Poller<'_>,
        question: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut out = BytesMut::new();
        if std::mem::replace(&mut self.logged_in, true) {
            if String::from_utf8_lossy(question).contains("pg_attribute") {
                describe(&mut out);
            } else {
                let oids =
                    (FIRST_OID..).take(RELATIONS.len()).map(|oid| vec![Some(oid.to_string())]);
                table(&mut out, oids.collect());
            }
        } else {
            build::authentication_ok(&mut out);
        }
        build::ready(&mut out, b'I');
        self.answers.extend(&out);
        Poll::Ready(Ok(question.len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Poller<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Poller<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The answers to the catalog's three questions about relations.
fn describe(out: &mut BytesMut) {
    let relations = (FIRST_OID..).zip(RELATIONS);
    let rows = relations.clone().map(|(oid, (name, _))| {
        let view = (name == "seen").then(|| VIEW.to_owned());
        vec![Some(oid.to_string()), Some("public".to_owned()), Some(name.to_owned()), view]
    });
    table(out, rows.collect());
    let rows = relations.flat_map(|(oid, (_, columns))| {
        (1..).zip(columns).map(move |(number, column): (i16, &&str)| {
            let cells = [oid.to_string(), number.to_string(), (*column).to_owned(), String::new()];
            cells.map(Some).to_vec()
        })
    });
    table(out, rows.collect());
    table(out, vec![]);
}

fn table(out: &mut BytesMut, rows: Vec<Vec<Option<String>>>) {
    for row in rows {
        let cells: Vec<_> = row.iter().map(|cell| cell.as_deref().map(str::as_bytes)).collect();
        data_row(out, &cells);
    }
    build::frame(out, b'C', |out| build::cstr(out, "SELECT"));
}

/// Appends a `DataRow`.
pub(super) fn data_row(out: &mut BytesMut, cells: &[Option<&[u8]>]) {
    build::frame(out, b'D', |out| {
        out.put_u16(u16::try_from(cells.len()).unwrap_or(0));
        for cell in cells {
            out.put_i32(cell.map_or(-1, |cell| i32::try_from(cell.len()).unwrap_or(0)));
            out.put_slice(cell.unwrap_or(&[]));
        }
    });
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
