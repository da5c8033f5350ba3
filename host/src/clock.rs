//! The time, and how it is written down.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Microseconds since the Unix epoch.
pub fn now_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Seconds since the Unix epoch.
pub fn now_seconds() -> u64 {
    now_micros() / 1_000_000
}

/// A time as RFC 3339 has it, in UTC, with microseconds.
pub fn rfc3339(micros: u64) -> String {
    let last = Duration::from_secs(253_402_300_799);
    let since = Duration::from_micros(micros).min(last);
    humantime::format_rfc3339_micros(UNIX_EPOCH + since).to_string()
}

/// The reverse of [`rfc3339`]; `None` for what is no such time.
pub fn micros(text: &str) -> Option<u64> {
    let time = humantime::parse_rfc3339(text).ok()?;
    u64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_micros()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_survives_being_written_down() {
        let micros_then = 1_790_000_000_123_456;
        assert_eq!(rfc3339(micros_then), "2026-09-21T14:13:20.123456Z");
        assert_eq!(micros(&rfc3339(micros_then)), Some(micros_then));
        assert_eq!(micros("yesterday"), None);
    }

    #[test]
    fn no_time_is_too_late_to_be_written() {
        assert!(rfc3339(u64::MAX).starts_with("9999-"));
    }
}
