use super::*;

fn check(text: &str, expected: &[(usize, &str, &str)]) {
    let found = unknown_config_keys(Path::new("f.toml"), text);
    let found: Vec<_> =
        found.iter().map(|m| (m.line.unwrap(), m.problem.as_str(), m.fix.as_str())).collect();
    assert_eq!(found, expected);
}

#[test]
fn every_misspelt_key_is_named_with_its_line_and_what_was_meant() {
    check(
        "data_dri = 1\n[[connection]]\nname = 'a'\nadress = 'b'\n[[role]]\nconections = []\n",
        &[
            (1, "unknown key `data_dri`", "did you mean `data_dir`?"),
            (4, "unknown key `adress`", "did you mean `address`?"),
            (6, "unknown key `conections`", "did you mean `connections`?"),
        ],
    );
}

#[test]
fn the_operators_own_labels_are_no_mistake() {
    check("[[connection]]\nlabels = { whatever = 'x' }\n", &[]);
}

#[test]
fn a_key_that_resembles_none_gets_the_list_of_those_that_are_known() {
    check("[tls]\nbanana = 1", &[(2, "unknown key `banana`", "known here: certificate, key")]);
}
