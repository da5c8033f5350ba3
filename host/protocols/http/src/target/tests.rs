use proptest::prelude::*;

use super::*;

fn canonical(raw: &str) -> Option<String> {
    Target::parse(raw.as_bytes()).ok().map(|target| target.text())
}

#[test]
fn an_escape_that_need_not_be_is_undone_and_the_others_are_in_upper_case() {
    assert_eq!(canonical("/%61dmin/caf%c3%a9"), Some("/admin/caf%C3%A9".to_owned()));
    assert_eq!(canonical("/a%20b?x=%7e"), Some("/a%20b?x=~".to_owned()));
}

#[test]
fn dot_segments_are_refused_however_they_are_written() {
    for raw in ["/a/../b", "/a/./b", "/..", "/a/%2e%2e/b", "/a/.%2E/b", "/a/..%20/b", "/%2e"] {
        assert_eq!(canonical(raw), None, "{raw}");
    }
    assert_eq!(canonical("/a/...b/.c"), Some("/a/...b/.c".to_owned()));
}

#[test]
fn what_is_escaped_twice_is_refused_in_paths_and_names() {
    for raw in ["/%252e%252e/a", "/a%252Fb", "/%25%32%65", "/a?%2561=1"] {
        assert_eq!(canonical(raw), None, "{raw}");
    }
    // A value may hold an address of its own.
    assert_eq!(canonical("/a?next=%252F"), Some("/a?next=%252F".to_owned()));
    assert_eq!(canonical("/100%25"), Some("/100%25".to_owned()));
}

#[test]
fn slashes_in_disguise_and_empty_segments_are_refused() {
    for raw in ["/a%2Fb", "/a%5cb", "/a\\b", "//a", "/a//b", "/a%00b", "/a%0d%0ab"] {
        assert_eq!(canonical(raw), None, "{raw}");
    }
    assert_eq!(canonical("/a/"), Some("/a/".to_owned()));
}

#[test]
fn path_parameters_are_refused() {
    for raw in ["/admin;x=1", "/a/..;/b", "/a%3Bb"] {
        assert_eq!(canonical(raw), None, "{raw}");
    }
}

#[test]
fn overlong_and_foreign_bytes_are_refused() {
    for raw in ["/%c0%af", "/%ff", "/%zz", "/%2", "/a?b=%c0%80"] {
        assert_eq!(canonical(raw), None, "{raw}");
    }
    assert!(Target::parse(b"/\xc3\xa9").is_err());
    assert!(Target::parse(b"/a b").is_err());
}

#[test]
fn only_a_path_or_an_asterisk_is_a_target() {
    for raw in ["http://other/a", "other:443", "", "a", "/a#b"] {
        assert_eq!(canonical(raw), None, "{raw}");
    }
    assert_eq!(canonical("*"), Some("*".to_owned()));
}

#[test]
fn a_query_keeps_its_pairs_and_their_order() {
    assert_eq!(canonical("/a?b=1&&b=2&c&d=x+y;z"), Some("/a?b=1&b=2&c&d=x%20y%3Bz".to_owned()));
    let target = Target::parse(b"/a?b=1&c").unwrap();
    let pairs: Vec<_> = target.query.as_ref().unwrap().pairs().collect();
    assert_eq!(pairs, [("b", "1"), ("c", "")]);
}

#[test]
fn a_query_that_names_another_method_is_refused() {
    let override_ = Err(Refused::Override("_method"));
    assert_eq!(Target::parse(b"/a?b=1&_Method=DELETE"), override_);
    assert_eq!(Target::parse(b"/a?%5fmethod=DELETE"), override_);
}

#[test]
fn a_prefix_is_taken_off_by_whole_segments() {
    let target = Target::parse(b"/c/orders/v1/items?x=1").unwrap();
    assert_eq!(target.without("/c/orders").unwrap().text(), "/v1/items?x=1");
    assert_eq!(Target::parse(b"/c/orders").unwrap().without("/c/orders").unwrap().path, "/");
    assert_eq!(Target::parse(b"/c/orders2").unwrap().without("/c/orders"), None);
}

proptest! {
    #[test]
    fn what_is_canonical_stays_as_it_is(raw in "/[ -~]{0,40}") {
        if let Ok(target) = Target::parse(raw.as_bytes()) {
            let text = target.text();
            let again = Target::parse(text.as_bytes()).unwrap();
            prop_assert_eq!(&again, &target);
            prop_assert_eq!(again.text(), text);
        }
    }

    #[test]
    fn no_bytes_make_it_panic_and_no_canonical_path_has_another_reading(raw: Vec<u8>) {
        if let Ok(target) = Target::parse(&raw) {
            prop_assert!(target.path == "*" || target.path.starts_with('/'));
            prop_assert!(!target.path.contains("//") && !target.path.contains("%2F"));
            prop_assert!(target.path.split('/').all(|part| part != "." && part != ".."));
        }
    }
}

#[test]
fn all_can_be_escaped_and_means_the_same() {
    let raw = b"/a+b%20(1)/c?prefix=x/y&d=%2F&e";
    let mut target = Target::parse(raw).unwrap();
    target.escape_all();
    assert_eq!(target.text(), "/a%2Bb%20%281%29/c?prefix=x%2Fy&d=%2F&e");
    let again = Target::parse(target.text().as_bytes()).unwrap();
    assert_eq!(again, Target::parse(raw).unwrap());
}

#[test]
fn a_parameter_that_asks_for_another_method_is_refused() {
    for query in
        ["_HttpMethod=PATCH", "method=delete", "http_method=PUT", "x-http-method-override=PUT"]
    {
        let refused = Target::parse(format!("/a?{query}").as_bytes());
        assert!(matches!(refused, Err(Refused::Override(_))), "{query}");
    }
    for query in ["method=card", "method=flickr.photos.search"] {
        assert!(Target::parse(format!("/a?{query}").as_bytes()).is_ok(), "{query}");
    }
}
