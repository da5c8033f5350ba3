use super::*;

fn check(text: &str, seconds: u64) {
    assert_eq!(text.parse::<Ttl>().map(Ttl::as_secs), Ok(seconds), "{text}");
}

fn check_unreadable(text: &str) {
    let refused = text.parse::<Ttl>().unwrap_err();
    assert!(matches!(refused, TtlRefused::Unreadable { .. }), "{text}: {refused}");
}

#[test]
fn seconds_minutes_and_hours_are_read() {
    check("30s", 30);
    check("15m", 900);
    check("1h", 3600);
}

#[test]
fn parts_add_up() {
    check("2h30m", 9000);
    check("2h 30m", 9000);
}

#[test]
fn both_ends_of_the_range_are_allowed() {
    check("1s", 1);
    check("24h", 86_400);
    check("1day", 86_400);
}

#[test]
fn less_than_a_second_is_too_short() {
    assert_eq!("0s".parse::<Ttl>(), Err(TtlRefused::TooShort));
    assert_eq!("999ms".parse::<Ttl>(), Err(TtlRefused::TooShort));
}

#[test]
fn more_than_a_day_is_too_long_and_the_message_says_the_limit() {
    let refused = "24h1ns".parse::<Ttl>().unwrap_err();
    assert_eq!(refused, TtlRefused::TooLong);
    assert!(refused.to_string().contains("24h"));
}

#[test]
fn what_is_no_length_of_time_is_refused() {
    check_unreadable("");
    check_unreadable("15");
    check_unreadable("-5m");
    check_unreadable("soon");
    check_unreadable("99999999999999999999h");
}
