//! Function calls: the shared lists, and what MySQL has besides.

use super::Walker;
use crate::functions::{Function, classify};
use crate::lineage::Flow;
use sqlparser::ast::ObjectName;

/// MySQL's functions that do nothing but compute, where the shared list does not have them. Sorted.
const HARMLESS: &[&str] = &[
    "adddate",
    "addtime",
    "bit_count",
    "char_length",
    "charset",
    "coercibility",
    "collation",
    "compress",
    "connection_id",
    "conv",
    "convert_tz",
    "crc32",
    "curdate",
    "current_date",
    "current_time",
    "current_timestamp",
    "curtime",
    "database",
    "date_add",
    "date_format",
    "date_sub",
    "datediff",
    "day",
    "dayname",
    "dayofmonth",
    "dayofweek",
    "dayofyear",
    "elt",
    "field",
    "find_in_set",
    "format_bytes",
    "from_base64",
    "from_days",
    "from_unixtime",
    "get_format",
    "greatest",
    "group_concat",
    "hex",
    "hour",
    "if",
    "ifnull",
    "inet6_aton",
    "inet6_ntoa",
    "inet_aton",
    "inet_ntoa",
    "insert",
    "instr",
    "is_ipv4",
    "is_ipv6",
    "is_uuid",
    "isnull",
    "json_array",
    "json_array_append",
    "json_array_insert",
    "json_arrayagg",
    "json_contains",
    "json_contains_path",
    "json_depth",
    "json_extract",
    "json_insert",
    "json_keys",
    "json_length",
    "json_merge_patch",
    "json_merge_preserve",
    "json_object",
    "json_objectagg",
    "json_overlaps",
    "json_pretty",
    "json_quote",
    "json_remove",
    "json_replace",
    "json_search",
    "json_set",
    "json_storage_size",
    "json_type",
    "json_unquote",
    "json_valid",
    "json_value",
    "last_day",
    "lcase",
    "localtime",
    "localtimestamp",
    "locate",
    "log2",
    "make_set",
    "makedate",
    "maketime",
    "microsecond",
    "mid",
    "minute",
    "month",
    "monthname",
    "oct",
    "ord",
    "period_add",
    "period_diff",
    "quarter",
    "quote",
    "rand",
    "regexp_instr",
    "rlike",
    "schema",
    "sec_to_time",
    "second",
    "sha",
    "sha1",
    "sha2",
    "soundex",
    "space",
    "std",
    "str_to_date",
    "strcmp",
    "subdate",
    "substring_index",
    "subtime",
    "sysdate",
    "system_user",
    "time_format",
    "time_to_sec",
    "timediff",
    "timestampadd",
    "timestampdiff",
    "to_base64",
    "to_days",
    "to_seconds",
    "truncate",
    "ucase",
    "uncompress",
    "unhex",
    "unix_timestamp",
    "user",
    "utc_date",
    "utc_time",
    "utc_timestamp",
    "uuid",
    "values",
    "week",
    "weekday",
    "weekofyear",
    "year",
    "yearweek",
];

/// MySQL's functions that act out of sight.
const DANGEROUS: &[(&str, &str)] = &[
    ("load_file", "reads files of the server"),
    ("sys_eval", "runs a program of the server"),
    ("sys_exec", "runs a program of the server"),
    ("sys_get", "reads the server's environment"),
    ("sys_set", "changes the server's environment"),
];

/// MySQL's functions that read or change the state of session or server. What they are given can be told elsewhere.
const STATEFUL: &[&str] = &[
    "benchmark",
    "found_rows",
    "get_lock",
    "is_free_lock",
    "is_used_lock",
    "last_insert_id",
    "master_pos_wait",
    "release_all_locks",
    "release_lock",
    "row_count",
    "sleep",
    "source_pos_wait",
];

impl Walker {
    /// Writes down what a function does, and returns whether its value may come from anywhere.
    pub(super) fn act(&mut self, name: &ObjectName, arguments: &Flow) -> bool {
        let label = self.dotted(name).to_lowercase();
        let (schema, bare) = match label.rsplit_once('.') {
            Some((schema, bare)) => (Some(schema), bare),
            None => (None, label.as_str()),
        };
        let function = self.classify(schema, bare);
        let opaque = !self.found.call(label, function, arguments).is_empty();
        // No catalog says yet what such a function does.
        self.found.consume(&Flow { opaque, ..Flow::default() });
        opaque
    }

    fn classify(&self, schema: Option<&str>, name: &str) -> Function {
        if self.mysql {
            if let Some((_, reason)) = DANGEROUS.iter().find(|(known, _)| *known == name) {
                return Function::Dangerous(reason);
            }
            if schema.is_none() && HARMLESS.binary_search(&name).is_ok() {
                return Function::Harmless;
            }
            if schema.is_none() && STATEFUL.contains(&name) {
                return Function::Sink;
            }
        }
        classify(schema, name)
    }
}

#[cfg(test)]
mod tests {
    use super::HARMLESS;

    #[test]
    fn the_list_that_is_searched_is_sorted() {
        assert!(HARMLESS.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
