//! The keys that the files may have: all misspelt ones are named at once, each with what was probably meant.

use std::path::Path;

use palisade_policy::Keys::{Any, Table};
use palisade_policy::{Keys, Mistake, unknown_keys};

const CONFIG: Keys = Table(&[
    ("data_dir", Any),
    (
        "listen",
        Table(&[
            ("postgres", Any),
            ("admin", Any),
            ("insecure", Any),
            ("http", Any),
            ("http_proxy", Any),
            ("ca", Table(&[("certificate", Any), ("key", Any)])),
            ("http_domain", Any),
            ("http_origins", Any),
            ("postgres_login", Any),
        ]),
    ),
    ("tls", Table(&[("certificate", Any), ("key", Any)])),
    ("connection", CONNECTION),
    ("role", ROLE),
    ("issuer", ISSUER),
    ("policies", Table(&[("files", Any), ("trusted_keys", Any)])),
    ("record", Table(&[("durability", Any), ("result_limit", Any)])),
    ("vault", Table(&[("master_key", SECRET), ("server", Table(VAULT)), ("kept_paths", Any)])),
    ("mcp", Table(&[("kept_commands", Table(&[("command", Any), ("env", Any)]))])),
    (
        "limits",
        Table(&[
            ("frame_bytes", Any),
            ("login_seconds", Any),
            ("dial_seconds", Any),
            ("stalled_seconds", Any),
            ("max_sessions", Any),
            ("max_connections", Any),
            ("max_logins", Any),
            ("login_failures", Any),
            ("plugin_time_ms", Any),
            ("plugin_memory_mib", Any),
            ("body_bytes", Any),
            ("response_bytes", Any),
            ("idle_seconds", Any),
            ("answer_seconds", Any),
            ("threads", Any),
        ]),
    ),
]);

const ROLE: Keys = Table(&[
    ("name", Any),
    ("connections", Any),
    ("approves", Any),
    ("audits", Any),
    ("administers", Any),
    ("read_only", Any),
    ("session_seconds", Any),
    ("max_sessions", Any),
    ("labels", Any),
    ("given", Table(&[("issuer", Any), ("subjects", Any), ("groups", Any), ("claims", Any)])),
]);

const ISSUER: Keys = Table(&[
    ("name", Any),
    ("url", Any),
    ("jwks", Any),
    ("audience", Any),
    ("algorithms", Any),
    ("groups", Any),
    ("subject", Any),
    ("skew_seconds", Any),
    ("longest_seconds", Any),
    ("keys_kept_seconds", Any),
    ("ca", Any),
    ("client_id", Any),
]);

const CONNECTION: Keys = Table(&[
    ("name", Any),
    ("protocol", Any),
    ("address", Any),
    ("database", Any),
    ("username", Any),
    ("password", SECRET),
    ("login", Any),
    ("certificate", Table(&[("certificate", Any), ("key", Any)])),
    ("paths", Any),
    ("websocket", Any),
    ("tunnel", Any),
    ("descriptors", Any),
    ("descriptor_set", Any),
    ("command", Any),
    ("env", Any),
    ("folder", Any),
    ("servers", Any),
    ("allow", Any),
    ("new_tools", Any),
    ("reads", Any),
    ("tls", Any),
    ("tls_ca", Any),
    ("labels", Any),
]);

const SECRET: Keys = Table(&[
    ("env", Any),
    ("file", Any),
    ("exec", Any),
    (
        "vault",
        Table(&[
            ("path", Any),
            ("field", Any),
            ("address", Any),
            ("mount", Any),
            ("namespace", Any),
            ("ca", Any),
            ("token", PLACE),
            ("approle", Table(APPROLE)),
            ("jwt", Table(JWT)),
        ]),
    ),
    ("cache_seconds", Any),
]);

const VAULT: &[(&str, Keys)] = &[
    ("address", Any),
    ("mount", Any),
    ("namespace", Any),
    ("ca", Any),
    ("token", PLACE),
    ("approle", Table(APPROLE)),
    ("jwt", Table(JWT)),
];

const APPROLE: &[(&str, Keys)] = &[("role_id", Any), ("secret_id", PLACE), ("mount", Any)];

const JWT: &[(&str, Keys)] = &[("role", Any), ("jwt", PLACE), ("mount", Any)];

const PLACE: Keys = Table(&[("env", Any), ("file", Any)]);

const POLICY: Keys = Table(&[
    ("harmless_functions", Any),
    (
        "use",
        Table(&[
            ("plugin", Any),
            ("name", Any),
            ("mode", Any),
            (
                "on",
                Table(&[
                    ("protocols", Any),
                    ("connections", Any),
                    ("labels", Any),
                    ("roles", Any),
                    ("actions", Any),
                    ("facts", Any),
                ]),
            ),
            ("grants", Any),
            (
                "limits",
                Table(&[
                    ("time_ms", Any),
                    ("memory_mib", Any),
                    ("tables", Any),
                    ("instances", Any),
                ]),
            ),
            ("config", Any),
        ]),
    ),
]);

/// The keys of a configuration that have no meaning, as mistakes; or that it is no TOML.
pub(super) fn unknown_config_keys(file: &Path, text: &str) -> Vec<Mistake> {
    unknown_keys(file, text, &CONFIG)
}

/// The keys of a policy file that have no meaning, as mistakes; or that it is no TOML.
pub fn unknown_policy_keys(file: &Path, text: &str) -> Vec<Mistake> {
    unknown_keys(file, text, &POLICY)
}

#[cfg(test)]
mod tests;
