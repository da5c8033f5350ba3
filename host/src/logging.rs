//! Logs on standard error: ours as asked for, those of the libraries from warnings on.
//!
//! PostgreSQL's parser takes the process's standard error for itself while it parses, and what others write there meanwhile is lost.
//! So the log goes to a duplicate that is made at the start.
//!
//! Libraries that carry secrets in clear are not heard below `info`, whatever a filter asks for: one of them prints every byte.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::sync::Arc;

use tracing::Metadata;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging. `asked` is a level or a filter; without it `RUST_LOG` counts, and without that `default`.
pub fn start(asked: Option<&str>, default: &str) {
    let environment = std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
    let filter = asked.map(filter_of).or(environment).unwrap_or_else(|| filter_of(default));
    let terminal = io::stderr().is_terminal();
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_ansi(colour)
        .with_target(false);
    let started = match io::stderr().as_fd().try_clone_to_owned() {
        Ok(duplicate) => subscriber
            .with_writer(Arc::new(File::from(duplicate)))
            .finish()
            .with(filter_fn(tells_no_secret))
            .try_init(),
        Err(_none) => {
            subscriber.with_writer(io::stderr).finish().with(filter_fn(tells_no_secret)).try_init()
        }
    };
    // Somebody else started it: then it works as well.
    drop(started);
}

/// What the libraries that carry secrets say of their bytes is never shown.
fn tells_no_secret(said: &Metadata<'_>) -> bool {
    let carries = ["ureq", "rustls", "pingora", "h2", "postgres_protocol", "jsonwebtoken", "aws"];
    *said.level() <= tracing::Level::INFO
        || !carries.iter().any(|library| said.target().starts_with(library))
}

/// A level is ours; the libraries say too much below warnings.
fn filter_of(asked: &str) -> String {
    if asked.contains(['=', ',']) {
        return asked.to_owned();
    }
    let crates = [
        "palisade",
        "palisade_http",
        "palisade_postgres",
        "palisade_relay",
        "palisade_wasm",
        "palisade_store",
    ];
    let ours = crates.map(|name| format!("{name}={asked}")).join(",");
    let others = if asked == "off" || asked == "error" { asked } else { "warn" };
    format!("{others},{ours}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_for_our_own_crates_and_a_filter_is_taken_as_it_is() {
        assert!(filter_of("debug").starts_with("warn,palisade=debug,"));
        assert!(filter_of("error").starts_with("error,palisade=error,"));
        assert_eq!(filter_of("sled=trace"), "sled=trace");
    }
}
