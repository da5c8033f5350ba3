use proptest::prelude::*;

use super::*;

/// `^` stands for the separator.
fn read_as(message: &str, user: &str) -> Result<Bearer, BearerMalformed> {
    read(message.replace('^', "\x01").as_bytes(), user)
}

fn check(message: &str, token: &str) {
    let expected = Bearer::Token(token.to_owned().into());
    assert_eq!(read_as(message, "orders"), Ok(expected), "{message}");
}

fn refused(message: &str) {
    assert!(read_as(message, "orders").is_err(), "{message}");
}

#[test]
fn a_token_is_read_whatever_else_there_is() {
    check("n,,^auth=Bearer a.b-c^^", "a.b-c");
    check("y,,^auth=bearer   a+b/c~_==^^", "a+b/c~_==");
    check("n,,^host=db.example^port=5432^auth=BEARER x^new=\tthing\r\n^^", "x");
    check("n,a=orders,^auth=Bearer x^^", "x");
    check("n,a=,^auth=Bearer x^^", "x");
}

#[test]
fn an_empty_auth_asks_where_tokens_are() {
    assert_eq!(read_as("n,,^auth=^^", "orders"), Ok(Bearer::Asks));
}

#[test]
fn to_act_as_somebody_else_is_refused() {
    assert_eq!(read_as("n,a=admin,^auth=Bearer x^^", "orders"), Err(BearerMalformed::Identity));
    assert_eq!(read_as("n,a=Orders,^auth=^^", "orders"), Err(BearerMalformed::Identity));
    assert!(read_as("n,a=a=2Cb=3Dc,^auth=Bearer x^^", "a,b=c").is_ok());
    for name in ["a,b", "a=b", "a=2c", "a=", "a=2", "a=é"] {
        assert!(read_as(&format!("n,a={name},^auth=Bearer x^^"), name).is_err(), "{name}");
    }
}

#[test]
fn channel_binding_is_refused() {
    let bound = read_as("p=tls-exporter,,^auth=Bearer x^^", "orders");
    assert_eq!(bound, Err(BearerMalformed::ChannelBinding));
}

#[test]
fn a_key_that_is_there_twice_is_refused() {
    assert_eq!(read_as("n,,^auth=Bearer x^auth=^^", "orders"), Err(BearerMalformed::Twice));
    assert_eq!(read_as("n,,^a=^auth=Bearer x^a=^^", "orders"), Err(BearerMalformed::Twice));
}

#[test]
fn what_is_not_of_the_form_is_refused() {
    for message in ["", "^", "n,,^^", "n,,", "n,^auth=Bearer x^^", "F,n,,^auth=Bearer x^^"] {
        refused(message);
    }
    for header in ["x,,", "p,,", "n,b=orders,", "n,,,", " n,,", "n,a=orders"] {
        refused(&format!("{header}^auth=Bearer x^^"));
    }
    for end in ["", "^", "^^^", "^^x", "^x^", "^=x^^", "^k1=x^^", "^k-k=x^^", "^é=x^^"] {
        refused(&format!("n,,^auth=Bearer x{end}"));
    }
    for auth in ["x", "Bearer", "Bearer ", "Bearer =", "Bearer x y", "Bearer\tx", "Basic eDp5"] {
        refused(&format!("n,,^auth={auth}^^"));
    }
    for auth in [" Bearer x", "Bearer x=y", "Bearer x ", "Bearer x\n", "Bearer é", "Bearer x\0"] {
        refused(&format!("n,,^auth={auth}^^"));
    }
    assert!(read(b"n,,\x01auth=Bearer \xff\x01\x01", "orders").is_err());
}

#[test]
fn neither_its_own_words_nor_an_error_hold_the_token() {
    let secret = "s3cret-token";
    let token = read_as(&format!("n,,^auth=Bearer {secret}^^"), "orders").unwrap();
    assert!(!format!("{token:?}").contains(secret));
    for message in [format!("n,,^auth={secret}^^"), format!("n,a={secret},^auth=Bearer x^^")] {
        let error = read_as(&message, "orders").unwrap_err();
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
}

proptest! {
    #[test]
    fn no_message_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes, "orders");
    }

    #[test]
    fn a_message_of_the_mechanisms_parts_gives_its_token_or_an_error(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "n", "y", "p=x", ",", "a=", "orders", "=2C", "\x01", "auth", "=", "Bearer ", "t.0k", "host", " ", "\0",
            ]),
            0..14,
        ),
    ) {
        let message = parts.concat();
        if let Ok(Bearer::Token(token)) = read(message.as_bytes(), "orders") {
            let given = format!("Bearer {}", *token);
            prop_assert!(message.contains(&given));
        }
    }

    #[test]
    fn a_message_goes_round(
        token in "[A-Za-z0-9._~+/-]{1,60}={0,2}", user in "[^\0\x01]{0,12}", named: bool,
    ) {
        let escaped = user.replace('=', "=3D").replace(',', "=2C");
        let identity = if named { format!("a={escaped}") } else { String::new() };
        let message = format!("n,{identity},\x01auth=Bearer {token}\x01\x01");
        prop_assert_eq!(read(message.as_bytes(), &user), Ok(Bearer::Token(token.into())));
    }
}
