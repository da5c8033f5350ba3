//! A service, a gateway and a client on loopback; policies that go by words.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use palisade_policy::*;
use pingora_core::listeners::tls::Acceptor;
use pingora_core::protocols::l4::stream::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use zeroize::Zeroizing;

use super::super::*;
use super::mounted::Other;
pub(super) use super::peer::{Client, accept, is_whole, request};
use crate::{Address, Credential, Descriptors, Origin};

pub(super) const SECRET: &str = "hunter2-of-the-gateway";

/// Denies, holds and rewrites by words in the text; covers keys and looks for cards where it is told to.
pub(super) struct ByWord {
    pub masks: bool,
}

impl Policy for ByWord {
    fn name(&self) -> &'static str {
        "by-word"
    }
    fn hooks(&self) -> Hooks {
        Hooks { guard: true, mask: self.masks, reviewer: false }
    }
    fn is_pure(&self) -> bool {
        true
    }
    fn judge(&self, _: &Context, command: &Command) -> Result<Verdict, PolicyFailure> {
        let text = &command.text;
        Ok(if text.contains("forbidden") {
            Verdict::Deny(Denial {
                reason: "not that".into(),
                rule: "test.word".into(),
                hint: String::new(),
            })
        } else if text.contains("held") {
            Verdict::Hold(Hold {
                reason: "wait".into(),
                rule: "test.hold".into(),
                approvers: vec!["approver".into()],
                quorum: 1,
                expires_in: 600,
                for_approvers: String::new(),
            })
        } else if text.contains("/old") {
            Verdict::Rewrite(text.replace("/old", "/new"))
        } else {
            Verdict::Allow
        })
    }
    fn plan(&self, _: &Context, shape: &Shape) -> Result<Plan, PolicyFailure> {
        let keys = match shape {
            Shape::Document(_) => vec![("*password*".to_owned(), Action::Replace("****".into()))],
            _ => vec![],
        };
        Ok(Plan { fields: vec![], keys, rest: Action::Scan(vec!["aws-key".into()]) })
    }
    fn inspect(&self, _: &Context, values: &Batch) -> Result<Batch, PolicyFailure> {
        Ok(values.clone())
    }
    fn review(&self, _: &Context, _: &Command, _: &Hold) -> Result<Review, PolicyFailure> {
        Ok(Review::Undecided)
    }
}

/// What was recorded, in lines; it can be broken.
#[derive(Default)]
pub(super) struct Record {
    pub lines: Mutex<Vec<String>>,
    pub broken: Mutex<bool>,
    put: Notify,
}

impl Journal for Record {
    fn put(
        &self,
        session: &str,
        entry: &Entry<'_>,
    ) -> Result<Option<Later<Result<(), JournalFailure>>>, JournalFailure> {
        if *self.broken.lock().unwrap() {
            return Err(JournalFailure("the disk is full".into()));
        }
        let line = match entry {
            Entry::Command { ruling, rule, command, .. } => {
                format!("{ruling} {rule} {}", command.text)
            }
            Entry::Held { hold, .. } => format!("held {hold}"),
            Entry::Decided { outcome, .. } => outcome.word().to_owned(),
            Entry::Result { result, .. } => format!("result {} {:?}", result.tag, result.rows),
            Entry::Error { code, message, .. } => format!("error {code} {message}"),
        };
        self.lines.lock().unwrap().push(format!("{session}: {line}"));
        self.put.notify_one();
        Ok(None)
    }
}

/// Opens holds that end when somebody says how.
#[derive(Default)]
pub(super) struct Desk {
    pub outcome: watch::Sender<Option<Outcome>>,
    pub opened: Notify,
}

struct Paper(watch::Receiver<Option<Outcome>>);

impl Ticket for Paper {
    fn id(&self) -> &'static str {
        "h1"
    }
    fn how(&self) -> String {
        "approve h1".into()
    }
    fn outcome(&mut self) -> std::pin::Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let outcome = self.0.wait_for(Option::is_some).await;
            outcome.unwrap().clone().unwrap()
        })
    }
}

impl Approvals for Desk {
    fn open(&self, _: HoldRequest) -> Result<Box<dyn Ticket>, String> {
        self.opened.notify_one();
        Ok(Box::new(Paper(self.outcome.subscribe())))
    }
}

#[derive(Debug)]
struct Behind {
    origin: Origin,
    trust: Trust,
    templates: Templates,
    credential: Credential,
    blind: bool,
    grpc: Option<Descriptors>,
}

#[async_trait]
impl Backend for Behind {
    fn origin(&self) -> &Origin {
        &self.origin
    }
    fn trust(&self) -> &Trust {
        &self.trust
    }
    fn templates(&self) -> &Templates {
        &self.templates
    }
    fn websocket(&self) -> bool {
        true
    }
    fn is_blind(&self) -> bool {
        self.blind
    }
    fn grpc(&self) -> Option<&Descriptors> {
        self.grpc.as_ref()
    }
    fn pool(&self) -> u64 {
        1
    }
    async fn credential(&self) -> Result<Credential, String> {
        Ok(self.credential.clone())
    }
}

/// Lets the token `token` in, to `api`.
pub(super) struct Door {
    pub gate: Arc<Gate>,
    backend: Arc<Behind>,
    read_only: bool,
    /// The connections that a client finds by the service's address.
    there: Vec<String>,
    pub ends: watch::Sender<Option<Ending>>,
    /// What is spoken at the connection `mounted`.
    pub other: Other,
    pub events: Mutex<Vec<String>>,
}

impl Host for Door {
    fn admit(&self, login: &Login<'_>) -> Result<Admission, NotAdmitted> {
        if login.token != "token" || login.connection != "api" {
            return Err(NotAdmitted::Refused { after: Duration::ZERO });
        }
        let session = {
            let mut events = self.events.lock().unwrap();
            events.push("opened".into());
            format!("s{}", events.len())
        };
        Ok(Admission {
            gate: self.gate.session(Context { session, ..Context::default() }),
            backend: Arc::clone(&self.backend) as Arc<dyn Backend>,
            ends: self.ends.subscribe(),
            read_only: self.read_only,
            mask_key: [7; 32],
            place: Place(Box::new(())),
        })
    }
    fn forward(&self) -> Option<&dyn Forward> {
        Some(self)
    }
    fn mount(&self, connection: &str) -> Option<Arc<dyn Mount>> {
        (connection == "mounted").then(|| Arc::new(self.other.clone()) as Arc<dyn Mount>)
    }
    fn turned_away(&self, _: SocketAddr, cause: &str) {
        self.events.lock().unwrap().push(format!("turned away: {cause}"));
    }
    fn ended(&self, _: &str, ended: &Ended) {
        self.events.lock().unwrap().push(format!("ended: {}", ended.how));
    }
}

impl Forward for Door {
    fn at(&self, login: &Login<'_>, address: &Address) -> Result<Vec<String>, NotAdmitted> {
        if login.token != "token" {
            return Err(NotAdmitted::Refused { after: Duration::ZERO });
        }
        let is_there = address.is_of(&self.backend.origin);
        Ok(if is_there { self.there.clone() } else { vec![] })
    }
    fn endpoint(&self, _: &str) -> Option<(Origin, String)> {
        None
    }
    fn acceptor(&self, _: &str) -> Result<Arc<Acceptor>, String> {
        Err("none is needed in clear".into())
    }
    fn blind(&self, _: &str) {
        self.events.lock().unwrap().push("blind".into());
    }
}

/// What the service got, and what it says to it.
pub(super) type Script = fn(&str) -> String;

pub(super) struct World {
    pub gateway: SocketAddr,
    /// The same gateway, as a forward proxy.
    pub proxy: SocketAddr,
    /// Where the service is.
    pub service: u16,
    pub got: Arc<Mutex<Vec<String>>>,
    pub connections: Arc<Mutex<usize>>,
    pub record: Arc<Record>,
    pub desk: Arc<Desk>,
    pub door: Arc<Door>,
    pub stop: watch::Sender<bool>,
}

/// How a world differs from the usual one.
pub(super) struct With {
    pub script: Script,
    pub masks: bool,
    pub read_only: bool,
    pub credential: Credential,
    pub options: Options,
    pub blind: bool,
    pub there: Vec<&'static str>,
    /// What the service's messages are, where it speaks gRPC.
    pub grpc: Option<Descriptors>,
}

impl Default for With {
    fn default() -> Self {
        Self {
            script: |_| ok("text/plain", "hello"),
            masks: false,
            read_only: false,
            credential: Credential::Bearer(Zeroizing::new(SECRET.to_owned())),
            options: Options::default(),
            blind: false,
            there: vec!["api"],
            grpc: None,
        }
    }
}

/// A whole response.
pub(super) fn ok(kind: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}")
}

impl World {
    pub(super) async fn new(with: With) -> Self {
        let service = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = service.local_addr().unwrap().port();
        let got = Arc::<Mutex<Vec<String>>>::default();
        let connections = Arc::<Mutex<usize>>::default();
        tokio::spawn(serve(service, with.script, Arc::clone(&got), Arc::clone(&connections)));
        Self::before(port, with, got, connections).await
    }

    /// A gateway before a service that the test plays itself.
    pub(super) async fn alone(with: With) -> (Self, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        (Self::before(port, with, Default::default(), Default::default()).await, listener)
    }

    /// A gateway before a service that is there already.
    pub(super) async fn before(
        port: u16,
        with: With,
        got: Arc<Mutex<Vec<String>>>,
        connections: Arc<Mutex<usize>>,
    ) -> Self {
        let (record, desk) = (Arc::<Record>::default(), Arc::<Desk>::default());
        let gate = Arc::new(Gate::new(
            Arc::clone(&desk) as Arc<dyn Approvals>,
            Arc::clone(&record) as Arc<dyn Journal>,
        ));
        gate.install(vec![Placed::everywhere(Arc::new(ByWord { masks: with.masks }))]);
        let origin = Origin::new(false, "127.0.0.1".into(), port);
        let backend = Arc::new(Behind {
            origin,
            trust: Trust::default(),
            templates: Templates::default(),
            credential: with.credential,
            blind: with.blind,
            grpc: with.grpc,
        });
        let door = Arc::new(Door {
            gate,
            backend,
            read_only: with.read_only,
            there: with.there.into_iter().map(str::to_owned).collect(),
            ends: watch::Sender::new(None),
            other: Other::default(),
            events: Mutex::default(),
        });
        let (stop, stops) = watch::channel(false);
        let host = Arc::clone(&door) as Arc<dyn Host>;
        let service = Service::new(host, with.options);
        let gateway = listen(service.clone(), stops.clone(), false).await;
        let proxy = listen(service, stops, true).await;
        let service = port;
        Self { gateway, proxy, service, got, connections, record, desk, door, stop }
    }

    /// From now on something is masked.
    pub(super) fn mask(&self) {
        self.door.gate.install(vec![Placed::everywhere(Arc::new(ByWord { masks: true }))]);
    }

    pub(super) async fn client(&self) -> Client {
        Client(TcpStream::connect(self.gateway).await.unwrap())
    }

    /// A client of the forward proxy.
    pub(super) async fn proxied(&self) -> Client {
        Client(TcpStream::connect(self.proxy).await.unwrap())
    }

    /// One request on a connection of its own.
    pub(super) async fn ask(&self, line: &str, headers: &str, body: &str) -> String {
        let mut client = self.client().await;
        client.send(&request(line, headers, body)).await;
        client.response().await
    }

    /// Ends the sessions that there are, with what is under way in them or not.
    pub(super) fn end(&self, reason: &str, at_once: bool) {
        self.door.ends.send_replace(Some(Ending { at_once, ..Ending::soon(reason, "") }));
    }

    pub(super) fn got(&self) -> Vec<String> {
        self.got.lock().unwrap().clone()
    }

    pub(super) fn recorded(&self) -> String {
        self.record.lines.lock().unwrap().join("\n")
    }

    /// What is recorded, once these words are in it.
    pub(super) async fn recorded_with(&self, words: &str) -> String {
        loop {
            let recorded = self.recorded();
            if recorded.contains(words) {
                return recorded;
            }
            self.record.put.notified().await;
        }
    }

    pub(super) fn events(&self) -> String {
        self.door.events.lock().unwrap().join("\n")
    }
}

/// Where the service is served from then on, as a forward proxy or as itself.
async fn listen(service: Service, stops: watch::Receiver<bool>, as_proxy: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, peer) = listener.accept().await.unwrap();
            let (service, stops) = (service.clone(), stops.clone());
            tokio::spawn(async move {
                let (mut stream, never) = (Box::new(Stream::from(stream)), std::future::pending());
                let in_http2 = !as_proxy && begins_http2(&mut stream).await.unwrap_or(false);
                match (as_proxy, in_http2) {
                    (true, _) => service.serve_proxy(stream, peer, stops, never).await,
                    (_, true) => service.serve_http2(stream, peer, stops, never).await,
                    _ => service.serve(stream, peer, stops, never).await,
                }
            });
        }
    });
    address
}

async fn serve(
    listener: TcpListener,
    script: Script,
    got: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        *connections.lock().unwrap() += 1;
        let got = Arc::clone(&got);
        tokio::spawn(async move {
            let mut text = String::new();
            let mut bytes = vec![0; 64 * 1024];
            loop {
                let read = stream.read(&mut bytes).await.unwrap_or(0);
                if read == 0 {
                    return;
                }
                text.push_str(&String::from_utf8_lossy(&bytes[..read]));
                if is_whole(&text) {
                    let answer = script(&text);
                    got.lock().unwrap().push(std::mem::take(&mut text));
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            }
        });
    }
}
