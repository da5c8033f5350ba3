use super::*;

fn refused(text: &str) {
    assert_eq!(text.parse::<SessionId>(), Err(InvalidSessionId), "{text}");
}

#[test]
fn a_uuid_reads_and_prints_as_the_same_text() {
    let text = "0190a5c8-7d2e-7b5c-9f00-0123456789ab";
    assert_eq!(text.parse::<SessionId>().unwrap().to_string(), text);
}

#[test]
fn capital_digits_name_the_same_session() {
    let lower: SessionId = "0190a5c8-7d2e-7b5c-9f00-0123456789ab".parse().unwrap();
    assert_eq!("0190A5C8-7D2E-7B5C-9F00-0123456789AB".parse(), Ok(lower));
}

#[test]
fn an_empty_text_is_refused() {
    refused("");
}

#[test]
fn a_text_cut_short_is_refused() {
    refused("0190a5c8-7d2e-7b5c-9f00-0123456789a");
}

#[test]
fn a_text_that_goes_on_is_refused() {
    refused("0190a5c8-7d2e-7b5c-9f00-0123456789ab0");
}

#[test]
fn a_missing_hyphen_is_refused() {
    refused("0190a5c8 7d2e-7b5c-9f00-0123456789ab");
}

#[test]
fn a_sign_is_no_digit() {
    refused("+190a5c8-7d2e-7b5c-9f00-0123456789ab");
}
