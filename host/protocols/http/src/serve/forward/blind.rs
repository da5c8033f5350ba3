//! Tunnels whose bytes pass unread, where a connection allows them: judged once, counted, and called so in the record.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use palisade_policy::{
    Allowed, Asked, Command, Decision, Denial, JournalFailure, Moment, Operations, RecordedResult,
    Waiting,
};
use pingora_core::protocols::Stream;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::TcpStream;

use super::connect::{ESTABLISHED, command, refuse, say};
use crate::serve::app::Connection;
use crate::serve::sessions::Use;
use crate::{Address, Reply};

/// How much is carried at once, in bytes.
const PIECE: usize = 16 * 1024;
/// How often it is looked whether a tunnel may still be.
const LOOK: Duration = Duration::from_secs(1);

/// Bytes from the client, and to it.
type Carried = (AtomicU64, AtomicU64);

impl Connection {
    /// Judges a request for a blind tunnel, and carries its bytes until either side ends or the session does.
    pub(super) async fn blind(&self, mut stream: Stream, session: &Use, address: &Address) {
        let decided = tokio::select! {
            decided = judged(session, address) => decided,
            // It has nothing to send yet: what comes is no tunnel's.
            () = left(&mut stream) => return,
            ending = session.over() => {
                return say(&mut stream, &Reply::over(&ending, &session.id)).await;
            }
        };
        let allowed = match decided {
            Ok(allowed) => allowed,
            Err(Refusal::Gateway(denial)) => {
                return refuse(&mut stream, (Some(session), address), &denial).await;
            }
            Err(Refusal::Policy(denial)) => {
                return say(&mut stream, &Reply::denied(&denial, &session.id)).await;
            }
        };
        let server = match self.dialled(session).await {
            Ok(server) => server,
            Err(why) => {
                // It is refused either way.
                let _ = session.teller.tell_error(allowed.number, "502", why);
                return say(&mut stream, &Reply::unavailable(502, why, &session.id)).await;
            }
        };
        if let Some(forward) = self.service.host.forward() {
            forward.blind(&session.id);
        }
        let carried = Carried::default();
        let patience = self.service.runner.options.patience;
        let how = tokio::select! {
            how = carry(stream, server, &carried, patience) => how.to_owned(),
            ending = session.over() => ending.text(),
            why = closed(session) => why,
        };
        let (bytes_in, bytes_out) = (carried.0.load(Relaxed), carried.1.load(Relaxed));
        session.count(bytes_in, bytes_out);
        // The tunnel is closed either way.
        let _ = told(session, &allowed, (bytes_in, bytes_out), &how);
    }

    /// The service's own address, which nothing that the client said is part of.
    async fn dialled(&self, session: &Use) -> Result<TcpStream, &'static str> {
        let origin = session.backend.origin();
        let (options, addresses) = (&self.service.runner.options, &self.service.runner.addresses);
        let unreachable = "the service cannot be reached";
        let address = addresses.find(origin, options.dial_time).await;
        let address = address.map_err(|_| unreachable)?;
        let dialled = tokio::time::timeout(options.dial_time, TcpStream::connect(address)).await;
        let dialled = dialled.map_err(|_| "the service does not accept connections in time")?;
        let server = dialled.map_err(|_| {
            addresses.forget(origin);
            unreachable
        })?;
        // Small messages go back and forth; a peer without it is merely slower.
        let _ = server.set_nodelay(true);
        Ok(server)
    }
}

/// Who refuses a tunnel; what policies deny is on record already.
enum Refusal {
    Gateway(Denial),
    Policy(Denial),
}

/// Whether the tunnel may be.
async fn judged(session: &Use, address: &Address) -> Result<Allowed, Refusal> {
    let command = Arc::new(command(address, vec![("tunnel".to_owned(), "blind".to_owned())]));
    let again = |text: &str| {
        Arc::new(Command {
            text: text.to_owned(),
            operations: Operations::default(),
            complete: false,
        })
    };
    let asked = session.question(&command, |gate| match refusal(session, gate.masks_nothing()) {
        Some(denial) => Err(Refusal::Gateway(denial)),
        None => Ok(gate.ask(&command, Moment::Run, &again)),
    });
    let decision = match asked.await? {
        Asked::Decided(decision) => decision,
        Asked::Waiting(Waiting { decision, .. }) => decision.await,
    };
    match decision {
        Decision::Deny(denial) => Err(Refusal::Policy(denial)),
        Decision::Allow(allowed) if allowed.rewritten => Err(Refusal::Gateway(Denial {
            reason: "a policy rewrote the tunnel, and there is no other".to_owned(),
            rule: "gateway.rewrite".to_owned(),
            hint: "Tell whoever operates the gateway.".to_owned(),
        })),
        Decision::Allow(allowed) => match refused_now(session) {
            Some(denial) => Err(Refusal::Gateway(denial)),
            None => Ok(allowed),
        },
    }
}

/// What the gateway itself refuses by the newest policies.
fn refused_now(session: &Use) -> Option<Denial> {
    let mut gate = session.gate();
    gate.renew();
    refusal(session, gate.masks_nothing())
}

/// Ends when the tunnel must not be any more, with the reason.
async fn closed(session: &Use) -> String {
    loop {
        tokio::time::sleep(LOOK).await;
        if let Some(denial) = refused_now(session) {
            return denial.reason;
        }
    }
}

/// What the gateway itself refuses.
fn refusal(session: &Use, masks_nothing: bool) -> Option<Denial> {
    let denial = |reason: &str, rule: &str, hint: &str| {
        let (reason, rule, hint) = (reason.to_owned(), rule.to_owned(), hint.to_owned());
        Some(Denial { reason, rule, hint })
    };
    if session.read_only {
        let reason = "this session only reads, and what a blind tunnel carries nobody knows";
        return denial(reason, "gateway.read-only", "It takes a role that may write here.");
    }
    if !masks_nothing {
        let reason = "what comes by a blind tunnel could not be masked, and must be";
        let hint = "Ask by the gateway's own address, or for a connection that is no blind tunnel.";
        return denial(reason, "gateway.tunnel-unmaskable", hint);
    }
    None
}

fn told(
    session: &Use,
    allowed: &Allowed,
    (bytes_in, bytes_out): (u64, u64),
    how: &str,
) -> Result<(), JournalFailure> {
    let result = RecordedResult {
        bytes: bytes_out,
        tag: format!("blind tunnel: {bytes_in} bytes in, {bytes_out} bytes out, unread; {how}"),
        ..RecordedResult::default()
    };
    session.teller.tell_result(allowed.number, &result)
}

/// Ends when the client leaves, or sends what it must not yet.
async fn left(stream: &mut Stream) {
    // Whatever comes ends it.
    let _ = stream.read(&mut [0]).await;
}

/// Carries bytes both ways; says what ended it.
async fn carry(
    mut client: Stream,
    server: TcpStream,
    carried: &Carried,
    patience: Duration,
) -> &'static str {
    if client.write_all(ESTABLISHED).await.is_err() || client.flush().await.is_err() {
        return "the client left";
    }
    let (mut from_client, mut to_client) = split(client);
    let (mut from_server, mut to_server) = server.into_split();
    let done = tokio::select! {
        done = async {
            tokio::try_join!(
                pump(&mut from_client, &mut to_server, &carried.0),
                pump(&mut from_server, &mut to_client, &carried.1),
            )
        } => done,
        () = idle(carried, patience) => return "nothing came for a while",
    };
    if done.is_ok() { "both sides ended it" } else { "it broke off" }
}

/// Carries bytes one way, and the end where there is one.
async fn pump(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    count: &AtomicU64,
) -> std::io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let read = from.read(&mut piece).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(piece.get(..read).unwrap_or_default()).await?;
        to.flush().await?;
        count.fetch_add(read as u64, Relaxed);
    }
}

/// Ends when nothing was carried for so long.
async fn idle(carried: &Carried, patience: Duration) {
    let now = || (carried.0.load(Relaxed), carried.1.load(Relaxed));
    let mut before = now();
    loop {
        tokio::time::sleep(patience).await;
        let after = now();
        if after == before {
            return;
        }
        before = after;
    }
}
