//! What the file says of the forward proxy: where it listens, in whose name it ends tunnels, and which it does not look into.

use palisade_policy::Mistake;

use super::Check;
use crate::config::raw::{RawConnection, RawListen};
use crate::config::{Connection, HTTP, Listen, TlsFiles};
use crate::{ca, clock};

/// What is known of tunnels that nobody looks into.
const BLIND: &str = "blind";

impl Check<'_> {
    /// The operator's own authority.
    pub(super) fn authority(&mut self, raw: &RawListen) -> Option<TlsFiles> {
        let raw_ca = raw.ca.as_ref()?;
        if raw.http_proxy.is_none() {
            let problem = "`ca` is for the forward proxy, and there is none".into();
            let fix = "add http_proxy = \"127.0.0.1:6482\", or remove it";
            self.mistake(Some(&raw_ca.certificate), problem, fix);
        }
        let before = self.mistakes.len();
        let files = TlsFiles {
            certificate: self.existing("certificate", &raw_ca.certificate),
            key: self.existing("key", &raw_ca.key),
        };
        if self.mistakes.len() == before
            && let Err(error) = ca::check(&files, clock::now_seconds())
        {
            let fix = "give an authority's certificate and its own key, both as PEM; clients trust that authority";
            self.mistake(Some(&raw_ca.certificate), format!("{error:#}"), fix);
        }
        Some(files)
    }

    /// Whether a service's tunnels pass unread.
    pub(super) fn blind(&mut self, raw: &RawConnection) -> bool {
        let Some(tunnel) = &raw.tunnel else { return false };
        if tunnel.get_ref() != BLIND {
            let problem = format!("`{}` is no kind of tunnel", tunnel.get_ref().escape_debug());
            let fix = "tunnel = \"blind\", or leave it out: then the gateway looks into tunnels";
            self.mistake(Some(tunnel), problem, fix);
            return false;
        }
        let given = [
            ("login", raw.login.is_some()),
            ("password", raw.has_password()),
            ("certificate", raw.certificate.is_some()),
        ];
        for (key, _) in given.into_iter().filter(|(_, given)| *given) {
            let problem =
                format!("a blind tunnel carries nothing of the gateway's, and no `{key}`");
            let fix =
                "remove one of the two: whoever uses the tunnel lets itself in at the service";
            self.mistake(Some(tunnel), problem, fix);
        }
        true
    }

    /// Tunnels are to services.
    pub(super) fn only_tunnels(&mut self, raw: &RawConnection) {
        if let Some(tunnel) = &raw.tunnel {
            let problem = format!("`tunnel` is for connections of the protocol `{HTTP}`");
            self.mistake(Some(tunnel), problem, "remove it");
        }
    }

    /// A blind tunnel that nobody can ask for, or that nobody is meant to be able to.
    pub(super) fn blind_alleys(&mut self, listen: Option<&Listen>, all: &[Connection]) {
        let is_blind = |it: &&Connection| it.http.as_ref().is_some_and(|http| http.blind);
        for connection in all.iter().filter(is_blind) {
            let at = self.text.find(&format!("\"{}\"", connection.name)).unwrap_or(0);
            let (name, mut warn) = (&connection.name, |problem: String, fix: &str| {
                let warning: Mistake = self.at(at, problem, fix.to_owned());
                self.warnings.push(warning);
            });
            if listen.is_some_and(|listen| listen.http_proxy.is_none()) {
                let problem = format!("`{name}` has blind tunnels, and there is no forward proxy");
                warn(problem, "add http_proxy = \"127.0.0.1:6482\" to [listen]");
            }
            let problem = format!("what tunnels to `{name}` carry is neither judged nor masked");
            warn(problem, "remove `tunnel` where clients can trust the gateway's authority");
        }
    }
}
