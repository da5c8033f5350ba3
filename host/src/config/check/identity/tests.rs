use std::path::Path;

use super::super::parse;

const ISSUER: &str =
    "[[issuer]]\nname = 'ci'\nurl = 'https://ci.example'\naudience = ['palisade']\n";

/// The problems of a configuration, and how each is mended.
fn check(text: &str, expected: &[(usize, &str, &str)]) {
    let mistakes = parse(Path::new("palisade.toml"), text).err().unwrap_or_default();
    let found: Vec<_> = mistakes
        .iter()
        .map(|mistake| (mistake.line.unwrap(), mistake.problem.as_str(), mistake.fix.as_str()))
        .collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn an_issuer_has_sensible_defaults() {
    let config = parse(Path::new("palisade.toml"), ISSUER).unwrap();
    let issuer = &config.issuers.first().unwrap().issuer;
    assert_eq!(issuer.algorithms.len(), 3);
    assert_eq!((issuer.skew, issuer.longest, issuer.keys_kept), (30, 86_400, 86_400));
    assert_eq!(issuer.subject, "sub");
}

#[test]
fn an_issuer_is_reached_by_tls_or_on_this_machine() {
    let problem = "`http://ci.example` is no address to trust";
    let fix = "write https://…; http:// is for this machine alone (127.0.0.1)";
    check(&ISSUER.replace("https", "http"), &[(3, problem, fix)]);
    check(&ISSUER.replace("https://ci.example", "http://127.0.0.1:8080"), &[]);
    let problem = "`ftp://x` is no address to trust";
    check(&format!("{ISSUER}jwks = 'ftp://x'"), &[(5, problem, fix)]);
}

#[test]
fn what_proves_nothing_is_no_algorithm() {
    let fix = "a token that is not signed with a private key proves nothing";
    let text = format!("{ISSUER}algorithms = ['RS256', 'HS256']");
    check(&text, &[(5, "`HS256` cannot be listed", fix)]);
    let text = format!("{ISSUER}algorithms = ['none']");
    check(&text, &[(5, "`none` cannot be listed", fix)]);
}

#[test]
fn an_issuer_without_an_audience_is_a_mistake() {
    let fix = "name what its tokens carry in `aud`, such as \"palisade\"";
    let problem = "without an audience every token of the issuer would be taken";
    check(&ISSUER.replace("'palisade'", ""), &[(4, problem, fix)]);
}

#[test]
fn two_issuers_of_one_name_or_address_are_mistakes() {
    let second = ISSUER.replace("'ci'", "'other'");
    let problem = "a second issuer has the name `https://ci.example`";
    check(&format!("{ISSUER}{second}"), &[(7, problem, "give each its own name")]);
}

#[test]
fn a_rule_names_an_issuer_and_somebody() {
    let role = "[[role]]\nname = 'r'\n[[role.given]]\nissuer = 'cj'\n";
    let nobody = "add `subjects`, `groups` or `claims`; for everybody: subjects = [\"*\"]";
    let expected = [
        (8, "no issuer is called `cj`", "did you mean `ci`?"),
        (8, "the rule names nobody", nobody),
    ];
    check(&format!("{ISSUER}{role}"), &expected);
    let role = "[[role]]\nname = 'r'\n[[role.given]]\nissuer = 'ci'\nclaims = { a = 'b' }\n";
    check(&format!("{ISSUER}{role}"), &[]);
}
