//! By which way a request came, what it asks for there, and whether that is the connection's own address.

use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{HeaderMap, Version};
use palisade_policy::{Denial, NotAdmitted};
use pingora_core::protocols::http::ServerSession;
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::proxy::Absolute;
use crate::serve::app::Connection;
use crate::serve::{Login, Origin, request};
use crate::{
    Address, Authority, Head, Parsed, ProxyLogin, Refused, Reply, Route, Target, check_raw, token,
};

/// How requests come by a connection.
pub(in crate::serve) enum Way {
    /// To the gateway itself, which finds the service by its own host and paths.
    Direct {
        /// Whether HTTP/2 is spoken in clear.
        http2: bool,
    },
    /// To the forward proxy, with the service's whole address.
    Proxy,
    /// By a tunnel that ends here, to the service's own host and paths.
    Tunnel(Tunnel),
}

/// A tunnel that ends at the gateway.
pub(in crate::serve) struct Tunnel {
    pub connection: String,
    pub token: Zeroizing<String>,
    pub address: Address,
    /// The name that TLS was asked for was another.
    pub misnamed: bool,
    /// How many requests of it are under way that have no session here.
    pub busy: watch::Sender<usize>,
}

/// A request of a tunnel that is under way, until it is dropped.
pub(in crate::serve) struct Busy<'a>(&'a watch::Sender<usize>);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|busy| *busy = busy.saturating_sub(1));
    }
}

impl Way {
    /// Has a request counted as under way, where it came by a tunnel.
    pub(in crate::serve) fn busy(&self) -> Option<Busy<'_>> {
        let Self::Tunnel(Tunnel { busy, .. }) = self else { return None };
        busy.send_modify(|busy| *busy += 1);
        Some(Busy(busy))
    }
}

/// What a request picks, by whichever way it came.
pub(in crate::serve) struct Picked {
    pub token: Zeroizing<String>,
    pub route: Route,
    /// The address that it asks for, where it does by this way.
    pub address: Asked,
}

/// What address a request asks for.
pub(in crate::serve) enum Asked {
    /// None: it says by the gateway's own which connection it means.
    Nothing,
    /// This one.
    Address(Address),
    /// Another than its tunnel's.
    Another,
}

impl Connection {
    /// Reads a head in the form that requests have by this way, and the address where one is part of it.
    pub(in crate::serve) fn read_head(
        &self,
        http: &mut ServerSession,
    ) -> Result<(Head, Asked), Refused> {
        match &self.way {
            Way::Direct { .. } => Ok((request::read_head(http)?, Asked::Nothing)),
            Way::Proxy => read_absolute(http),
            Way::Tunnel(tunnel) => {
                let head = request::read_head(http)?;
                let default = if tunnel.address.tls == Some(true) { 443 } else { 80 };
                let asked = authority(http).and_then(|text| Authority::parse(text, Some(default)));
                let is_same = asked.is_some_and(|asked| asked == tunnel.address.authority);
                let address = match is_same && !tunnel.misnamed {
                    true => Asked::Address(tunnel.address.clone()),
                    false => Asked::Another,
                };
                Ok((head, address))
            }
        }
    }

    /// The token and the connection of a request.
    ///
    /// # Errors
    /// The answer where it has none.
    pub(in crate::serve) async fn picked(
        &self,
        http: &ServerSession,
        head: &mut Head,
        address: Asked,
    ) -> Result<Picked, Reply> {
        let (connection, token) = match &self.way {
            Way::Direct { .. } => {
                let token = token::take(&mut head.headers);
                let domain = self.service.runner.options.domain.as_deref();
                let picked = Option::zip(token, Route::of_call(head, domain));
                let (token, route) = picked.ok_or_else(Reply::unauthorized)?;
                return Ok(Picked { token, route, address });
            }
            Way::Tunnel(tunnel) => (tunnel.connection.clone(), tunnel.token.clone()),
            Way::Proxy => {
                let login = http.req_header().headers.get(PROXY_AUTHORIZATION);
                let login = login.and_then(|value| ProxyLogin::read(value.as_bytes()));
                let login = login.ok_or_else(Reply::proxy_unauthorized)?;
                let Asked::Address(address) = &address else {
                    return Err(Reply::proxy_unauthorized());
                };
                (self.named(&login, address).await?, login.token)
            }
        };
        let target = self.at_endpoint(&connection, head.target.clone());
        let route = Route { connection, prefix: String::new(), target };
        Ok(Picked { token, route, address })
    }

    /// The connection that a client of the proxy names, or the one that its token reaches at the address.
    ///
    /// # Errors
    /// The answer where it is not let in, or there is not exactly one.
    pub(super) async fn named(
        &self,
        login: &ProxyLogin,
        address: &Address,
    ) -> Result<String, Reply> {
        if let Some(name) = &login.connection {
            return Ok(name.clone());
        }
        let Some(forward) = self.service.host.forward() else {
            return Err(Reply::proxy_unauthorized());
        };
        let login = Login { connection: "", token: &login.token, client_address: self.client };
        let mut names = match forward.at(&login, address) {
            Ok(names) => names,
            Err(refused) => return Err(self.not_admitted(refused).await),
        };
        let why = match names.len() {
            1 => return names.pop().ok_or_else(Reply::proxy_unauthorized),
            0 => format!("no connection that this token reaches leads to {address}"),
            _ => format!("several connections lead to {address}: {}", names.join(", ")),
        };
        let denial = Denial {
            reason: why,
            rule: "gateway.proxy-address".to_owned(),
            hint: "Name the connection as the proxy's user: http://NAME:TOKEN@gateway:port"
                .to_owned(),
        };
        Err(Reply::denied(&denial, ""))
    }

    /// The gateway's own path for the endpoint of another protocol, where this is the endpoint's at its server.
    fn at_endpoint(&self, connection: &str, target: Target) -> Target {
        if self.service.host.mount(connection).is_none() {
            return target;
        }
        let endpoint = self.service.host.forward().and_then(|it| it.endpoint(connection));
        match endpoint {
            Some((_, path)) if path == target.path => Target { path: "/".to_owned(), ..target },
            _ => target,
        }
    }

    /// What a client is told that asks for another address than the connection's own; nothing where it is that.
    pub(in crate::serve) fn misled(
        &self,
        picked: &Picked,
        origin: Option<&Origin>,
    ) -> Option<Denial> {
        let name = &picked.route.connection;
        let asked = match &picked.address {
            Asked::Nothing => return None,
            Asked::Address(address) if origin.is_some_and(|it| address.is_of(it)) => return None,
            Asked::Address(address) => address.to_string(),
            Asked::Another => "another host than the tunnel's".to_owned(),
        };
        Some(elsewhere(name, origin, &asked))
    }

    /// The answer to a request that was let in and asks for another address.
    pub(in crate::serve) fn misled_reply(&self, denial: &Denial, session: &str) -> Reply {
        match self.way {
            Way::Tunnel(_) => Reply::misdirected(denial, session),
            Way::Direct { .. } | Way::Proxy => Reply::denied(denial, session),
        }
    }

    /// What a client is told that is not let in, by the way that it came.
    pub(in crate::serve) async fn not_admitted(&self, refused: NotAdmitted) -> Reply {
        match refused {
            NotAdmitted::Refused { after } => {
                tokio::time::sleep(after).await;
                match &self.way {
                    Way::Direct { .. } => Reply::unauthorized(),
                    Way::Proxy => Reply::proxy_unauthorized(),
                    Way::Tunnel(_) => Reply::tunnel_over(),
                }
            }
            NotAdmitted::TooMany(why) => Reply::unavailable(429, &why, ""),
            NotAdmitted::Elsewhere(why) => Reply::unavailable(404, &why, ""),
            NotAdmitted::Unavailable(why) => Reply::unavailable(503, &why, ""),
        }
    }
}

/// The denial of an address that is not the connection's own. Whoever reads it was let in there.
pub(super) fn elsewhere(connection: &str, origin: Option<&Origin>, asked: &str) -> Denial {
    let (reason, hint) = match origin {
        Some(origin) => (
            format!("`{connection}` leads to {}, and this asks for {asked}", origin.text()),
            "Ask for that address, or name another connection as the proxy's user.".to_owned(),
        ),
        None => (
            format!("`{connection}` has no address of its own, and this asks for {asked}"),
            format!("Use the gateway's own address for it: /c/{connection}"),
        ),
    };
    Denial { reason, rule: "gateway.proxy-address".to_owned(), hint }
}

/// Reads a head with a target in absolute form. What of it is judged has the form that all requests have.
fn read_absolute(http: &mut ServerSession) -> Result<(Head, Asked), Refused> {
    if http.is_http2() {
        return Err(Refused::Version);
    }
    check_raw(&http.to_h1_raw())?;
    let head = http.req_header();
    if !head.headers.contains_key(HOST) {
        return Err(Refused::Head("there is no Host"));
    }
    let Absolute { authority, target } = Absolute::parse(head.raw_path())?;
    let read = Head::read(&Parsed {
        version: head.version,
        method: &head.method,
        target,
        authority: Some(authority),
        ends: false,
        headers: &head.headers,
    })?;
    let authority = Authority::parse(authority, Some(80));
    let authority = authority.ok_or(Refused::Target("its authority is no host"))?;
    Ok((read, Asked::Address(Address { tls: Some(false), authority })))
}

/// The authority that a request asks for, as it wrote it.
fn authority(http: &ServerSession) -> Option<&str> {
    let head = http.req_header();
    let by_target = head.uri.authority().filter(|_| head.version == Version::HTTP_2);
    let by_target = by_target.map(http::uri::Authority::as_str);
    by_target.or_else(|| host(&head.headers))
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(HOST).and_then(|host| host.to_str().ok())
}
