//! What the file says of the systems behind the gateway.

use palisade_http::Templates;
use palisade_vault::VaultServer;
use toml::Spanned;

use super::Check;
use super::mcp::split_path;
use crate::config::raw::RawConnection;
use crate::config::service::{HttpLogin, HttpService, login_of, split_origin};
use crate::config::{
    Connection, FileDigests, GRPC, HTTP, Listen, MCP, PROTOCOLS, UpstreamTls, split_address,
};

/// The longest name of a connection: what a PostgreSQL client can have as its user name is longer, a table's column not.
const LONGEST_NAME: usize = 128;

impl Check<'_> {
    /// A connection, with what is in the files that are its own.
    pub(super) fn connection(
        &mut self,
        raw: RawConnection,
        vault: Option<&VaultServer>,
    ) -> Option<Connection> {
        let others = std::mem::take(&mut self.files);
        let connection = self.without_files(raw, vault);
        let files = std::mem::replace(&mut self.files, others);
        self.files.extend(&files);
        Some(Connection { files, ..connection? })
    }

    fn without_files(
        &mut self,
        mut raw: RawConnection,
        vault: Option<&VaultServer>,
    ) -> Option<Connection> {
        let name = raw.name.get_ref();
        if name.is_empty() || name.len() > LONGEST_NAME || name.contains(char::is_control) {
            let fix = "clients give it as their user name: use a short word";
            self.mistake(Some(&raw.name), "a connection needs a name".into(), fix);
        }
        let protocol = raw.protocol.get_ref();
        if !PROTOCOLS.contains(&protocol.as_str()) {
            let problem = format!("unknown protocol `{}`", protocol.escape_debug());
            let fix = format!("this version speaks: {}", PROTOCOLS.join(", "));
            self.mistake(Some(&raw.protocol), problem, &fix);
        }
        let (is_http, is_mcp) = (protocol == HTTP || protocol == GRPC, protocol == MCP);
        if !is_mcp {
            self.only_mcp(&raw);
        }
        if protocol != HTTP {
            self.only_tunnels(&raw);
        }
        if protocol != GRPC {
            self.only_grpc(&raw);
        }
        let mcp = is_mcp.then(|| self.mcp(&mut raw, vault));
        let is_service = is_http || (is_mcp && raw.address.is_some());
        let place = match is_mcp && !is_service {
            // Its servers are elsewhere, or started here.
            true => Some((false, "localhost".to_owned(), 0)),
            false if is_service => self.origin(&raw),
            false => self.server(&raw),
        };
        let (tls, host) = place.as_ref().map_or((false, ""), |(tls, host, _)| (*tls, host));
        let http = is_service.then(|| self.service(&raw, tls, host));
        let password = raw.password.map(|password| self.secret(password, vault));
        let tls_ca = raw.tls_ca.map(|path| self.existing("tls_ca", &path));
        let (_, host, port) = place?;
        let text =
            |text: Option<Spanned<String>>| text.map(Spanned::into_inner).unwrap_or_default();
        Some(Connection {
            name: raw.name.into_inner(),
            protocol: raw.protocol.into_inner(),
            host,
            port,
            database: text(raw.database),
            username: text(raw.username),
            password,
            tls: match &http {
                Some(http) if http.tls => UpstreamTls::VerifyFull,
                Some(_) => UpstreamTls::Disable,
                None if is_mcp => UpstreamTls::Disable,
                None => raw.tls.map(Spanned::into_inner).unwrap_or_default(),
            },
            tls_ca,
            labels: raw.labels,
            http,
            mcp,
            files: FileDigests::default(),
        })
    }

    /// A server of a protocol whose transport is not HTTP's.
    fn server(&mut self, raw: &RawConnection) -> Option<(bool, String, u16)> {
        for (key, text) in [("database", &raw.database), ("username", &raw.username)] {
            match text {
                None => {
                    let problem = format!("missing field `{key}`");
                    self.mistake(Some(&raw.name), problem, "name what the server knows");
                }
                Some(text) if text.get_ref().is_empty() || text.get_ref().contains('\0') => {
                    let fix = "name what the server knows";
                    self.mistake(Some(text), "must not be empty".into(), fix);
                }
                Some(_) => {}
            }
        }
        let mut only_http = |place: Option<usize>, key: &str| {
            if let Some(at) = place {
                let problem = format!("`{key}` is for connections of the protocol `{HTTP}`");
                self.mistakes.push(self.at(at, problem, "remove it".into()));
            }
        };
        only_http(raw.login.as_ref().map(|it| it.span().start), "login");
        only_http(raw.paths.first().map(|it| it.span().start), "paths");
        only_http(raw.certificate.as_ref().map(|it| it.certificate.span().start), "certificate");
        let fix = "write a host and a port: db.internal:5432";
        let Some(address) = &raw.address else {
            self.mistake(Some(&raw.name), "missing field `address`".into(), fix);
            return None;
        };
        let parts = split_address(address.get_ref());
        if parts.is_none() {
            let problem = format!("`{}` is no address of a server", shown(address.get_ref()));
            self.mistake(Some(address), problem, fix);
        }
        parts.map(|(host, port)| (false, host, port))
    }

    /// A service's scheme, host and port.
    fn origin(&mut self, raw: &RawConnection) -> Option<(bool, String, u16)> {
        let is_mcp = raw.protocol.get_ref() == MCP;
        let fix = match is_mcp {
            true => "write a scheme, a host and a path: https://tools.internal/mcp",
            false => "write a scheme and a host, without a path: https://api.internal:8443",
        };
        let Some(address) = &raw.address else {
            self.mistake(Some(&raw.name), "missing field `address`".into(), fix);
            return None;
        };
        let origin = match is_mcp {
            true => split_origin(&split_path(address.get_ref()).0),
            false => split_origin(address.get_ref()),
        };
        let Some((tls, host, _)) = &origin else {
            let problem = format!("`{}` is no origin", shown(address.get_ref()));
            self.mistake(Some(address), problem, fix);
            return None;
        };
        let is_private = host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        if !tls && !is_private && raw.has_password() {
            let problem = "the credential would travel in clear text over the network".into();
            self.mistake(Some(address), problem, "write https://");
        }
        origin
    }

    fn service(&mut self, raw: &RawConnection, tls: bool, host: &str) -> HttpService {
        if let Some(mode) = &raw.tls
            && *mode.get_ref() != UpstreamTls::VerifyFull
        {
            let problem =
                "`tls` says nothing here: the address does, and certificates are verified";
            self.mistake(
                Some(mode),
                problem.into(),
                "remove it, and name the authority by `tls_ca`",
            );
        }
        let login = login_of(raw);
        if let Some(problem) = login.mistake(raw) {
            let at = raw.login.as_ref().map_or(raw.name.span().start, |login| login.span().start);
            let fix = "login = \"bearer\", \"basic\", { header = { name } }, { query }, { cookie }, { aws } or { oauth }";
            self.mistakes.push(self.at(at, problem, fix.into()));
        }
        let mut templates = Templates::default();
        match Templates::new(raw.paths.iter().map(|path| path.get_ref().as_str())) {
            Ok(read) => templates = read,
            Err(problem) => {
                self.mistake(raw.paths.first(), problem, "a segment in braces stands for any");
            }
        }
        if raw.protocol.get_ref() == MCP && matches!(login, HttpLogin::Aws(_) | HttpLogin::Query(_))
        {
            let problem = "`login` is by a header or a cookie for MCP".into();
            self.mistake(
                raw.login.as_ref(),
                problem,
                "login = \"bearer\" or { header = { name } }",
            );
        }
        let grpc = self.grpc(raw, &login);
        let certificate = raw.certificate.as_ref().map(|files| self.tls(files));
        HttpService {
            tls,
            login,
            certificate,
            paths: templates.at(host),
            websocket: raw.websocket,
            blind: self.blind(raw),
            grpc,
        }
    }

    /// Connections that nobody could reach.
    pub(super) fn http_without_a_place(&mut self, listen: Option<&Listen>, all: &[Connection]) {
        let Some(listen) = listen.filter(|listen| listen.http.is_none()) else { return };
        // Services alone have an address that a proxy could be asked for.
        let by_proxy = listen.http_proxy.is_some();
        let is_nowhere = |it: &&Connection| match &it.http {
            Some(_) => !by_proxy,
            None => it.mcp.is_some(),
        };
        if let Some(service) = all.iter().find(is_nowhere) {
            let at = self.text.find(&format!("\"{}\"", service.name)).unwrap_or(0);
            let problem = format!("the gateway listens nowhere for `{}`", service.name);
            self.mistakes.push(self.at(
                at,
                problem,
                "add http = \"127.0.0.1:6481\" to [listen]".into(),
            ));
        }
    }
}

/// An address as it is written, but for what it has before an `@`: a password would be there.
fn shown(address: &str) -> String {
    let behind = address.rsplit_once('@').map(|(_, behind)| format!("***@{behind}"));
    behind.as_deref().unwrap_or(address).escape_debug().to_string()
}
