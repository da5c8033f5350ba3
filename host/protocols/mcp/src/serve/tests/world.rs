//! The service with a gate, a record and a program as its server, and the service over HTTP.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use palisade_policy::{
    Approvals, Batch, Command, Context, Entry, Gate, Hold, HoldRequest, Hooks, Journal,
    JournalFailure, Later, Outcome, Placed, Plan, Policy, PolicyFailure, Review, Shape, Ticket,
    Verdict,
};
use pingora_core::protocols::http::ServerSession;
use pingora_http::ResponseHeader;
use tokio::net::TcpListener;
use zeroize::Zeroizing;

use super::super::*;
use crate::catalog::NewTools;
use crate::conversation::{Reverse, Settings};
use crate::pins::MemoryPins;
use crate::upstream::{Launch, Remote, Transport};

struct ByWord;

impl Policy for ByWord {
    fn name(&self) -> &'static str {
        "by-word"
    }
    fn hooks(&self) -> Hooks {
        Hooks { guard: true, mask: true, reviewer: false }
    }
    fn is_pure(&self) -> bool {
        true
    }
    fn judge(&self, _: &Context, command: &Command) -> Result<Verdict, PolicyFailure> {
        let (rule, hint) = ("by-word".to_owned(), String::new());
        Ok(if command.text.contains("forbidden") {
            Verdict::Deny(palisade_policy::Denial { reason: "no".to_owned(), rule, hint })
        } else if command.text.contains("risky") {
            let reason = "risky".to_owned();
            Verdict::Hold(Hold {
                reason,
                rule,
                approvers: vec![],
                quorum: 1,
                expires_in: 60,
                for_approvers: String::new(),
            })
        } else {
            Verdict::Allow
        })
    }
    fn plan(&self, _: &Context, _: &Shape) -> Result<Plan, PolicyFailure> {
        let rest = palisade_policy::Action::Scan(vec!["aws-key".to_owned()]);
        Ok(Plan { fields: vec![], keys: vec![], rest })
    }
    fn inspect(&self, _: &Context, values: &Batch) -> Result<Batch, PolicyFailure> {
        Ok(values.clone())
    }
    fn review(&self, _: &Context, _: &Command, _: &Hold) -> Result<Review, PolicyFailure> {
        Ok(Review::Undecided)
    }
}

/// What is told, as lines that can be waited for.
#[derive(Clone)]
pub(super) struct Told(watch::Sender<Vec<String>>);

impl Told {
    fn line(&self, line: String) {
        self.0.send_modify(|lines| lines.push(line));
    }

    /// There is no such line.
    pub(super) fn never(&self, part: &str) {
        let lines = self.0.borrow();
        assert!(!lines.iter().any(|line| line.contains(part)), "{part} in {lines:?}");
    }

    /// Ends when there is such a line.
    pub(super) async fn wait_for(&self, part: &str) {
        let mut lines = self.0.subscribe();
        let has = |lines: &Vec<String>| lines.iter().any(|line| line.contains(part));
        let waited = tokio::time::timeout(Duration::from_secs(20), lines.wait_for(has)).await;
        let found = matches!(waited, Ok(Ok(_)));
        assert!(found, "no {part} in {:?}", *self.0.borrow());
    }
}

impl Journal for Told {
    fn put(
        &self,
        _: &str,
        entry: &Entry<'_>,
    ) -> Result<Option<Later<Result<(), JournalFailure>>>, JournalFailure> {
        self.line(match entry {
            Entry::Command { ruling, rule, command, .. } => {
                format!("{ruling} {rule} {}", command.text)
            }
            Entry::Held { .. } => "held".to_owned(),
            Entry::Decided { outcome, .. } => outcome.word().to_owned(),
            Entry::Result { result, .. } => format!("result {:?}", result.rows),
            Entry::Error { code, message, .. } => format!("error {code} {message}"),
        });
        Ok(None)
    }
}

impl Host for Told {
    fn ended(&self, _: &str, ended: &Ended) {
        self.line(format!("ended: {}", ended.how));
    }
}

struct Paper(watch::Receiver<bool>);

impl Ticket for Paper {
    fn id(&self) -> &'static str {
        "h1"
    }
    fn how(&self) -> String {
        "approve h1".to_owned()
    }
    fn outcome(&mut self) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            match self.0.wait_for(|granted| *granted).await {
                Ok(_) => Outcome::Granted { by: vec!["alice".to_owned()] },
                Err(_) => Outcome::Expired,
            }
        })
    }
}

struct Desk(watch::Receiver<bool>);

impl Approvals for Desk {
    fn open(&self, _: HoldRequest) -> Result<Box<dyn Ticket>, String> {
        Ok(Box::new(Paper(self.0.clone())))
    }
}

/// How the servers of a world are reached: programs, or one service.
#[derive(Clone)]
pub(super) enum Servers {
    Programs,
    Service(u16),
}

#[async_trait::async_trait]
impl Backend for Servers {
    async fn transport(&self, _: usize) -> Result<Transport, String> {
        let secret = |text: &str| Zeroizing::new(text.to_owned());
        Ok(match self {
            Self::Programs => Transport::Launch(Launch {
                command: ["python3", "-c", include_str!("server.py")].map(str::to_owned).into(),
                environment: vec![
                    ("PATH".to_owned(), Zeroizing::new(std::env::var("PATH").unwrap_or_default())),
                    ("API_KEY".to_owned(), secret("s3cr3t-s3cr3t")),
                ],
                secrets: vec![secret("s3cr3t-s3cr3t")],
                folder: None,
            }),
            Self::Service(port) => Transport::Remote(Remote {
                tls: false,
                host: "127.0.0.1".to_owned(),
                port: *port,
                path: "/mcp".to_owned(),
                headers: vec![("authorization".to_owned(), secret("Bearer upstream-token"))],
                secrets: vec![secret("upstream-token")],
                authorities: None,
                certificate: None,
            }),
        })
    }

    fn credential_refused(&self, _: usize) {}
}

/// A service, and what surrounds it.
pub(super) struct World {
    pub(super) service: Service,
    pub(super) told: Told,
    gate: Arc<Gate>,
    settings: Arc<Settings>,
    servers: Servers,
    pins: Arc<MemoryPins>,
    admitted: AtomicUsize,
    /// Whether it is for those alone who have no session.
    newest: bool,
    /// Grants what is held.
    pub(super) grant: watch::Sender<bool>,
    /// Ends sessions.
    pub(super) ends: watch::Sender<Option<Ending>>,
}

impl World {
    pub(super) fn new(servers: Servers) -> Self {
        Self::with(servers, &["test"], Reverse::default())
    }

    /// One of programs, for those alone who have no session.
    pub(super) fn newest() -> Self {
        Self { newest: true, ..Self::new(Servers::Programs) }
    }

    pub(super) fn with(servers: Servers, names: &[&str], allow: Reverse) -> Self {
        let told = Told(watch::Sender::new(vec![]));
        let (grant, granted) = watch::channel(false);
        let gate = Gate::new(Arc::new(Desk(granted)), Arc::new(told.clone()));
        let gate = Arc::new(gate);
        gate.install(vec![Placed::everywhere(Arc::new(ByWord))]);
        let settings = Settings {
            servers: names.iter().map(|name| (*name).to_owned()).collect(),
            allow,
            new_tools: NewTools::Trust,
            held: vec![],
            reads: vec![],
            record_limit: 10_000,
            hold_seconds: 60,
            patience: 1000,
        };
        // Whatever waits here waits for an event, not for ticks; these only end what nobody reads.
        let options = Options {
            tick: Duration::from_millis(20),
            patience: 2,
            idle: 100_000,
            sessions: 3,
            ..Options::default()
        };
        Self {
            service: Service::new(Arc::new(told.clone()), options),
            told,
            gate,
            settings: Arc::new(settings),
            servers,
            pins: Arc::default(),
            admitted: AtomicUsize::new(0),
            newest: false,
            grant,
            ends: watch::Sender::new(None),
        }
    }

    /// How many sessions were begun.
    pub(super) fn admitted(&self) -> usize {
        self.admitted.load(Relaxed)
    }

    pub(super) fn guest(&self, name: &str) -> SomeGuest<'_> {
        SomeGuest { world: self, name: name.to_owned() }
    }

    /// The same policies come once more, as another edition.
    pub(super) fn swap(&self) {
        self.gate.install(vec![Placed::everywhere(Arc::new(ByWord))]);
    }

    pub(super) fn end(&self, at_once: bool) {
        let ending = Ending::soon("the token is revoked", "Get another.");
        self.ends.send_replace(Some(Ending { at_once, ..ending }));
    }
}

pub(super) struct SomeGuest<'a> {
    world: &'a World,
    name: String,
}

impl Guest for SomeGuest<'_> {
    fn owner(&self) -> String {
        self.name.clone()
    }

    fn bearer(&self) -> String {
        // A name may be of several tokens.
        self.name.split('#').next().unwrap().to_owned()
    }

    fn admit(&self) -> Result<Admission, (u16, String)> {
        let world = self.world;
        world.admitted.fetch_add(1, Relaxed);
        let context = Context { session: self.name.clone(), ..Context::default() };
        Ok(Admission {
            opening: Opening {
                gate: world.gate.session(context),
                settings: Arc::clone(&world.settings),
                pins: Arc::clone(&world.pins) as Arc<dyn crate::pins::Pins>,
                read_only: false,
                mask_key: [7; 32],
            },
            backend: Arc::new(world.servers.clone()),
            ends: world.ends.subscribe(),
            place: Place(Box::new(())),
        })
    }
}

/// Serves a world over HTTP on a free port, whoever comes with its token, until the runtime ends.
pub(super) async fn serve(world: Arc<World>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                let stream = pingora_core::protocols::l4::stream::Stream::from(stream);
                let mut http = ServerSession::new_http1(Box::new(stream));
                if http.read_request().await.is_ok_and(|read| read) {
                    http.set_keepalive(None);
                    answer(&world, &mut http).await;
                }
            });
        }
    });
    port
}

async fn answer(world: &World, http: &mut ServerSession) {
    let mut body = Vec::new();
    while let Ok(Some(piece)) = http.read_request_body().await {
        body.extend_from_slice(&piece);
    }
    let head = http.req_header();
    let (method, headers) = (head.method.clone(), head.headers.clone());
    assert_eq!(headers.get("authorization").unwrap(), "Bearer upstream-token");
    let guest = world.guest("gateway");
    let is_old = headers.get("mcp-protocol-version").is_none_or(|it| it != "2026-07-28");
    let reply = if world.newest && is_old {
        let refused = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32022,"message":"no"}}"#;
        Reply { status: 400, headers: vec![], body: Body::Whole(refused.into()) }
    } else {
        world.service.handle(&guest, &method, &headers, &body).await
    };
    let mut head = ResponseHeader::build(reply.status, None).unwrap();
    for (name, value) in reply.headers {
        head.insert_header(name, value).unwrap();
    }
    match reply.body {
        Body::Whole(bytes) => {
            head.insert_header("content-length", bytes.len()).unwrap();
            http.write_response_header(Box::new(head)).await.unwrap();
            let _ = http.write_response_body(bytes, true).await;
        }
        Body::Stream(mut pieces) => {
            head.insert_header("transfer-encoding", "chunked").unwrap();
            http.write_response_header(Box::new(head)).await.unwrap();
            while let Some(piece) = pieces.recv().await {
                if http.write_response_body(piece, false).await.is_err() {
                    return;
                }
            }
        }
    }
    let _ = http.finish_body().await;
}
