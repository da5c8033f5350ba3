use super::*;
use crate::Scan;

/// What a detector leaves of a text.
fn scan(name: &str, text: &str) -> String {
    let scan = Scan::new(&[name.to_owned()].into()).unwrap();
    String::from_utf8(scan.text(text.as_bytes()).into_owned()).unwrap()
}

/// The detector covers this text whole.
fn check(name: &str, secret: &str) {
    assert_eq!(scan(name, secret), format!("[{name}]"), "{secret}");
}

fn check_in(name: &str, text: &str, expected: &str) {
    assert_eq!(scan(name, text), expected);
}

/// The detector finds nothing.
fn check_not(name: &str, text: &str) {
    assert_eq!(scan(name, text), text);
}

#[test]
fn every_expression_compiles_and_every_mask_is_the_name_in_brackets() {
    assert!(END_OF_KEY.is_some() && OPEN_QUOTATION.is_some());
    for detector in &table::DETECTORS {
        assert!(prepare(detector.name).is_ok(), "{}", detector.name);
        assert_eq!(detector.mask, format!("[{}]", detector.name));
        assert!(!detector.finds.is_empty());
    }
}

#[test]
fn an_unknown_name_is_refused_and_the_known_ones_are_said() {
    let refused = prepare("e-mail").unwrap_err();
    assert_eq!(refused, DetectorRefused::Unknown("e-mail".into()));
    assert!(refused.to_string().contains("email, card, iban"), "{refused}");
}

#[test]
fn no_mask_is_a_hit_of_any_detector() {
    for detector in &table::DETECTORS {
        for masked in &table::DETECTORS {
            check_not(detector.name, &format!("password={0} token: {0}", masked.mask));
        }
        check_not(detector.name, &format!("password: {WHOLE}"));
    }
}

#[test]
fn email_addresses_are_found() {
    check("email", "alice@example.com");
    check("email", "a.b+c%d@mail.example.co.uk");
    check("email", "o'brien@example.ie");
    check("email", "jörg@müller.example");
    check_in("email", "Mail 'bob@example.org', now.", "Mail '[email]', now.");
    check_in("email", "to=bob@example.org.", "to=[email].");
    check_not("email", "@example.com and bob@localhost");
}

#[test]
fn card_numbers_are_found() {
    check("card", "4111111111111111");
    check("card", "4111 1111 1111 1111");
    check("card", "5500-0000-0000-0004");
    check("card", "378282246310005");
    check("card", "6011111111111117");
    check_in("card", "visa 4111 1111 1111 1111 12/29", "visa [card] 12/29");
    check_in("card", "12 4111111111111111 34 a", "12 [card] 34 a");
    check_in("card", "4111 1111 1111 1111 12abc", "[card] 12abc");
}

#[test]
fn other_long_numbers_are_no_cards() {
    check_not("card", "4111111111111112"); // checksum
    check_not("card", "1700000000000"); // no issuer's prefix
    check_not("card", "0.4111111111111111");
    check_not("card", "a4111111111111111f");
    check_not("card", "411111111111111141111111111111114111");
}

#[test]
fn a_long_run_of_cards_takes_as_many_searches_as_it_has_cards() {
    const CARDS: usize = 100_000;
    let card = prepare("card").unwrap();
    for (text, hits) in [
        ("4111111111111111 ".repeat(CARDS), CARDS),
        ("4111 1111 1111 1112-".repeat(CARDS), 0),
        ("4 ".repeat(CARDS), 0),
        ("4".repeat(CARDS), 0),
    ] {
        let text = text.as_bytes();
        let search = searches(card).next().unwrap();
        let (mut from, mut found) = (0, 0);
        while let Some(hit) = search.next_hit(text, from) {
            // What was looked at for it does not grow with the run.
            assert!(search.regex.find_at(text, from).unwrap().len() <= 25);
            (from, found) = (hit.end, found + 1);
        }
        assert_eq!(found, hits);
    }
}

#[test]
fn cards_behind_and_among_other_groups_of_digits_are_found() {
    check_in("card", "1 2 3 4 4111 1111 1111 1111", "1 2 3 4 [card]");
    check_in("card", "12345678901234567 4111111111111111 99", "12345678901234567 [card] 99");
    check_in("card", "4111111111111111-4111 1111 1111 1111 7", "[card]-[card] 7");
    check_in("card", "4111111111111111  378282246310005", "[card]  [card]");
    check_in("card", "0.4111111111111111 4111111111111111", "0.4111111111111111 [card]");
    check_not("card", "4111  1111  1111  1111");
}

#[test]
fn account_numbers_are_found() {
    check("iban", "DE89370400440532013000");
    check("iban", "GB29 NWBK 6016 1331 9268 19");
    check("iban", "no9386011117947");
    check_in("iban", "IBAN DE89 3704 0044 0532 0130 00 AND MORE", "IBAN [iban] AND MORE");
    check_not("iban", "DE89370400440532013001");
    check_not("iban", "DE893704004405320130001");
    check_not("iban", "XX89370400440532013000");
    check_not("iban", "DE8937040044");
}

#[test]
fn social_security_numbers_are_found() {
    check("us-ssn", "123-45-6789");
    check_in("us-ssn", "SSN:123-45-6789.", "SSN:[us-ssn].");
    for text in ["000-12-3456", "666-12-3456", "900-12-3456", "123-00-4567", "123-45-0000"] {
        check_not("us-ssn", text);
    }
    check_not("us-ssn", "123-45-6789-0123");
}

#[test]
fn international_phone_numbers_are_found() {
    check("phone", "+4930123456");
    check("phone", "+1 (415) 555-2671");
    check_in("phone", "+1 415 555 2671 2024-01-01", "[phone]-01-01");
    check_not("phone", "1 + 1 = 2, +12345");
    check_not("phone", "+12345678901234567890");
}

#[test]
fn private_keys_are_covered_as_whole_blocks() {
    let block = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nAAAA==\n-----END RSA PRIVATE KEY-----";
    check("private-key", block);
    check("private-key", &block.replace('\n', "\\n"));
    check("private-key", &block.replace("RSA", "OPENSSH"));
    check("private-key", &block.replace("RSA PRIVATE KEY", "PGP PRIVATE KEY BLOCK"));
    check_in("private-key", &format!("a {block} b {block} c"), "a [private-key] b [private-key] c");
}

#[test]
fn a_private_key_without_an_end_covers_all_that_follows() {
    check_in("private-key", "key: -----BEGIN PRIVATE KEY-----\nMIIE é", "key: [private-key]");
    check_in(
        "private-key",
        "PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1",
        "[private-key]",
    );
}

#[test]
fn public_keys_and_certificates_are_no_private_keys() {
    check_not("private-key", "-----BEGIN PUBLIC KEY-----\nMIIE\n-----END PUBLIC KEY-----");
    check_not("private-key", "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----");
}

#[test]
fn web_tokens_are_found() {
    check("jwt", "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl");
    check("jwt", "eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn");
    check_not("jwt", "eyJhbGciOiJFZERTQSJ9");
}

#[test]
fn aws_keys_are_found() {
    check("aws-key", "AKIAIOSFODNN7EXAMPLE");
    check("aws-key", "ASIAIOSFODNN7EXAMPLE");
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    check_in(
        "aws-key",
        &format!("aws_secret_access_key = {secret}\n"),
        "aws_secret_access_key = [aws-key]\n",
    );
    check_in(
        "aws-key",
        &format!("{{\"SecretAccessKey\":\"{secret}\"}}"),
        "{\"SecretAccessKey\":\"[aws-key]\"}",
    );
    check_not("aws-key", secret);
    check_not("aws-key", "AKIA is a prefix");
}

#[test]
fn github_tokens_are_found() {
    for prefix in ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"] {
        check("github-token", &format!("{prefix}{}", "aB3".repeat(12)));
    }
    check_not("github-token", "ghp_short");
}

#[test]
fn slack_tokens_are_found() {
    check("slack-token", concat!("xox", "b-123456789012-abcdefABCDEF"));
    check("slack-token", "xapp-1-A0000-123456-abcdef");
    check_in(
        "slack-token",
        concat!("https://hooks.slack", ".com/services/T000/B000/XXXX"),
        "https://[slack-token]",
    );
}

#[test]
fn stripe_keys_are_found() {
    check("stripe-key", concat!("sk_li", "ve_4eC39HqLyjWDarjtT1zdp7dc"));
    check("stripe-key", concat!("rk_te", "st_4eC39HqLyjWDarjtT1zdp7dc"));
    check_not("stripe-key", "pk_live_4eC39HqLyjWDarjtT1zdp7dc");
}

#[test]
fn google_keys_are_found() {
    check("google-api-key", &format!("AIza{}", "a1B-_".repeat(7)));
    check("google-api-key", &format!("ya29.{}", "a1B-_".repeat(7)));
}

#[test]
fn tokens_with_a_vendors_prefix_are_found() {
    for prefix in ["sk-ant-", "sk-proj-", "glpat-", "npm_", "hf_", "pypi-", "hvs."] {
        check("vendor-token", &format!("{prefix}{}", "aB3".repeat(16)));
    }
    check_not("vendor-token", "sk-learn and npm_config");
}

#[test]
fn bearer_tokens_are_found() {
    check_in(
        "token",
        "Authorization: Bearer 4eC39HqLyjWDarjtT1zdp7dc",
        "Authorization: Bearer [token]",
    );
    check_not("token", "the bearer internationalization");
}

#[test]
fn random_looking_values_beside_a_secrets_name_are_found() {
    let value = "4eC39HqLyjWDarjtT1zdp7dc";
    check_in("token", &format!("API_KEY={value};x"), "API_KEY=[token];x");
    check_in("token", &format!("client-secret: '{value}'"), "client-secret: '[token]'");
    check_in("token", &format!("{{\"apiKey\": \"{value}\"}}"), "{\"apiKey\": \"[token]\"}");
    check_in("token", &format!(r#"{{\"token\":\"{value}\"}}"#), r#"{\"token\":\"[token]\"}"#);
}

#[test]
fn words_and_repetitions_beside_a_secrets_name_are_left() {
    check_not("token", "token: internationalization");
    check_not("token", "token=1111111111111111111111");
    check_not("token", "token=short1");
}

#[test]
fn passwords_are_found_beside_their_name() {
    check_in("password", "password=hunter2 next", "password=[password] next");
    check_in("password", "PASSWORD: \"two words\"", "PASSWORD: \"[password]\"");
    check_in("password", "passwd='a\\'b' c", "passwd='[password]' c");
    check_in("password", "db_password => \"open", "db_password => \"[password]");
    check_in("password", "Server=db;Pwd=geheimß;", "Server=db;Pwd=[password];");
    check_not("password", "password: ");
}

#[test]
fn passwords_are_found_in_urls() {
    check_in("password", "postgres://svc:s3cr:et@db:5432/x", "postgres://svc:[password]@db:5432/x");
    check_in("password", "redis://:p@ss@db/0", "redis://:[password]@db/0");
    check_not("password", "http://db:5432/a@b");
}
