//! The service: what becomes of a client that was let in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use palisade_policy::{Ended, Ending};
use palisade_relay::{
    ConverseError, Drive, End, Io, Link, Peer, Secure, Sequence, Step, converse, drive,
};
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;

use super::cancels::{Cancels, CutOff, Ticket};
use super::entrance::{Admitted, TurnedAway};
use super::{Admission, ConnectError, Host, Options, connect};
use crate::codec::build;
use crate::login::{LoginRefused, OpeningRefused, Upstream, check_parameters};
use crate::reply;
use crate::session::read_only::SETTING;
use crate::session::{Control, Session};

/// How long a client may take to hear why it is turned away.
pub(super) const GOODBYE: Duration = Duration::from_secs(5);
/// Bytes of a cancel key in protocol 3.0 and in 3.2.
const KEY_3_0: usize = 4;
const KEY_3_2: usize = 32;

/// The service that speaks PostgreSQL to clients.
#[derive(Clone)]
pub struct Service {
    /// The gateway.
    pub host: Arc<dyn Host>,
    /// Its certificate.
    pub acceptor: TlsAcceptor,
    /// Limits and switches.
    pub options: Options,
    /// The keys that clients may cancel with.
    pub cancels: Arc<Cancels>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Service {
    /// Serves one connection to its end. The login is given up when
    /// `pushed_out` ends, which is dropped once the client is let in.
    pub async fn serve(
        &self,
        stream: Box<dyn Io>,
        client: SocketAddr,
        pushed_out: impl Future<Output = ()> + Send,
    ) {
        let login = self.log_in(Link::new(stream), client);
        let login = tokio::time::timeout(self.options.login_time, login);
        let outcome = tokio::select! {
            outcome = login => outcome,
            () = pushed_out => {
                return self.host.turned_away(client, "its place was given to others who log in");
            }
        };
        let admitted = match outcome {
            Ok(Ok(Some(admitted))) => admitted,
            // Who comes and goes without a word (a health check) is nobody to speak of.
            Ok(Ok(None) | Err(TurnedAway::Broken(ConverseError::Closed))) => return,
            Ok(Err(why)) => return self.host.turned_away(client, &why.to_string()),
            Err(_elapsed) => return self.host.turned_away(client, "the login took too long"),
        };
        let session = admitted.admission.gate.context().session.clone();
        // The host hears of the end also when this task is dropped on the way.
        let mut end = EndOnDrop {
            host: Arc::clone(&self.host),
            session,
            ended: Ended { how: "the gateway stopped".to_owned(), bytes_in: 0, bytes_out: 0 },
        };
        end.ended = self.run(admitted).await;
    }

    /// Logs in at the server and runs the session.
    async fn run(&self, admitted: Admitted) -> Ended {
        let Admitted { link, minor, parameters, admission } = admitted;
        let passed = match check_parameters(&parameters) {
            Ok(passed) => with_read_only(passed, admission.read_only),
            Err(refused) => {
                return self.fail(link, &admission, "22023", &refused.to_string()).await;
            }
        };
        let backend = Arc::clone(&admission.backend);
        let connected = connect(&*backend, passed, self.options.dial_time).await;
        let (server, upstream) = match connected {
            Ok(connected) => connected,
            Err(error) => {
                if let Some((code, message)) = servers_own(&error) {
                    return self.fail(link, &admission, code, message).await;
                }
                let code = sqlstate(&error);
                let connection = &admission.gate.context().target.connection;
                let message = format!("no session at the server of \"{connection}\": {error}");
                return self.fail(link, &admission, code, &message).await;
            }
        };
        let (control, controlled) = mpsc::channel(4);
        let length = if minor >= 2 { KEY_3_2 } else { KEY_3_0 };
        let key = (upstream.process, upstream.key.clone());
        let ticket = self.cancels.register(length, control.clone(), backend, key);
        let Some(ticket) = ticket else {
            return self.fail(link, &admission, "58000", "there are no random numbers").await;
        };
        let cut_off = ticket.cut_off(self.options.dial_time);
        let stop = tokio::spawn(end_in_time(admission.ends.clone(), control, cut_off));
        let machine = Box::new(Session::new(admission, &self.options, &upstream.parameters));
        let ended = match welcome(link, &self.secure(), &ticket, &upstream).await {
            Some(client) => {
                let patience = self.options.patience;
                let loop_parts = Drive { machine, client, server, control: controlled, patience };
                let (machine, end) = drive(loop_parts).await;
                ended(&machine, &end)
            }
            None => {
                ended(&machine, &End::Failed(Peer::Client, std::io::ErrorKind::BrokenPipe.into()))
            }
        };
        stop.abort();
        ended
    }

    pub(super) fn secure(&self) -> Secure {
        Secure::Accept(self.acceptor.clone())
    }

    async fn fail(&self, link: Link, admission: &Admission, code: &str, message: &str) -> Ended {
        // The session ends either way.
        let _ = admission.gate.tell_error(0, code, message);
        last_words(link, &self.secure(), code, message, "").await;
        Ended { how: message.to_owned(), bytes_in: 0, bytes_out: 0 }
    }
}

struct EndOnDrop {
    host: Arc<dyn Host>,
    session: String,
    ended: Ended,
}

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.host.ended(&self.session, &self.ended);
    }
}

/// Ends the session when it is told to.
async fn end_in_time(
    mut ends: watch::Receiver<Option<Ending>>,
    control: mpsc::Sender<Control>,
    cut_off: CutOff,
) {
    // Whoever would tell it may be gone: then nothing ends it.
    let Some(mut ending) = Ending::told(ends.wait_for(Option::is_some).await) else { return };
    if !ending.at_once {
        // A session that has ended meanwhile needs no telling.
        if control.send(Control::End(ending)).await.is_err() {
            return;
        }
        // What runs is finished first, unless there comes a reason to end it at once.
        let at_once = ends.wait_for(Ending::is_at_once).await;
        let Some(sooner) = Ending::told(at_once) else { return };
        ending = sooner;
    }
    cut_off.end(ending).await;
}

/// What the server is told at the start. It goes by the last word, and takes what `options` says before all other.
fn with_read_only<'a>(
    mut passed: Vec<(&'a str, &'a str)>,
    read_only: bool,
) -> Vec<(&'a str, &'a str)> {
    if read_only {
        passed.retain(|(name, _)| !name.eq_ignore_ascii_case(SETTING));
        passed.push((SETTING, "on"));
    }
    passed
}

/// Tells the client that it is in, with a key of the gateway's own.
async fn welcome(
    link: Link,
    secure: &Secure,
    ticket: &Ticket,
    upstream: &Upstream,
) -> Option<Link> {
    let mut words = BytesMut::new();
    build::authentication_ok(&mut words);
    for (name, value) in &upstream.parameters {
        build::parameter(&mut words, name, value);
    }
    build::key_data(&mut words, ticket.process, &ticket.key);
    build::ready(&mut words, upstream.status);
    say(link, secure, words).await
}

/// The end of a login or of a session that never began.
pub(super) async fn last_words(link: Link, secure: &Secure, code: &str, message: &str, hint: &str) {
    let mut words = BytesMut::new();
    reply::fatal(code, message, hint, &mut words);
    // A client that is gone needs none.
    if let Some(link) = say(link, secure, words).await {
        link.close(GOODBYE).await;
    }
}

fn ended(session: &Session, end: &End) -> Ended {
    let (how, bytes_in, bytes_out) = session.ending();
    let how = match end {
        End::Machine => how.to_owned(),
        End::Failed(Peer::Client, error) if error.kind() == std::io::ErrorKind::TimedOut => {
            "the client read nothing for too long".to_owned()
        }
        End::Failed(Peer::Client, error) => format!("the client's connection failed: {error}"),
        End::Failed(Peer::Server, error) => format!("the server's connection failed: {error}"),
    };
    Ended { how, bytes_in, bytes_out }
}

/// What the server itself said of a session that it does not begin, in its own words: drivers decide by the code whether
/// to try again. That it does not take the gateway's credential is nobody's business but the operator's.
fn servers_own(error: &ConnectError) -> Option<(&str, &str)> {
    match error {
        ConnectError::Login(LoginRefused::Server { code, message }) if !code.starts_with("28") => {
            Some((code, message))
        }
        _ => None,
    }
}

fn sqlstate(error: &ConnectError) -> &'static str {
    match error {
        ConnectError::Password(_) => "58000",
        ConnectError::Dial(_)
        | ConnectError::Tls(_)
        | ConnectError::Broken(_)
        | ConnectError::Time(_) => "08001",
        ConnectError::Login(_) => "08004",
    }
}

/// Sends bytes and expects none.
async fn say(link: Link, secure: &Secure, words: BytesMut) -> Option<Link> {
    struct Say(BytesMut);
    impl Sequence for Say {
        type Done = ();
        type Error = OpeningRefused;
        fn step(
            &mut self,
            _: &mut BytesMut,
            output: &mut BytesMut,
        ) -> Result<Step<()>, OpeningRefused> {
            output.put(self.0.split());
            Ok(Step::Done(()))
        }
        fn secured(&mut self, _: Option<&[u8]>) {}
    }
    converse(link, &mut Say(words), secure, 0).await.ok().map(|(link, ())| link)
}
