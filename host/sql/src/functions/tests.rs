//! The lists of functions keep what they promise.

use super::*;

fn is_sorted(names: &[&str]) -> bool {
    names.windows(2).all(|pair| pair[0] < pair[1])
}

#[test]
fn the_lists_that_are_searched_are_sorted() {
    assert!(is_sorted(HARMLESS));
    assert!(is_sorted(TAKE_A_ROW));
    assert!(is_sorted(&MAKE_ROWS));
    assert!(DANGEROUS.windows(2).all(|pair| pair[0].0 < pair[1].0));
}

#[test]
fn no_harmless_function_runs_text_reads_files_or_changes_anything() {
    const STARTS: &[&str] = &["lo_", "pg_ls_", "pg_file_", "pg_stat_", "pg_read_", "pg_show_"];
    const PARTS: &[&str] = &[
        "to_xml",
        "dblink",
        "ts_stat",
        "ts_rewrite",
        "loread",
        "lowrite",
        "set_config",
        "current_setting",
        "sleep",
        "nextval",
        "setval",
        "currval",
        "terminate",
        "cancel",
        "notify",
        "advisory",
        "slot",
        "reload",
        "binary_upgrade",
        "cursor",
        "crosstab",
        "mcv",
        "setseed",
        "array_sample",
        "array_shuffle",
    ];
    for name in HARMLESS {
        assert!(!STARTS.iter().any(|start| name.starts_with(start)), "{name}");
        assert!(!PARTS.iter().any(|part| name.contains(part)), "{name}");
        assert_eq!(classify(None, name), Function::Harmless, "{name}");
    }
}

#[test]
fn xpath_computes_from_its_argument_alone() {
    assert_eq!(classify(None, "xpath"), Function::Harmless);
}

#[test]
fn a_dangerous_function_is_so_in_every_schema() {
    for name in ["dblink_exec", "query_to_xml_and_xmlschema", "pg_read_binary_file", "lo_export"] {
        assert!(matches!(classify(Some("ext"), name), Function::Dangerous(_)), "{name}");
        assert!(matches!(classify(None, name), Function::Dangerous(_)), "{name}");
    }
}

#[test]
fn a_harmless_name_in_a_foreign_schema_is_unknown() {
    assert_eq!(classify(Some("public"), "upper"), Function::Unknown);
    assert_eq!(classify(Some("pg_catalog"), "upper"), Function::Harmless);
}

#[test]
fn a_function_that_keeps_what_it_is_given_is_a_sink() {
    for name in ["setseed", "nextval", "setval", "pg_advisory_lock", "pg_logical_emit_message"] {
        assert_eq!(classify(None, name), Function::Sink, "{name}");
    }
    for name in LARGE_OBJECTS {
        assert_eq!(classify(None, name), Function::Sink, "{name}");
    }
    for name in ["lo_get", "lo_tell", "currval", "current_setting"] {
        assert_eq!(classify(None, name), Function::Stateful, "{name}");
    }
    assert_eq!(classify(None, "random"), Function::Drawing);
}
