//! Tunnels that a client asks for: who asks, whether they lead where the connection does, and the requests that come by them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use palisade_policy::{Command, Denial, Ending, Operation};
use pingora_core::apps::ServerApp;
use pingora_core::protocols::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;

use super::hop::Hop;
use super::way::{Tunnel, Way, elsewhere};
use crate::serve::app::Connection;
use crate::serve::sessions::Use;
use crate::serve::{Login, Origin, Stay};
use crate::{Address, Authority, Connect, ProxyLogin, Refused, Reply};

/// What a client is told that has its tunnel.
pub(super) const ESTABLISHED: &[u8] = b"HTTP/1.1 200 Connection Established\r\n\r\n";
/// How long requests of a tunnel whose session is over get to end.
const GRACE: Duration = Duration::from_secs(5);
/// How long a client that has its answer may go on sending, and how much of it is read, in bytes.
const LINGER: (Duration, usize) = (Duration::from_secs(5), 64 * 1024);

/// Whoever asked for a tunnel and was let in.
struct Guest {
    connection: String,
    /// Its session; none where another protocol is spoken there, whose sessions are its own.
    session: Option<Use>,
    /// Its leave to keep the tunnel open, in that case.
    stay: Option<Stay>,
    /// Where the connection leads.
    origin: Option<Origin>,
}

impl Connection {
    /// Answers a request for a tunnel, and serves the tunnel to its end.
    pub(super) async fn connect(
        self: &Arc<Self>,
        mut stream: Stream,
        asked: Connect,
        stop: &watch::Receiver<bool>,
    ) {
        let Some(login) = asked.login else {
            return say(&mut stream, &Reply::proxy_unauthorized()).await;
        };
        let address = Address { tls: None, authority: asked.authority };
        let guest = match self.guest(&login, &address).await {
            Ok(guest) => guest,
            Err(reply) => return say(&mut stream, &reply).await,
        };
        let Some(origin) = guest.origin.as_ref().filter(|origin| address.is_of(origin)) else {
            let asked = address.to_string();
            let denial = elsewhere(&guest.connection, guest.origin.as_ref(), &asked);
            return refuse(&mut stream, (guest.session.as_ref(), &address), &denial).await;
        };
        let tls = origin.tls;
        // Held as long as the tunnel is.
        let place = guest.session.as_ref().map(|it| Arc::clone(&it.tunnels).try_acquire_owned());
        let Ok(_place) = place.transpose() else {
            let why = "this session has as many tunnels as it may have";
            return say(&mut stream, &Reply::unavailable(429, why, "")).await;
        };
        if let Some(session) = guest.session.as_ref().filter(|it| it.backend.is_blind()) {
            return self.blind(stream, session, &address).await;
        }
        let tunnel = Tunnel {
            connection: guest.connection,
            token: login.token,
            address: Address { tls: Some(tls), ..address },
            misnamed: false,
            busy: watch::Sender::new(0),
        };
        self.requests(stream, tunnel, (guest.session, guest.stay), stop).await;
    }

    /// Answers a request for a tunnel that cannot be understood in one way.
    pub(super) async fn refuse_tunnel(&self, mut stream: Stream, refused: Refused) {
        self.service.host.turned_away(self.client, &refused.to_string());
        say(&mut stream, &Reply::refused(refused, "")).await;
    }

    /// Lets whoever asks for a tunnel in.
    async fn guest(&self, login: &ProxyLogin, address: &Address) -> Result<Guest, Reply> {
        let connection = self.named(login, address).await?;
        let entering =
            Login { connection: &connection, token: &login.token, client_address: self.client };
        if let Some(mount) = self.service.host.mount(&connection) {
            let entered = match mount.enter(&entering) {
                Ok(entered) => entered,
                Err(refused) => return Err(self.not_admitted(refused).await),
            };
            let stay = entered.stay().ok_or_else(Reply::tunnel_over)?;
            self.is_in();
            let endpoint = self.service.host.forward().and_then(|it| it.endpoint(&connection));
            let origin = endpoint.map(|(origin, _)| origin);
            return Ok(Guest { connection, session: None, stay: Some(stay), origin });
        }
        let session = self.enter(&entering).await?;
        let origin = Some(session.backend.origin().clone());
        Ok(Guest { connection, session: Some(session), stay: None, origin })
    }

    /// Ends TLS where the service speaks it, and serves what is asked by the tunnel, until its session is over.
    async fn requests(
        self: &Arc<Self>,
        stream: Stream,
        mut tunnel: Tunnel,
        (session, stay): (Option<Use>, Option<Stay>),
        stop: &watch::Receiver<bool>,
    ) {
        let gone = session.as_ref().map(|session| session.is_gone());
        let busy = tunnel.busy.subscribe();
        let over = async {
            match (gone, stay) {
                (Some(gone), _) => gone.await,
                // Each of its requests is let in by itself, and one that is under way may end well.
                (None, Some(stay)) => left(stay, busy).await,
                (None, None) => {}
            }
        };
        tokio::pin!(over);
        let opened = tokio::select! {
            opened = self.open(stream, &mut tunnel) => opened,
            () = &mut over => return,
        };
        let mut stream = match opened {
            Ok(stream) => Some(stream),
            Err(denial) => return note(session.as_ref(), &tunnel.address, &denial),
        };
        // Its requests keep the session from here on.
        drop(session);
        let inner = Arc::new(Self {
            service: Arc::clone(&self.service),
            client: self.client,
            let_in: Mutex::default(),
            way: Way::Tunnel(tunnel),
        });
        let (tell, told) = watch::channel(false);
        let served = async {
            while let Some(open) = stream.take() {
                stream = inner.process_new(open, &told).await;
            }
        };
        tokio::pin!(served);
        let mut stop = stop.clone();
        tokio::select! {
            () = &mut served => return,
            () = over => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
        tell.send_replace(true);
        // What was answered may still be on its way.
        let _ = tokio::time::timeout(GRACE, served).await;
    }

    /// Tells the client that it has its tunnel, and ends TLS in it.
    ///
    /// # Errors
    /// What is on record of a tunnel in which nothing was asked.
    async fn open(&self, mut stream: Stream, tunnel: &mut Tunnel) -> Result<Stream, Denial> {
        let failed = |why: &str| Denial {
            reason: format!("nothing was asked by the tunnel: {why}"),
            rule: "gateway.tunnel".to_owned(),
            hint: "Clients must trust the gateway's authority: `palisade ca` prints it.".to_owned(),
        };
        let host = tunnel.address.authority.host();
        let acceptor = match (tunnel.address.tls, self.service.host.forward()) {
            (Some(true), Some(forward)) => match forward.acceptor(host) {
                Ok(acceptor) => Some(acceptor),
                Err(why) => {
                    tracing::error!(host, why, "a certificate cannot be made");
                    let why = "the gateway cannot speak in the service's name now";
                    say(&mut stream, &Reply::unavailable(503, why, "")).await;
                    return Err(failed(why));
                }
            },
            (Some(false), _) => None,
            (_, _) => return Err(failed("it would not be ended")),
        };
        let told = async {
            stream.write_all(ESTABLISHED).await?;
            stream.flush().await
        };
        told.await.map_err(|_| failed("the client left"))?;
        let Some(acceptor) = acceptor else { return Ok(stream) };
        let hop = Hop { stream, ahead: bytes::Bytes::new() };
        let time = self.service.runner.options.head_time;
        let secured = tokio::time::timeout(time, acceptor.tls_handshake(hop)).await;
        let secured = secured.map_err(|_| failed("no TLS was begun in time"))?;
        let secured = secured.map_err(|error| failed(&error.root_cause().to_string()))?;
        tunnel.misnamed = is_misnamed(&tunnel.address.authority, &secured);
        Ok(Box::new(secured))
    }
}

/// Ends when a tunnel without a session must end: at once where that is so, or with the last request that is under way.
async fn left(mut stay: Stay, mut busy: watch::Receiver<usize>) {
    // Where nobody is left to say more, it is over as well.
    let _ = stay.ends.wait_for(Option::is_some).await;
    tokio::select! {
        _ = busy.wait_for(|busy| *busy == 0) => {}
        _ = stay.ends.wait_for(Ending::is_at_once) => {}
    }
}

/// Whether TLS was asked for another name; a host that is an address has none to be asked for.
fn is_misnamed(authority: &Authority, secured: &impl pingora_core::protocols::Ssl) -> bool {
    match secured.get_ssl().and_then(|tls| tls.server_name()) {
        Some(name) => !authority.is_host(name),
        None => !authority.is_address(),
    }
}

/// A request for a tunnel, as it is judged and recorded.
pub(super) fn command(address: &Address, facts: Vec<(String, String)>) -> Command {
    let object = address.authority.to_string();
    let text = format!("CONNECT {object}\n");
    let operation = Operation { action: "connect".to_owned(), object, fields: vec![], facts };
    Command { text, operations: [operation].into(), complete: false }
}

/// Has a refusal on record.
fn note(session: Option<&Use>, address: &Address, denial: &Denial) {
    if let Some(session) = session {
        session.gate().refuse(&command(address, vec![]), denial);
    }
}

/// Refuses a tunnel of whoever was let in, and has it on record.
pub(super) async fn refuse(
    stream: &mut Stream,
    (session, address): (Option<&Use>, &Address),
    denial: &Denial,
) {
    note(session, address, denial);
    let id = session.map(|session| session.id.as_str());
    say(stream, &Reply::denied(denial, id.unwrap_or_default())).await;
}

/// Answers a request for a tunnel; the connection ends with it.
pub(super) async fn say(stream: &mut Stream, reply: &Reply) {
    // Whoever does not read it learns nothing.
    let said = async {
        stream.write_all(&reply.bytes()).await?;
        stream.shutdown().await
    };
    let _ = said.await;
    // Who finds the connection closed while it sends may not read the answer.
    let left = async {
        let (mut left, mut bytes) = (LINGER.1, [0; 4096]);
        while let Ok(read @ 1..) = stream.read(&mut bytes).await {
            left = left.saturating_sub(read);
            if left == 0 {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(LINGER.0, left).await;
}
