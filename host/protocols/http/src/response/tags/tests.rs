use proptest::prelude::*;

use super::*;

const NOW: Edition = Edition { policies: 3, context: 0 };
const LATER: Edition = Edition { policies: 4, context: 0 };

fn tagged(tag: &str) -> HeaderMap {
    HeaderMap::from_iter([(ETAG, HeaderValue::from_str(tag).unwrap())])
}

/// What the client gets in the place of a tag.
fn covered(tags: &Tags, tag: &str, target: &str, edition: Edition) -> String {
    let mut headers = tagged(tag);
    tags.cover(&mut headers, target, edition);
    headers[ETAG].to_str().unwrap().to_owned()
}

/// What becomes of a condition.
fn asked(
    tags: &Tags,
    (name, value): (HeaderName, &str),
    (target, edition): (&str, Edition),
    is_safe: bool,
) -> Option<String> {
    let mut headers = HeaderMap::from_iter([(name.clone(), HeaderValue::from_str(value).unwrap())]);
    tags.ask(&mut headers, (target, edition), is_safe);
    headers.get(name).map(|value| value.to_str().unwrap().to_owned())
}

#[test]
fn a_tag_of_the_gateways_own_is_the_services_again_for_the_same_target_and_policies() {
    let tags = Tags::new(&[7; 32]);
    let shown = covered(&tags, "\"digest\"", "/a", NOW);
    assert!(shown.starts_with("W/\"") && !shown.contains("digest"), "{shown}");
    let ask = |target, edition| asked(&tags, (IF_NONE_MATCH, &shown), (target, edition), true);
    assert_eq!(ask("/a", NOW).unwrap(), "\"digest\"");
    assert_eq!(ask("/b", NOW), None);
    assert_eq!(ask("/a", LATER), None);
    assert_eq!(shown, covered(&tags, "\"digest\"", "/a", NOW), "it is the same again");
    for other in [
        covered(&tags, "\"other\"", "/a", NOW),
        covered(&tags, "\"digest\"", "/b", NOW),
        covered(&tags, "\"digest\"", "/a", LATER),
        covered(&Tags::new(&[8; 32]), "\"digest\"", "/a", NOW),
    ] {
        assert_ne!(shown, other);
    }
}

#[test]
fn a_tag_that_the_client_was_not_given_asks_the_service_nothing() {
    let tags = Tags::new(&[7; 32]);
    covered(&tags, "\"digest\"", "/a", NOW);
    for guess in ["\"digest\"", "W/\"digest\"", "digest", "\"x\", \"digest\""] {
        assert_eq!(asked(&tags, (IF_NONE_MATCH, guess), ("/a", NOW), true), None, "{guess}");
        let matched = asked(&tags, (IF_MATCH, guess), ("/a", NOW), true);
        assert_eq!(matched.unwrap(), "\"palisade-none\"", "{guess}");
    }
    // What changes something stays conditional.
    assert_eq!(asked(&tags, (IF_MATCH, "\"x\""), ("/a", NOW), false).unwrap(), "\"x\"");
    assert_eq!(asked(&tags, (IF_NONE_MATCH, "*"), ("/a", NOW), false).unwrap(), "*");
}

#[test]
fn a_tag_of_what_is_not_covered_goes_back_and_forth_as_it_is() {
    let tags = Tags::new(&[7; 32]);
    tags.pass(&tagged("\"a,b\""), "/a");
    let list = "\"x\", W/\"a,b\"";
    assert_eq!(asked(&tags, (IF_NONE_MATCH, list), ("/a", LATER), true).unwrap(), "\"a,b\"");
}

#[test]
fn what_did_not_change_has_the_tag_that_the_client_knows_and_no_other() {
    let tags = Tags::new(&[7; 32]);
    let shown = covered(&tags, "\"digest\"", "/a", NOW);
    for (target, expected) in [("/a", Some(shown.as_str())), ("/b", None)] {
        let mut headers = tagged("\"digest\"");
        tags.unchanged(&mut headers, target);
        assert_eq!(headers.get(ETAG).map(|tag| tag.to_str().unwrap()), expected);
    }
}

#[test]
fn the_oldest_tags_are_forgotten() {
    let tags = Tags::new(&[7; 32]);
    let first = covered(&tags, "\"0\"", "/a", NOW);
    for number in 1..=MOST {
        covered(&tags, &format!("\"{number}\""), "/a", NOW);
    }
    assert_eq!(asked(&tags, (IF_NONE_MATCH, &first), ("/a", NOW), true), None);
    let long = "/a".repeat(LONGEST_TARGET);
    let shown = covered(&tags, "\"0\"", &long, NOW);
    assert_eq!(asked(&tags, (IF_NONE_MATCH, &shown), (&long, NOW), true), None);
}

proptest! {
    #[test]
    fn no_list_is_too_odd_to_be_read(list in "[W/\"*, a\\t]{0,20}|\\PC{0,20}") {
        for tag in tags(&list) {
            prop_assert!(list.contains(tag) && !tag.is_empty());
        }
    }
}
