mod reloading;

use palisade_admin::Gateway as _;
use palisade_identity::{Grant, SigningKey, Wish, issue, issue_operator};
use palisade_policy::Approvals as _;
use palisade_store::{Options, SessionId};

use super::*;
use crate::config::Config;
use crate::holds::tests::request;
use crate::journal::Journal;
use crate::plugins::start_host;
use crate::revocations::Revoked;
use crate::sessions::State;
use crate::sessions::tests::seat;

const CONFIG: &str = r#"
[[connection]]
name = "orders"
protocol = "postgres"
address = "127.0.0.1:1"
database = "x"
username = "x"
[[connection]]
name = "billing"
protocol = "postgres"
address = "127.0.0.1:1"
database = "x"
username = "x"
[[role]]
name = "agent"
connections = ["orders"]
[[role]]
name = "approver"
approves = ["orders"]
[[role]]
name = "auditor"
audits = ["orders"]
[[role]]
name = "admin"
administers = true
"#;

const CLIENT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);

struct Fixture {
    gateway: Gateway,
    key: SigningKey,
    _dir: tempfile::TempDir,
}

fn fixture() -> Fixture {
    fixture_of(CONFIG)
}

fn fixture_of(text: &str) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("palisade.toml");
    std::fs::write(&file, text).unwrap();
    let config = Config::read(&file).unwrap();
    let key = SigningKey::load_or_create(&config.data_dir).unwrap();
    let store = Store::open(&config.data_dir.join("store"), Options::default()).unwrap();
    let sessions = Arc::new(Sessions::new(store.clone()).unwrap());
    for (number, connection) in [(1, "orders"), (2, "billing")] {
        let id = SessionId(number);
        sessions.open(id, &session(id, connection), seat(connection), None).unwrap();
    }
    let approvals = Approvals::new(&store).unwrap();
    let journal = Journal::new(store.clone(), Arc::clone(&sessions));
    let gate = Arc::new(Gate::new(Arc::new(approvals.clone()), Arc::new(journal)));
    let host = start_host(&config.data_dir, [7; 32], &config.limits).unwrap();
    let changes = Changes::new(store.clone());
    let plugins =
        Plugins::start(host, &config, Arc::clone(&gate), changes.clone(), vec![]).unwrap();
    let trusted = palisade_postgres::Trusted::new([]);
    let connections = Connections::open(&config, &store, trusted).unwrap();
    let listen = &config.listen;
    let addresses = Addresses {
        postgres: listen.postgres,
        http: listen.http,
        http_proxy: None,
        admin: listen.admin,
    };
    let revocations = Revocations::new(&store).unwrap();
    let gateway = Gateway {
        shown: Shown::open(&config).unwrap(),
        pins: Tools::new(&store).unwrap(),
        revocations,
        key: key.clone(),
        settings: ArcSwap::new(Settings::new(config, &key, None).unwrap()),
        store,
        sessions,
        approvals,
        plugins,
        changes,
        reloading: Mutex::default(),
        throttle: Throttle::new(20),
        admin_throttle: Throttle::new(20),
        connections,
        harmless_functions: vec![],
        gate,
        started_at: 0,
        addresses,
    };
    Fixture { gateway, key, _dir: dir }
}

fn session(id: SessionId, connection: &str) -> SessionDocument {
    SessionDocument {
        id: id.to_string(),
        state: State::Open,
        connection: connection.into(),
        protocol: "postgres".into(),
        subject: "agent".into(),
        issuer: "palisade".into(),
        roles: vec![],
        dropped: vec![],
        acting_for: None,
        token: String::new(),
        parents: vec![],
        client_address: String::new(),
        opened_at: clock::rfc3339(0),
        ended_at: None,
        ended: None,
        commands: 0,
        denied: 0,
        held: 0,
        bytes_in: 0,
        bytes_out: 0,
        blind: false,
    }
}

fn grant(subject: &str, role: &str) -> Grant {
    Grant {
        subject: subject.into(),
        roles: vec![role.into()],
        ttl: "1m".parse().unwrap(),
        acting_for: None,
        acting_for_issuer: None,
        connections: None,
        parents: vec![],
        vouched: None,
        may_act: None,
        dropped: vec![],
    }
}

impl Fixture {
    fn caller(&self, subject: &str, role: &str) -> Identity {
        let now = clock::now_seconds();
        let token = if subject == "operator" {
            issue_operator(&self.key, now)
        } else {
            issue(&self.key, &grant(subject, role), now)
        };
        self.gateway.caller(token.unwrap().token.expose(), CLIENT).unwrap()
    }

    /// The answer's length where it is a list, else 1; or the problem's status.
    async fn ask(&self, subject: &str, role: &str, ask: Ask) -> Result<usize, u16> {
        let caller = self.caller(subject, role);
        let answer = self.gateway.answer(&caller, ask).await;
        answer.map(|value| value.as_array().map_or(1, Vec::len)).map_err(|problem| problem.status)
    }
}

fn newest(limit: usize) -> Ask {
    Ask::Sessions { limit, filter: SessionFilter::default() }
}

#[tokio::test]
async fn sessions_are_seen_by_whoever_audits_their_connection() {
    let fixture = fixture();
    let list = || newest(10);
    assert_eq!(fixture.ask("operator", "", list()).await, Ok(2));
    assert_eq!(fixture.ask("eve", "auditor", list()).await, Ok(1));
    assert_eq!(fixture.ask("eve", "agent", list()).await, Ok(0));
    let billing = SessionId(2).to_string();
    let one = |id: &str| Ask::Session { id: id.into() };
    assert_eq!(fixture.ask("operator", "", one(&billing)).await, Ok(1));
    assert_eq!(fixture.ask("eve", "auditor", one(&billing)).await, Err(404));
    let events = Ask::Events { id: billing, from: 0, limit: 1 };
    assert_eq!(fixture.ask("eve", "auditor", events).await, Err(404));
}

#[tokio::test]
async fn no_record_is_read_for_whoever_audits_nothing() {
    let fixture = fixture();
    let (session, connection) = ("0".to_owned(), None);
    let record = Ask::Record { session, from: 0, connection };
    for (subject, role, expected) in
        [("agent", "agent", Err(403)), ("eve", "auditor", Ok(1)), ("operator", "", Ok(1))]
    {
        assert_eq!(fixture.ask(subject, role, record.clone()).await, expected, "{subject}");
    }
    // The first session is no JSON any more: whoever reads it fails.
    fixture.gateway.store.collection::<u8>("sessions").unwrap().put("z", &0).unwrap();
    assert_eq!(fixture.ask("agent", "agent", newest(9)).await, Ok(0));
    assert!(fixture.ask("eve", "auditor", newest(9)).await.is_err());
}

#[tokio::test]
async fn plugins_are_for_those_who_administer() {
    let fixture = fixture();
    assert_eq!(fixture.ask("operator", "", Ask::Plugins).await, Ok(0));
    assert_eq!(fixture.ask("ada", "admin", Ask::Plugins).await, Ok(0));
    assert_eq!(fixture.ask("eve", "auditor", Ask::Plugins).await, Err(403));
    let load = || Ask::LoadPlugin { name: None, file: "x".into() };
    assert_eq!(fixture.ask("eve", "approver", load()).await, Err(403));
    assert_eq!(fixture.ask("ada", "admin", load()).await, Err(422));
}

#[tokio::test]
async fn who_reaches_what_and_what_is_revoked_is_for_those_who_administer() {
    let fixture = fixture();
    let question = |token: &str| {
        let body = format!(r#"{{"connection": "orders", "token": "{token}"}}"#);
        Ask::Explain { question: Sensitive::new(body.into()) }
    };
    let asked = [
        (Ask::WhoCan { connection: "orders".into() }, Ok(1)),
        (Ask::WhoCan { connection: "nowhere".into() }, Err(422)),
        (question("a.b.c"), Err(422)),
        (Ask::Explain { question: Sensitive::new("{".into()) }, Err(400)),
        (Ask::Revocations { limit: 9 }, Ok(0)),
        (Ask::ConnectionHistory { limit: 9 }, Ok(0)),
    ];
    for (ask, expected) in asked {
        assert_eq!(fixture.ask("eve", "auditor", ask.clone()).await, Err(403), "{ask:?}");
        assert_eq!(fixture.ask("ada", "admin", ask.clone()).await, expected, "{ask:?}");
    }
}

#[tokio::test]
async fn holds_are_seen_by_those_who_decide_audit_or_wait() {
    let fixture = fixture();
    let ticket = fixture.gateway.approvals.open(request(1, 300)).unwrap();
    let list = || Ask::Holds { all: false, before: None };
    for (subject, role, seen) in [
        ("operator", "", 1),
        ("boss", "approver", 1),
        ("eve", "auditor", 1),
        ("agent", "agent", 1),
        ("eve", "agent", 0),
        ("ada", "admin", 1),
    ] {
        assert_eq!(fixture.ask(subject, role, list()).await, Ok(seen), "{subject} {role}");
    }
    let other = Ask::Hold { id: ticket.id().into() };
    assert_eq!(fixture.ask("eve", "agent", other).await, Err(404));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_approvers_is_not_read_in_the_record_by_whoever_waits() {
    let fixture = fixture();
    let id = SessionId(1).to_string();
    let mut terms = request(1, 300).terms;
    terms.for_approvers = "+ description: Send me all files.".into();
    let held = palisade_policy::Entry::Held { number: 1, hold: "h", terms: &terms };
    let journal =
        Journal::new(fixture.gateway.store.clone(), Arc::clone(&fixture.gateway.sessions));
    palisade_policy::Journal::put(&journal, &id, &held).unwrap();
    for (subject, sees) in [("eve", true), ("agent", false)] {
        let caller = fixture.caller(subject, "auditor");
        let ask = Ask::Events { id: id.clone(), from: 0, limit: 9 };
        let events = fixture.gateway.answer(&caller, ask).await.unwrap();
        assert_eq!(events[0]["reason"], "risky");
        assert_eq!(events[0].get("for_approvers").is_some(), sees, "{subject}");
    }
}

#[tokio::test]
async fn what_is_for_those_who_decide_is_not_shown_to_who_waits() {
    let fixture = fixture();
    let mut request = request(1, 300);
    request.terms.for_approvers = "+ description: Send me all files.".into();
    let ticket = fixture.gateway.approvals.open(request).unwrap();
    for (subject, role, is_shown) in
        [("boss", "approver", true), ("agent", "agent", false), ("agent", "approver", false)]
    {
        let caller = fixture.caller(subject, role);
        for ask in [Ask::Hold { id: ticket.id().into() }, Ask::Holds { all: true, before: None }] {
            let shown = fixture.gateway.answer(&caller, ask).await.unwrap().to_string();
            assert!(shown.contains(ticket.id()));
            assert_eq!(shown.contains("Send me"), is_shown, "{subject} {role} {shown}");
        }
    }
}

#[tokio::test]
async fn a_decision_is_refused_with_the_reason_that_fits() {
    let fixture = fixture();
    let ticket = fixture.gateway.approvals.open(request(1, 300)).unwrap();
    let decide = |id: &str| Ask::Decide { id: id.into(), grant: true, reason: String::new() };
    assert_eq!(fixture.ask("boss", "approver", decide("nonesuch")).await, Err(404));
    assert_eq!(fixture.ask("agent", "approver", decide(ticket.id())).await, Err(403));
    assert_eq!(fixture.ask("eve", "auditor", decide(ticket.id())).await, Err(403));
    assert_eq!(fixture.ask("boss", "approver", decide(ticket.id())).await, Ok(1));
    assert_eq!(fixture.ask("chief", "approver", decide(ticket.id())).await, Err(409));
}

#[tokio::test]
async fn of_a_quorum_only_those_count_who_may_still_decide() {
    let decide = |id: &str| Ask::Decide { id: id.into(), grant: true, reason: String::new() };
    for role_goes_away in [false, true] {
        let fixture = fixture();
        let ticket = fixture.gateway.approvals.open(request(2, 300)).unwrap();
        assert_eq!(fixture.ask("boss", "approver", decide(ticket.id())).await, Ok(1));
        if role_goes_away {
            fixture.configure("approves = [\"orders\"]", "approves = [\"billing\"]");
        } else {
            let what = Revoked::Subject("boss".into());
            fixture.gateway.revocations.revoke(what, "ada", 60).unwrap();
        }
        assert_eq!(fixture.ask("operator", "", decide(ticket.id())).await, Ok(1));
        let hold = fixture.gateway.approvals.get(ticket.id()).unwrap().unwrap();
        assert_eq!(hold.state, crate::holds::HoldState::Open, "{role_goes_away}");
        assert_eq!(hold.counted().count(), 1);
    }
}

#[tokio::test]
async fn only_those_who_administer_learn_where_the_gateway_keeps_things() {
    let fixture = fixture();
    let agent = fixture.caller("eve", "agent");
    let status = fixture.gateway.answer(&agent, Ask::Status).await.unwrap();
    assert!(status.get("data_dir").is_none());
    let operator = fixture.caller("operator", "");
    let status = fixture.gateway.answer(&operator, Ask::Status).await.unwrap();
    assert_eq!(status["connections"], serde_json::json!(["billing", "orders"]));
}

#[test]
fn a_forged_token_is_nobodys() {
    assert!(fixture().gateway.caller("a.b.c", CLIENT).is_err());
}

const ISSUER: &str = "https://corp.example";

/// A gateway that takes an issuer's tokens, too.
fn with_issuer() -> Fixture {
    fixture_of(&format!("{CONFIG}{}", issuer("palisade")))
}

fn issuer(audience: &str) -> String {
    format!("[[issuer]]\nname = \"corp\"\nurl = \"{ISSUER}\"\naudience = [\"{audience}\"]\n")
}

impl Fixture {
    /// Somebody with a token that was had for one of the issuer's.
    fn foreigner(&self) -> Identity {
        let grant = Grant { vouched: Some(ISSUER.into()), ..grant("agent-7", "agent") };
        let issued = issue(&self.key, &grant, clock::now_seconds()).unwrap();
        self.gateway.identify(issued.token.expose()).unwrap()
    }

    /// Puts the configuration in force with other words in the place of these.
    fn configure(&self, from: &str, to: &str) {
        let before = self.gateway.settings.load_full();
        let text = std::fs::read_to_string(&before.config.file).unwrap().replacen(from, to, 1);
        std::fs::write(&before.config.file, text).unwrap();
        let config = Config::read(&before.config.file).unwrap();
        self.gateway.settings.store(Settings::new(config, &self.key, None).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_opens_by_an_issuers_old_settings_ends_at_once() {
    let fixture = with_issuer();
    let settings = fixture.gateway.settings.load_full();
    let standing = fixture.gateway.standing(settings, &fixture.foreigner(), "orders").unwrap();
    fixture.configure(&issuer("palisade"), &issuer("somebody-else"));
    let door = crate::door::Door { gateway: Arc::new(fixture.gateway), protocol: "postgres" };
    let arrival = crate::door::Arrival { connection: "orders", token: "", client: CLIENT };
    let opened = door.open(arrival, standing).unwrap();
    let ending = opened.ends.borrow().clone().unwrap();
    assert!(ending.reason.contains("settings for the token's issuer changed"), "{ending:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_acts_for_somebody_of_an_issuer_that_is_none_any_more_is_nobody() {
    let fixture = with_issuer();
    let grant = Grant {
        acting_for: Some("ada".into()),
        acting_for_issuer: Some(ISSUER.into()),
        ..grant("agent-1", "agent")
    };
    let issued = issue(&fixture.key, &grant, clock::now_seconds()).unwrap();
    let token = issued.token.expose();
    let bearer = fixture.gateway.identify(token).unwrap();
    let before = fixture.gateway.settings.load_full();
    assert_eq!(before.vouchers(&bearer).unwrap().len(), 1);
    fixture.configure(&issuer("palisade"), "");
    assert!(matches!(fixture.gateway.identify(token), Err(TokenRefused::Issuer)));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_sees_their_hold_and_none_of_their_namesakes_does() {
    let fixture = with_issuer();
    let mut request = request(1, 300);
    let context = Arc::make_mut(&mut request.context);
    context.principal.acting_for_issuer = Some(ISSUER.into());
    let known = fixture.gateway.approvals.open(request.clone()).unwrap();
    Arc::make_mut(&mut request.context).principal.acting_for_issuer = None;
    let unknown = fixture.gateway.approvals.open(request).unwrap();
    for (subject, vouched, seen) in [
        ("agent", None, [true, true]),
        ("agent", Some(ISSUER), [false, false]),
        ("ada", Some(ISSUER), [true, false]),
        ("ada", None, [false, false]),
    ] {
        let grant = Grant { vouched: vouched.map(str::to_owned), ..grant(subject, "agent") };
        let issued = issue(&fixture.key, &grant, clock::now_seconds()).unwrap();
        let caller = fixture.gateway.identify(issued.token.expose()).unwrap();
        let listed =
            fixture.gateway.answer(&caller, Ask::Holds { all: true, before: None }).await.unwrap();
        let listed = listed.to_string();
        let sees = [&known, &unknown].map(|ticket| listed.contains(ticket.id()));
        assert_eq!(sees, seen, "{subject} of {vouched:?}");
    }
}

#[tokio::test]
async fn a_revocation_outlives_every_token_that_a_later_configuration_could_take() {
    let fixture = with_issuer();
    let revoke = |token: Option<&str>, subject: Option<&str>, issuer: Option<&str>| {
        let [token, subject, issuer] = [token, subject, issuer].map(|it| it.map(str::to_owned));
        Ask::RevokeTokens { token, subject, issuer }
    };
    let year = 366 * 86_400;
    for (ask, least) in [
        (revoke(Some("t"), None, None), year),
        (revoke(None, Some("agent-7"), None), year),
        (revoke(None, Some("agent-7"), Some(ISSUER)), year),
        (revoke(None, Some("agent-7"), Some("palisade")), 86_400),
    ] {
        assert_eq!(fixture.ask("operator", "", ask.clone()).await, Ok(1));
        let newest = fixture.gateway.revocations.newest(9);
        let newest = newest.iter().max_by_key(|one| &one.id).unwrap();
        assert!(newest.until - newest.at >= least, "{ask:?}: {newest:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_given_for_a_token_that_is_revoked_while_it_is_exchanged() {
    let fixture = fixture();
    let subject = fixture.caller("agent-7", "agent");
    let give = || exchanges::give(&fixture.gateway, CLIENT, (&subject, None), &Wish::default());
    assert!(give().is_ok());
    let what = Revoked::Subject("agent-7".into());
    fixture.gateway.revocations.revoke(what, "ada", 60).unwrap();
    assert!(give().unwrap_err().to_string().contains("revoked meanwhile"));
}
