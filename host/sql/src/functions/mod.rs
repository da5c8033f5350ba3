//! What is known of functions by their names: which are harmless, which act out of sight.
//!
//! Identity is by name alone; whether a search path leads the name elsewhere is for the caller to know.

mod harmless;

use harmless::HARMLESS;
use std::collections::BTreeSet;

/// What a function may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    /// Nothing but compute.
    Harmless,
    /// The same, by random numbers of the session: of how many can be told from those that it draws afterwards.
    Drawing,
    /// Reads or changes the state of session or server, in a way that its name tells.
    Stateful,
    /// The same, and puts its arguments where they are not seen.
    Sink,
    /// Something that the statement does not show; the reason says what.
    Dangerous(&'static str),
    /// Defined by somebody else.
    Unknown,
}

const RUNS_SQL: &str = "runs SQL text that is not seen";
const READS_ALL: &str = "reads relations that are not named";
const FILES: &str = "reads or writes files of the server";
const SETTINGS: &str = "changes settings";
const LOGICAL: &str = "reads the changes of any table";
const TEXTS: &str = "shows other sessions' statements or sampled values";

/// Dangerous by the start of their names, in whatever schema.
const DANGEROUS_PREFIXES: &[(&str, &str)] = &[
    ("connectby", RUNS_SQL),
    ("crosstab", RUNS_SQL),
    ("cursor_to_xml", RUNS_SQL),
    ("database_to_xml", READS_ALL),
    ("dblink", RUNS_SQL),
    ("lo_", FILES),
    ("pg_file_", FILES),
    ("pg_logical_slot_", LOGICAL),
    ("pg_ls_", FILES),
    ("pg_read_", FILES),
    ("pg_stat_get_activity", TEXTS),
    ("pg_stat_get_backend_activity", TEXTS),
    ("pg_stat_statements", TEXTS),
    ("query_to_xml", RUNS_SQL),
    ("schema_to_xml", READS_ALL),
    ("table_to_xml", READS_ALL),
];

/// Dangerous by their whole names, in whatever schema.
const DANGEROUS: &[(&str, &str)] = &[
    ("pg_backup_start", "changes the server"),
    ("pg_current_logfile", FILES),
    ("pg_cursor", TEXTS),
    ("pg_get_backend_memory_contexts", TEXTS),
    ("pg_hba_file_rules", FILES),
    ("pg_ident_file_mappings", FILES),
    ("pg_mcv_list_items", TEXTS),
    ("pg_prepared_statement", TEXTS),
    ("pg_promote", "changes the server"),
    ("pg_reload_conf", SETTINGS),
    ("pg_restore_attribute_stats", "changes the server"),
    ("pg_restore_relation_stats", "changes the server"),
    ("pg_rotate_logfile", FILES),
    ("pg_show_all_file_settings", FILES),
    ("pg_stat_file", FILES),
    ("set_config", SETTINGS),
    ("ts_rewrite", RUNS_SQL),
    ("ts_stat", RUNS_SQL),
    ("xpath_table", RUNS_SQL),
];

/// Built in; what they do is told by their names, and their arguments go nowhere.
const STATEFUL: &[&str] = &[
    "current_query",
    "current_setting",
    "currval",
    "lastval",
    "pg_advisory_unlock_all",
    "pg_current_xact_id",
    "pg_export_snapshot",
    "pg_listening_channels",
    "pg_lock_status",
    "pg_notification_queue_usage",
    "pg_show_all_settings",
    "txid_current",
];

/// Built in; how many random numbers they draw depends on what they are given.
const DRAWING: [&str; 3] = ["array_sample", "array_shuffle", "random"];

/// Built in; the same is asked of them at each call, and they give something else.
const VARYING: [&str; 7] = [
    "clock_timestamp",
    "gen_random_uuid",
    "random_normal",
    "set_config",
    "timeofday",
    "uuidv4",
    "uuidv7",
];

/// Whether a function of the server's may give something else each time, by its name as written, while it does nothing besides.
pub(crate) fn draws(label: &str) -> bool {
    let name = label.rsplit('.').next().unwrap_or_default();
    DRAWING.contains(&name) || VARYING.contains(&name)
}

/// Built in by the start of the name; what they are given can be found elsewhere, or told from what they do.
const SINK_PREFIXES: &[&str] = &[
    "nextval",
    "pg_advisory_",
    "pg_cancel_backend",
    "pg_log",
    "pg_notify",
    "pg_replication_origin_",
    "pg_sleep",
    "pg_terminate_backend",
    "pg_try_advisory_",
    "setseed",
    "setval",
];

/// Functions of large objects: which of them there are, their length, which are open and where they are read is kept.
const LARGE_OBJECTS: [&str; 13] = [
    "lo_close",
    "lo_creat",
    "lo_create",
    "lo_from_bytea",
    "lo_lseek",
    "lo_lseek64",
    "lo_open",
    "lo_put",
    "lo_truncate",
    "lo_truncate64",
    "lo_unlink",
    "loread",
    "lowrite",
];

/// What such a function does, if it is one.
fn large_object(name: &str) -> Option<Function> {
    match name {
        "lo_get" | "lo_tell" | "lo_tell64" => Some(Function::Stateful),
        _ => LARGE_OBJECTS.contains(&name).then_some(Function::Sink),
    }
}

/// Built-in functions that take a row or any value, and so also a table's name for its row: `t.f` is `f(t)`.
const TAKE_A_ROW: &[&str] = &[
    "any_value",
    "array_agg",
    "concat",
    "concat_ws",
    "count",
    "first_value",
    "format",
    "hash_record",
    "json_agg",
    "json_agg_strict",
    "json_build_array",
    "jsonb_agg",
    "jsonb_agg_strict",
    "jsonb_build_array",
    "lag",
    "last_value",
    "lead",
    "max",
    "min",
    "mode",
    "num_nonnulls",
    "num_nulls",
    "pg_column_size",
    "quote_literal",
    "quote_nullable",
    "record_image_out",
    "record_out",
    "record_send",
    "row_to_json",
    "to_json",
    "to_jsonb",
];

/// Built-in functions that give a number of rows that depends on what they are given.
const MAKE_ROWS: [&str; 33] = [
    "aclexplode",
    "generate_series",
    "generate_subscripts",
    "json_array_elements",
    "json_array_elements_text",
    "json_each",
    "json_each_text",
    "json_object_keys",
    "json_populate_recordset",
    "json_to_recordset",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
    "jsonb_each",
    "jsonb_each_text",
    "jsonb_object_keys",
    "jsonb_path_query",
    "jsonb_path_query_tz",
    "jsonb_populate_recordset",
    "jsonb_to_recordset",
    "pg_get_publication_tables",
    "pg_options_to_table",
    "pg_partition_ancestors",
    "pg_partition_tree",
    "pg_snapshot_xip",
    "pg_tablespace_databases",
    "regexp_matches",
    "regexp_split_to_table",
    "string_to_table",
    "ts_debug",
    "ts_parse",
    "ts_token_type",
    "txid_snapshot_xip",
    "unnest",
];

/// Whether a function of this name gives rows.
pub(crate) fn makes_rows(name: &str) -> bool {
    MAKE_ROWS.binary_search(&name).is_ok()
}

/// Functions that somebody defined and an operator vouches for: they only compute from their arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trusted(BTreeSet<String>);

impl Trusted {
    /// Functions by their names with schema: `public.normalise`.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().collect())
    }

    /// Whether this function is one of them.
    #[must_use]
    pub fn names(&self, schema: &str, name: &str) -> bool {
        self.contains(Some(schema), name)
    }

    /// Whether a function of this name as written is one of them. Without schema it may be any of that name.
    pub(crate) fn contains(&self, schema: Option<&str>, name: &str) -> bool {
        self.0.iter().any(|known| match (schema, known.rsplit_once('.')) {
            (Some(schema), Some((of, known))) => schema == of && name == known,
            (None, Some((_, known))) => name == known,
            (_, None) => false,
        })
    }
}

/// What a function may do, by its name as written.
pub(crate) fn classify(schema: Option<&str>, name: &str) -> Function {
    let built_in = schema.is_none_or(|schema| schema == "pg_catalog");
    if let Some(function) = large_object(name).filter(|_| built_in) {
        return function;
    }
    if let Some(reason) = danger(name) {
        return Function::Dangerous(reason);
    }
    if !built_in {
        return Function::Unknown;
    }
    if HARMLESS.binary_search(&name).is_ok() {
        Function::Harmless
    } else if DRAWING.contains(&name) {
        Function::Drawing
    } else if STATEFUL.contains(&name) {
        Function::Stateful
    } else if SINK_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        Function::Sink
    } else {
        Function::Unknown
    }
}

/// Whether a function of this name takes a whole row.
pub(crate) fn takes_a_row(name: &str) -> bool {
    TAKE_A_ROW.binary_search(&name).is_ok()
}

fn danger(name: &str) -> Option<&'static str> {
    let whole = DANGEROUS.binary_search_by_key(&name, |(known, _)| known).ok();
    let by_name = whole.and_then(|index| DANGEROUS.get(index));
    let by_prefix = || DANGEROUS_PREFIXES.iter().find(|(prefix, _)| name.starts_with(prefix));
    by_name.or_else(by_prefix).map(|(_, reason)| *reason)
}

#[cfg(test)]
mod tests;
