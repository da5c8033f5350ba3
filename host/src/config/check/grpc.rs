//! What the file says of gRPC services.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use palisade_http::Descriptors;
use palisade_identity::open_regular;
use toml::Spanned;

use super::Check;
use crate::config::GRPC;
use crate::config::raw::RawConnection;
use crate::config::service::HttpLogin;

/// How descriptors are made.
const FIX: &str = "protoc --include_imports --descriptor_set_out=orders.pb orders.proto";

/// The largest set of descriptors that a connection has in itself, in bytes.
const LARGEST: usize = 512 * 1024;

impl Check<'_> {
    /// What is said of gRPC where another protocol is spoken.
    pub(super) fn only_grpc(&mut self, raw: &RawConnection) {
        let problem = || format!("`descriptors` are for connections of the protocol `{GRPC}`");
        if raw.descriptors.is_some() {
            self.mistake(raw.descriptors.as_ref(), problem(), "remove it");
        }
        if raw.descriptor_set.is_some() {
            self.mistake(raw.descriptor_set.as_ref(), problem(), "remove it");
        }
    }

    /// What a gRPC connection's messages are; none where it is no such connection.
    pub(super) fn grpc(&mut self, raw: &RawConnection, login: &HttpLogin) -> Option<Descriptors> {
        if raw.protocol.get_ref() != GRPC {
            return None;
        }
        if matches!(login, HttpLogin::Aws(_) | HttpLogin::Query(_) | HttpLogin::Cookie(_)) {
            let problem = "`login` is by metadata for gRPC".into();
            let fix = "login = \"bearer\", \"basic\", { header = { name } } or { oauth }";
            self.mistake(raw.login.as_ref(), problem, fix);
        }
        if let Some(path) = raw.paths.first() {
            let problem = "`paths` say nothing here: methods have no templates".into();
            self.mistake(Some(path), problem, "remove it");
        }
        if raw.websocket {
            let problem = "`websocket` says nothing here".into();
            self.mistake(Some(&raw.name), problem, "remove it");
        }
        if let Some(set) = &raw.descriptor_set {
            return self.descriptor_set(raw, set);
        }
        let Some(path) = &raw.descriptors else {
            let problem = format!(
                "the messages of `{}` are not read: its calls are not accounted for, and none passes whose answer a policy masks",
                raw.name.get_ref().escape_debug()
            );
            self.warning(
                Some(&raw.name),
                problem,
                &format!("descriptors = \"orders.pb\", made by {FIX}"),
            );
            return Some(Descriptors::default());
        };
        let whole = self.existing("descriptors", path);
        // Where there is no file, that has been said.
        let mut bytes = vec![];
        open_regular(&whole).and_then(|mut file| file.read_to_end(&mut bytes)).ok()?;
        match Descriptors::read(&bytes) {
            Ok(descriptors) => Some(descriptors),
            Err(problem) => {
                let problem = format!("these are no descriptors of services: {problem}");
                self.mistake(Some(path), problem, FIX);
                None
            }
        }
    }

    /// Descriptors that the connection has in itself, in Base64.
    fn descriptor_set(
        &mut self,
        raw: &RawConnection,
        set: &Spanned<String>,
    ) -> Option<Descriptors> {
        if raw.descriptors.is_some() {
            let problem = "there are `descriptors` and a `descriptor_set`".to_owned();
            self.mistake(Some(set), problem, "give one of them");
            return None;
        }
        let text = set.get_ref();
        // Four letters stand for three bytes.
        if text.len() > LARGEST.div_ceil(3) * 4 {
            let problem = format!("`descriptor_set` holds more than {LARGEST} bytes");
            self.mistake(Some(set), problem, "leave out files that the service does not use");
            return None;
        }
        let bytes = STANDARD.decode(text).map_err(|_| "it is no Base64".to_owned());
        match bytes.and_then(|bytes| Descriptors::read(&bytes)) {
            Ok(descriptors) => Some(descriptors),
            Err(problem) => {
                let problem = format!("`descriptor_set` has no descriptors of services: {problem}");
                self.mistake(Some(set), problem, FIX);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
