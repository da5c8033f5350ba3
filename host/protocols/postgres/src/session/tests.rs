//! Sessions by script: frames in, frames out, no sockets.

use std::io;
use std::sync::{Arc, Mutex};

use bytes::BytesMut;
use palisade_policy::{
    Approvals, Batch, Command, Context, Denial, Entry, Gate, Hold, HoldRequest, Hooks, Journal,
    JournalFailure, Later, Operation, Placed, Plan, Policy, PolicyFailure, Review, Shape, Ticket,
    Verdict,
};
use palisade_relay::{Link, Secure};
use palisade_sql::Trusted;
use proptest::prelude::*;
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

use super::*;
use crate::login::TlsMode;
use crate::reading::Reading;
use crate::serve::Backend;

/// Denies what says `forbidden`, and what could be read in two ways.
struct Guard(Arc<Kept>);

impl Policy for Guard {
    fn name(&self) -> &'static str {
        "guard"
    }
    fn hooks(&self) -> Hooks {
        Hooks { guard: true, mask: false, reviewer: false }
    }
    fn is_pure(&self) -> bool {
        !self.0.allows_once
    }
    fn judge(&self, _: &Context, command: &Command) -> Result<Verdict, PolicyFailure> {
        self.0.judged.lock().unwrap().push(command.text.clone());
        let in_two_ways = |it: &Operation| it.object.starts_with("it has ");
        if command.text.contains("forbidden") || command.operations.iter().any(in_two_ways) {
            let denial =
                Denial { reason: "no".into(), rule: "guard.no".into(), hint: "don't".into() };
            return Ok(Verdict::Deny(denial));
        }
        Ok(Verdict::Allow)
    }
    fn plan(&self, _: &Context, shape: &Shape) -> Result<Plan, PolicyFailure> {
        Err(PolicyFailure::Answer(format!("{shape:?}")))
    }
    fn inspect(&self, _: &Context, _: &Batch) -> Result<Batch, PolicyFailure> {
        Ok(Batch::default())
    }
    fn review(&self, _: &Context, _: &Command, _: &Hold) -> Result<Review, PolicyFailure> {
        Ok(Review::Undecided)
    }
}

/// Keeps the texts that it was told run, or keeps nothing and says so.
#[derive(Default)]
struct Kept {
    ran: Mutex<Vec<String>>,
    broken: bool,
    /// It says later that it has kept something.
    later: bool,
    /// What the guard says is not remembered, and it was asked about these.
    allows_once: bool,
    judged: Mutex<Vec<String>>,
}

impl Journal for Kept {
    fn put(
        &self,
        _: &str,
        entry: &Entry<'_>,
    ) -> Result<Option<Later<Result<(), JournalFailure>>>, JournalFailure> {
        if self.broken {
            return Err(JournalFailure("the disk is full".into()));
        }
        if let Entry::Command { command, ruling: "allow", .. } = entry {
            self.ran.lock().unwrap().push(command.text.clone());
        }
        Ok(self.later.then(|| Box::pin(async { Ok(()) }) as Later<_>))
    }
}

struct NoApprovals;

impl Approvals for NoApprovals {
    fn open(&self, _: HoldRequest) -> Result<Box<dyn Ticket>, String> {
        Err("nobody is there".into())
    }
}

/// A server that cannot be reached: names stay unresolved.
#[derive(Debug)]
struct Nowhere;

#[async_trait::async_trait]
impl Backend for Nowhere {
    async fn dial(&self) -> io::Result<Link> {
        Err(io::ErrorKind::ConnectionRefused.into())
    }
    fn secure(&self) -> Secure {
        let builder = tokio_rustls::rustls::ServerConfig::builder().with_no_client_auth();
        let resolver = tokio_rustls::rustls::server::ResolvesServerCertUsingSni::new();
        Secure::Accept(TlsAcceptor::from(Arc::new(builder.with_cert_resolver(Arc::new(resolver)))))
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

struct Script {
    session: Session,
    output: Output<Answer>,
    from_client: BytesMut,
    from_server: BytesMut,
    kept: Arc<Kept>,
}

fn script() -> Script {
    script_with(Kept::default())
}

fn script_with(kept: Kept) -> Script {
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let kept = Arc::new(kept);
    let gate = Arc::new(Gate::new(Arc::new(NoApprovals), Arc::clone(&kept) as Arc<dyn Journal>));
    let policy = Arc::new(Guard(Arc::clone(&kept)));
    gate.install(vec![Placed::everywhere(policy)]);
    let backend: Arc<dyn Backend> = Arc::new(Nowhere);
    let admission = Admission {
        gate: gate.session(Context::default()),
        catalog: Arc::new(Catalog::new(Arc::clone(&backend), Trusted::default())),
        backend,
        ends: tokio::sync::watch::channel(None).1,
        read_only: false,
        mask_key: [7; 32],
    };
    Script {
        session: Session::new(admission, &Options::default(), &[]),
        output: Output::default(),
        from_client: BytesMut::new(),
        from_server: BytesMut::new(),
        kept,
    }
}

impl Script {
    fn client(&mut self, build: impl FnOnce(&mut BytesMut)) -> &mut Self {
        build(&mut self.from_client);
        self.turn();
        self
    }

    fn server(&mut self, build: impl FnOnce(&mut BytesMut)) -> &mut Self {
        build(&mut self.from_server);
        self.turn();
        self
    }

    /// Lets the session handle all it can, as the driver does.
    fn turn(&mut self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for _ in 0..20 {
            for peer in [Peer::Client, Peer::Server] {
                if let Some(wait) = self.output.take_wait(peer) {
                    let answer = runtime.block_on(wait);
                    self.session.answer(peer, answer, &mut self.output);
                }
                if self.output.is_ended() {
                    return;
                }
                let input = match peer {
                    Peer::Client => &mut self.from_client,
                    Peer::Server => &mut self.from_server,
                };
                self.session.receive(peer, input, &mut self.output);
            }
        }
    }

    /// The types of the messages that were sent to a peer since the last time.
    fn sent(&mut self, peer: Peer) -> String {
        let bytes = self.bytes(peer);
        let mut rest = &bytes[..];
        let mut tags = String::new();
        while let Some(header) = crate::codec::peek(rest, u32::MAX).unwrap() {
            tags.push(char::from(header.tag));
            rest = &rest[header.size..];
        }
        tags
    }

    fn bytes(&mut self, peer: Peer) -> Vec<u8> {
        match peer {
            Peer::Client => self.output.client.take(),
            Peer::Server => self.output.server.take(),
        }
    }
}

fn simple(text: &'static str) -> impl FnOnce(&mut BytesMut) {
    move |out| build::query(out, text)
}

fn raw(bytes: &'static [u8]) -> impl FnOnce(&mut BytesMut) {
    move |out| out.extend_from_slice(bytes)
}

fn prepare(name: &'static str, text: &'static str) -> impl FnOnce(&mut BytesMut) {
    move |out| build::parse(out, name, text, &[0, 0])
}

/// A name of 64 bytes.
const LONG: &str = "a-name-of-sixty-four-bytes-which-is-one-more-than-a-server-keeps";
const SYNC: &[u8] = b"S\0\0\0\x04";
const BIND: &[u8] = b"B\0\0\0\x0c\0\0\0\0\0\0\0\0";
const EXECUTE: &[u8] = b"E\0\0\0\x09\0\0\0\0\0";
const READY: &[u8] = b"Z\0\0\0\x05I";
const SYNTAX_ERROR: &[u8] = b"E\0\0\0\x13SERROR\0C42601\0\0";
const DONE: &[u8] = b"C\0\0\0\x0dSELECT 1\0";

#[test]
fn an_allowed_query_leaves_byte_for_byte_and_is_recorded_first() {
    let mut script = script();
    script.client(simple("SELECT 1"));
    let mut expected = BytesMut::new();
    build::query(&mut expected, "SELECT 1");
    assert_eq!(script.bytes(Peer::Server), expected);
    assert_eq!(*script.kept.ran.lock().unwrap(), ["SELECT 1"]);
}

#[test]
fn a_text_whose_meaning_is_known_by_its_shape_is_judged_and_recorded_as_itself() {
    let mut script = script();
    let shape = palisade_sql::shape("SELECT 'one'").unwrap();
    let reading = Reading::unreadable("SELECT 'other'".into(), "-");
    script.session.catalog.keep_shape(&shape, &reading, 0);
    script.client(simple("SELECT 'one'")).client(simple("SELECT 'forbidden'"));
    assert_eq!(*script.kept.ran.lock().unwrap(), ["SELECT 'one'"]);
    let sent = String::from_utf8_lossy(&script.bytes(Peer::Server)).into_owned();
    assert!(sent.contains("SELECT 'one'") && !sent.contains("forbidden"), "{sent}");
}

#[test]
fn what_cannot_be_recorded_does_not_run() {
    let mut script = script_with(Kept { broken: true, ..Kept::default() });
    script.client(simple("SELECT 1"));
    let sent = String::from_utf8_lossy(&script.bytes(Peer::Server)).into_owned();
    assert!(!sent.contains("SELECT"), "{sent}");
}

#[test]
fn a_denied_query_is_replaced_and_its_error_too() {
    let mut script = script();
    script.client(simple("forbidden"));
    let sent = String::from_utf8_lossy(&script.bytes(Peer::Server)).into_owned();
    assert!(!sent.contains("forbidden") && sent.contains(reply::FAILING), "{sent}");
    script.server(raw(SYNTAX_ERROR)).server(raw(READY));
    let told = String::from_utf8_lossy(&script.bytes(Peer::Client)).into_owned();
    assert!(told.contains("42501") && told.contains("guard.no"), "{told}");
    assert!(!told.contains("42601"), "{told}");
}

#[test]
fn after_a_denial_the_rest_of_the_pipeline_is_dropped_up_to_its_sync() {
    let mut script = script();
    script
        .client(prepare("", "forbidden"))
        .client(raw(BIND))
        .client(raw(EXECUTE))
        .client(raw(SYNC));
    assert_eq!(script.sent(Peer::Server), "PS");
    script.server(raw(SYNTAX_ERROR)).server(raw(READY));
    assert_eq!(script.sent(Peer::Client), "EZ");
    assert!(script.kept.ran.lock().unwrap().is_empty());
}

#[test]
fn a_name_that_the_server_would_convert_is_refused_and_the_session_goes_on() {
    let mut script = script();
    script.client(prepare("\u{e9}", "SELECT 1")).client(raw(SYNC));
    assert_eq!(script.sent(Peer::Server), "PS");
    script.server(raw(SYNTAX_ERROR)).server(raw(READY));
    let told = String::from_utf8_lossy(&script.bytes(Peer::Client)).into_owned();
    assert!(told.contains("42602") && told.contains("not ASCII"), "{told}");
    script.client(prepare("s", "SELECT 1")).client(raw(SYNC));
    assert_eq!(script.sent(Peer::Server), "PS");
}

#[test]
fn names_that_the_server_cuts_to_one_are_one_and_leave_as_they_came() {
    let mut script = script();
    script.client(prepare(LONG, "SELECT 1")).client(raw(SYNC));
    assert!(String::from_utf8_lossy(&script.bytes(Peer::Server)).contains(LONG));
    script.server(raw(b"1\0\0\0\x04")).server(raw(READY));
    let cut = LONG.replace("keeps", "keepx");
    script.client(move |out| {
        build::frame(out, b'B', |out| {
            build::cstr(out, "");
            build::cstr(out, &cut);
            out.extend_from_slice(&[0; 6]);
        });
    });
    script.client(raw(EXECUTE)).client(raw(SYNC));
    assert_eq!(script.sent(Peer::Server), "BDES");
}

#[test]
fn an_execute_without_description_gets_one_that_the_client_does_not_see() {
    let mut script = script();
    script.client(prepare("", "SELECT 1")).client(raw(BIND)).client(raw(EXECUTE)).client(raw(SYNC));
    assert_eq!(script.sent(Peer::Server), "PBDES");
    script.server(raw(b"1\0\0\0\x04")).server(raw(b"2\0\0\0\x04")).server(raw(b"n\0\0\0\x04"));
    script.server(raw(DONE)).server(raw(READY));
    assert_eq!(script.sent(Peer::Client), "12CZ");
}

#[test]
fn an_answer_for_one_run_covers_the_rest_of_its_rows_and_no_other_run() {
    let mut script = script_with(Kept { later: true, allows_once: true, ..Kept::default() });
    script.client(prepare("s", "SELECT 1"));
    for (portal, runs) in [(b"a", 2), (b"b", 1), (b"c", 1)] {
        script.client(|out| {
            build::frame(out, b'B', |out| {
                out.extend_from_slice(portal);
                out.extend_from_slice(b"\0s\0\0\0\0\0\0\0");
            });
        });
        for _ in 0..runs {
            script.client(|out| {
                build::frame(out, b'E', |out| {
                    out.extend_from_slice(portal);
                    out.extend_from_slice(b"\0\0\0\0\x01");
                });
            });
        }
    }
    script.client(raw(SYNC));
    assert_eq!(script.kept.ran.lock().unwrap().len(), 4);
    // Once when it is prepared, which the first run uses up.
    assert_eq!(script.kept.judged.lock().unwrap().len(), 3);
}

#[test]
fn a_bind_to_a_statement_that_may_have_failed_waits_for_the_answer() {
    let mut script = script();
    script.client(prepare("s", "SELECT 1")).client(raw(SYNC));
    script.client(|out| {
        build::frame(out, b'B', |out| out.extend_from_slice(b"\0s\0\0\0\0\0\0\0"));
    });
    assert_eq!(script.sent(Peer::Server), "PS");
    script.server(raw(SYNTAX_ERROR)).server(raw(READY));
    assert_eq!(script.sent(Peer::Server), "P", "a failing statement instead of the bind");
    script.client(raw(SYNC)).server(raw(SYNTAX_ERROR)).server(raw(READY));
    let told = String::from_utf8_lossy(&script.bytes(Peer::Client)).into_owned();
    assert!(told.contains("26000"), "{told}");
}

#[test]
fn an_answer_out_of_order_ends_the_session() {
    let mut script = script();
    script.server(raw(b"1\0\0\0\x04"));
    assert!(script.output.is_ended());
}

#[test]
fn messages_wait_while_a_copy_may_begin_and_flow_once_it_has() {
    let mut script = script();
    script.client(simple("COPY t FROM STDIN")).client(raw(b"d\0\0\0\x05x"));
    assert_eq!(script.sent(Peer::Server), "Q");
    script.server(raw(b"G\0\0\0\x07\0\0\0"));
    script.client(raw(b"c\0\0\0\x04"));
    assert_eq!(script.sent(Peer::Server), "dc");
}

#[test]
fn syncs_that_a_server_in_a_copy_ignores_are_not_waited_for() {
    let mut script = script();
    script.client(prepare("", "COPY t FROM STDIN")).client(raw(BIND)).client(raw(EXECUTE));
    script.client(raw(SYNC));
    script.server(raw(b"1\0\0\0\x04")).server(raw(b"2\0\0\0\x04")).server(raw(b"n\0\0\0\x04"));
    script.server(raw(b"G\0\0\0\x07\0\0\0"));
    script.client(raw(b"c\0\0\0\x04")).client(raw(SYNC));
    script.server(raw(b"C\0\0\0\x0bCOPY 1\0")).server(raw(READY));
    assert_eq!(script.sent(Peer::Client), "12GCZ");
    assert!(!script.output.is_ended());
}

#[test]
fn a_copy_that_waits_behind_another_command_still_begins() {
    let mut script = script();
    script.client(simple("SELECT 1")).client(simple("COPY t FROM STDIN"));
    script.server(raw(DONE)).server(raw(READY));
    script.client(raw(b"d\0\0\0\x05x")).client(simple("SELECT 2"));
    assert_eq!(script.sent(Peer::Server), "QQ", "what comes behind waits for the copy");
    script.server(raw(b"G\0\0\0\x07\0\0\0"));
    assert!(script.sent(Peer::Client).starts_with("CZG"));
    assert_eq!(script.sent(Peer::Server).chars().next(), Some('d'));
}

#[test]
fn rows_for_the_second_copy_of_a_query_wait_for_it() {
    let mut script = script();
    script.client(simple("COPY t FROM STDIN; COPY t FROM STDIN"));
    script.server(raw(b"G\0\0\0\x07\0\0\0"));
    script.client(raw(b"c\0\0\0\x04")).client(raw(b"d\0\0\0\x05x"));
    assert_eq!(script.sent(Peer::Server), "Qc");
    script.server(raw(b"C\0\0\0\x0bCOPY 1\0")).server(raw(b"G\0\0\0\x07\0\0\0"));
    assert_eq!(script.sent(Peer::Server), "d");
}

#[test]
fn a_text_that_could_be_read_in_two_ways_waits_for_the_end_of_what_is_not_followed() {
    for text in ["SELECT '\\'", "SELECT '\u{e9}'"] {
        let mut script = script();
        script.client(simple("SELECT f_enc()")).client(simple("SELECT 'plain'"));
        assert_eq!(script.sent(Peer::Server), "QQ");
        script.client(simple(text)).server(raw(DONE)).server(raw(READY));
        assert_eq!(script.sent(Peer::Server), "");
        script.server(raw(DONE)).server(raw(READY));
        assert_eq!(script.sent(Peer::Server), "Q");
    }
}

#[test]
fn what_a_text_says_is_settled_when_it_is_parsed() {
    const READY_IN_TRANSACTION: &[u8] = b"Z\0\0\0\x05T";
    let mut script = script();
    script.client(simple("BEGIN; SELECT f_enc(); CREATE TABLE z (a int)"));
    script.server(raw(DONE)).server(raw(DONE)).server(raw(DONE)).server(raw(READY_IN_TRANSACTION));
    script.client(prepare("", "SELECT '\u{e9}\\'")).client(raw(SYNC));
    script.server(raw(b"1\0\0\0\x04")).server(raw(READY_IN_TRANSACTION));
    assert_eq!(script.sent(Peer::Server), "QPS");
    script.client(raw(BIND)).client(raw(EXECUTE)).client(raw(SYNC));
    assert_eq!(script.sent(Peer::Server), "BDES");
}

#[test]
fn an_expired_session_ends_only_after_its_command() {
    let mut script = script();
    script.client(simple("SELECT 1"));
    script.session.control(Control::End(fuzzing::over()), &mut script.output);
    assert!(!script.output.is_ended());
    script.server(raw(DONE)).server(raw(READY));
    assert!(script.output.is_ended());
    assert_eq!(script.sent(Peer::Client), "CZE");
}

#[test]
fn a_session_whose_time_is_over_does_not_wait_for_what_its_client_has_yet_to_finish() {
    let mut copying = script();
    copying.client(simple("COPY t FROM STDIN")).server(raw(b"G\0\0\0\x07\0\0\0"));
    let mut unfinished = script();
    unfinished.client(prepare("s", "SELECT 1"));
    for mut script in [copying, unfinished] {
        assert!(!script.output.is_ended());
        script.session.control(Control::End(fuzzing::over()), &mut script.output);
        assert!(script.output.is_ended());
        assert!(script.sent(Peer::Client).ends_with('E'));
    }
}

/// A message of either side, well formed or not.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let framed = (
        prop::sample::select(b"QPBDECSHdcfXF123ntTDCIsEZNASGHKR".to_vec()),
        prop::collection::vec(
            prop_oneof![
                Just(b"\0".to_vec()),
                Just(b"s\0".to_vec()),
                Just(b"SELECT 1\0".to_vec()),
                Just(b"COPY t FROM STDIN\0".to_vec()),
                Just(b"forbidden\0".to_vec()),
                Just(b"\0\0\0\0".to_vec()),
                Just(b"I".to_vec()),
                Just(b"P\0".to_vec()),
                Just(b"S\0".to_vec()),
            ],
            0..5,
        ),
    );
    framed.prop_map(|(tag, parts)| {
        let mut out = BytesMut::new();
        build::frame(&mut out, tag, |out| out.extend_from_slice(&parts.concat()));
        out.to_vec()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_order_of_messages_panics_or_sends_on_what_was_denied(
        messages in prop::collection::vec((any::<bool>(), message()), 0..40),
    ) {
        let mut script = script();
        for (from_client, message) in messages {
            if script.output.is_ended() {
                break;
            }
            if from_client {
                script.client(|out| out.extend_from_slice(&message));
            } else {
                script.server(|out| out.extend_from_slice(&message));
            }
        }
        let sent = script.bytes(Peer::Server);
        let mut rest = &sent[..];
        while let Some(header) = crate::codec::peek(rest, u32::MAX).unwrap() {
            let text = String::from_utf8_lossy(&rest[..header.size]);
            prop_assert!(!matches!(header.tag, b'Q' | b'P') || !text.contains("forbidden"));
            rest = &rest[header.size..];
        }
    }
}
