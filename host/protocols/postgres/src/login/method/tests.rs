use proptest::prelude::*;

use super::*;
use crate::login::check_parameters;

fn parameters(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn check(pairs: &[(&str, &str)], method: Option<LoginMethod>, left: &[(&str, &str)]) {
    let mut given = parameters(pairs);
    assert_eq!(take_method(&mut given), Ok(method), "{pairs:?}");
    assert_eq!(given, parameters(left), "{pairs:?}");
}

#[test]
fn a_client_says_how_it_logs_in_and_the_server_hears_nothing_of_it() {
    let oauth = Some(LoginMethod::OAuth);
    check(&[("options", "-c palisade.login=oauth")], oauth, &[]);
    check(&[("options", r"--Palisade.Login=password")], Some(LoginMethod::Password), &[]);
    check(&[("user", "a"), ("palisade.login", "oauth")], oauth, &[("user", "a")]);
    let options = r"-c search_path=a,b -cpalisade.login=oauth --application-name=two\ \\words";
    let left = r"-c search_path=a,b -c application_name=two\ \\words";
    check(&[("options", options)], oauth, &[("options", left)]);
    check(&[("palisade.login", "password"), ("options", "-c palisade.login=oauth")], oauth, &[]);
}

#[test]
fn whoever_says_nothing_of_it_is_left_as_they_came() {
    for options in ["", "-c a=b  --c=d", r"-c application_name=\p\ palisade.login=oauth", "-d 5"] {
        check(&[("options", options)], None, &[("options", options)]);
    }
    check(&[("user", "palisade.login")], None, &[("user", "palisade.login")]);
}

#[test]
fn another_way_is_refused() {
    for value in ["", "OAuth", "scram", "oauth "] {
        let refused = take_method(&mut parameters(&[("palisade.login", value)])).unwrap_err();
        assert!(refused.to_string().contains("either \"password\" or \"oauth\""), "{refused}");
    }
    assert!(take_method(&mut parameters(&[("options", "-c palisade.login=")])).is_err());
}

#[test]
fn nothing_of_the_gateways_own_passes_to_the_server() {
    for pair in [("palisade.other", "x"), ("options", "-c palisade.other=x"), ("Palisade.x", "")] {
        let mut given = parameters(&[pair]);
        assert_eq!(take_method(&mut given), Ok(None));
        assert!(check_parameters(&given).is_err(), "{pair:?}");
    }
}

proptest! {
    #[test]
    fn options_mean_the_same_without_the_setting(
        settings in prop::collection::vec((r"[a-zA-Z_. \\]{0,6}", r"[a-z=\\ \t\x0b'-]{0,6}"), 0..4), at in 0usize..4,
    ) {
        let mut all = settings.clone();
        all.insert(at.min(all.len()), (SETTING.to_owned(), "oauth".to_owned()));
        let mut given = parameters(&[("options", &options::words(&all))]);
        prop_assert_eq!(take_method(&mut given), Ok(Some(LoginMethod::OAuth)));
        let left = given.pop().map(|(_, value)| value).unwrap_or_default();
        prop_assert_eq!(options::settings(&left), Ok(settings));
    }

    #[test]
    fn no_options_panic_or_keep_the_setting(options in r"[-c =\\a-b]{0,20}(-c palisade.login=oauth)?[ -c=]{0,6}") {
        let mut given = parameters(&[("options", &options)]);
        if take_method(&mut given).is_ok() && check_parameters(&given).is_ok() {
            prop_assert!(!given.iter().any(|(_, value)| options::settings(value)
                .is_ok_and(|settings| settings.iter().any(|(name, _)| is_setting(name)))));
        }
    }
}
