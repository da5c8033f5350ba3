use super::*;

/// What the client is told and what it is taken for, after these messages of its.
fn play(messages: &[&[u8]]) -> (Result<Step<Bearer>, OpeningRefused>, BytesMut) {
    let mut login = ClientBearer::new("orders");
    let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
    let mut step = login.step(&mut input, &mut output);
    for message in messages {
        input.extend_from_slice(message);
        output.clear();
        step = login.step(&mut input, &mut output);
    }
    (step, output)
}

fn initial(mechanism: &str, data: Option<&str>) -> BytesMut {
    let mut out = BytesMut::new();
    build::sasl_initial(&mut out, mechanism, data.map(str::as_bytes));
    out
}

fn response(data: &[u8]) -> BytesMut {
    let mut out = BytesMut::new();
    build::sasl_response(&mut out, data);
    out
}

fn token(text: &str) -> Step<Bearer> {
    Step::Done(Bearer::Token(text.to_owned().into()))
}

const MESSAGE: &str = "n,,\x01auth=Bearer t0k\x01\x01";

#[test]
fn one_mechanism_is_offered() {
    let (step, output) = play(&[]);
    assert_eq!(step.unwrap(), Step::Read);
    assert_eq!(&output[..], b"R\0\0\0\x15\0\0\0\x0aOAUTHBEARER\0\0");
}

#[test]
fn a_token_comes_with_the_choice_or_when_it_is_asked_for() {
    let (step, output) = play(&[&initial("OAUTHBEARER", Some(MESSAGE))]);
    assert_eq!(step.unwrap(), token("t0k"));
    assert!(output.is_empty());
    let choice = initial("OAUTHBEARER", None);
    let (step, output) = play(&[&choice]);
    assert_eq!(step.unwrap(), Step::Read);
    assert_eq!(&output[..], b"R\0\0\0\x08\0\0\0\x0b");
    assert_eq!(play(&[&choice, &response(MESSAGE.as_bytes())]).0.unwrap(), token("t0k"));
    let twice = play(&[&choice, &choice]);
    assert!(matches!(twice.0, Err(OpeningRefused::Bearer(_))), "it is asked once");
}

#[test]
fn a_token_that_comes_in_pieces_is_read_once_it_is_whole() {
    let whole = initial("OAUTHBEARER", Some(MESSAGE));
    for cut in 0..whole.len() {
        let (first, second) = whole.split_at(cut);
        assert_eq!(play(&[first]).0.unwrap(), Step::Read, "{cut}");
        assert_eq!(play(&[first, second]).0.unwrap(), token("t0k"), "{cut}");
    }
}

#[test]
fn what_was_not_offered_or_is_none_of_it_is_refused_in_words_without_the_token() {
    let mut password = BytesMut::new();
    build::password(&mut password, "t0k");
    let mut query = BytesMut::new();
    build::query(&mut query, "t0k");
    let malformed = initial("OAUTHBEARER", Some("n,,\x01auth=t0k\x01\x01"));
    let long = b"p\0\0\x40\x01";
    for message in
        [&initial("SCRAM-SHA-256", Some("t0k"))[..], &initial("t0k", None), &password, &query]
            .into_iter()
            .chain([&malformed[..], long])
    {
        let (step, output) = play(&[message]);
        let error = step.unwrap_err();
        let told = String::from_utf8_lossy(&output).into_owned();
        assert!(
            told.starts_with('E') && told.contains("FATAL") && told.contains("08P01"),
            "{told}"
        );
        assert!(!told.contains("t0k") && !error.to_string().contains("t0k"), "{told}");
    }
}

#[test]
fn a_client_that_asks_is_told_where_tokens_are_and_heard_out() {
    let source = TokenSource {
        configuration: "https://a.example/\"/.well-known/openid-configuration".to_owned(),
        scope: "openid".to_owned(),
    };
    let mut denied = BearerDenied::new(Some(&source));
    let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
    assert_eq!(denied.step(&mut input, &mut output).unwrap(), Step::Read);
    let told: serde_json::Value = serde_json::from_slice(&output[9..]).unwrap();
    assert_eq!(told["status"], "invalid_token");
    assert_eq!(told["openid-configuration"], source.configuration);
    assert_eq!(told["scope"], "openid");
    input.extend_from_slice(&response(b"\x01"));
    output.clear();
    assert_eq!(denied.step(&mut input, &mut output).unwrap(), Step::Done(()));
    assert!(output.is_empty());
}

#[test]
fn a_refusal_says_nothing_else_and_takes_one_answer_whatever_it_is() {
    let mut denied = BearerDenied::new(None);
    let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
    input.extend_from_slice(&initial("OAUTHBEARER", Some(MESSAGE)));
    input.extend_from_slice(b"more");
    assert_eq!(denied.step(&mut input, &mut output).unwrap(), Step::Done(()));
    assert_eq!(&output[9..], br#"{"status":"invalid_token"}"#);
    assert_eq!(&input[..], b"more");
}
