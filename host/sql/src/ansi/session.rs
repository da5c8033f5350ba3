//! Statements about the session: settings, transactions, cursors, `SHOW`.

use super::Walker;
use super::statements::one_column;
use crate::lineage::Shape;
use crate::{Effect, Operation};
use sqlparser::ast::{
    CloseCursor, ContextModifier, DiscardObject, Expr, ObjectName, Set, ShowCreateObject,
    ShowStatementOptions, Statement, TransactionAccessMode, TransactionMode, Use, Value,
};

/// Modes of MySQL under which text is read as this crate reads it.
const PLAIN_SQL_MODES: &[&str] = &[
    "",
    "allow_invalid_dates",
    "error_for_division_by_zero",
    "no_auto_create_user",
    "no_auto_value_on_zero",
    "no_engine_substitution",
    "no_zero_date",
    "no_zero_in_date",
    "only_full_group_by",
    "strict_all_tables",
    "strict_trans_tables",
    "traditional",
];

impl Walker {
    /// A statement about the session, or one of the families after it.
    pub(super) fn session(&mut self, statement: &Statement) -> Shape {
        match statement {
            Statement::Set(set) => self.set(set),
            Statement::Use(target) => self.use_database(target),
            Statement::StartTransaction { modes, statements, exception, .. } => {
                self.strange_if(
                    !statements.is_empty() || exception.is_some(),
                    "a block of statements",
                );
                let operation = modes.iter().fold(Operation::other("begin", ""), with_mode);
                self.found.operate(operation);
                self.found.effects.push(Effect::Begin);
            }
            Statement::Commit { chain, modifier, .. } => {
                self.strange_if(modifier.is_some(), "this form of COMMIT");
                self.found.operate(Operation::other("commit", ""));
                self.found.effects.push(Effect::Commit { chain: *chain });
            }
            Statement::Rollback { chain, savepoint } => {
                let name = savepoint.as_ref().map(|name| self.ident(name));
                self.found.operate(Operation::other("rollback", name.clone().unwrap_or_default()));
                self.found.effects.push(match name {
                    Some(name) => Effect::RollbackTo { name },
                    None => Effect::Rollback { chain: *chain },
                });
            }
            Statement::Savepoint { name } => {
                let name = self.ident(name);
                self.found.operate(Operation::other("savepoint", name.clone()));
                self.found.effects.push(Effect::Savepoint { name });
            }
            Statement::ReleaseSavepoint { name } => {
                let name = self.ident(name);
                self.found.operate(Operation::other("release", name.clone()));
                self.found.effects.push(Effect::Release { name });
            }
            other => return self.cursor(other),
        }
        Shape::default()
    }

    /// Cursors and what is dropped of the session; then `SHOW`.
    fn cursor(&mut self, statement: &Statement) -> Shape {
        match statement {
            Statement::Discard { object_type } => {
                let what = match object_type {
                    DiscardObject::PLANS => "plans",
                    DiscardObject::SEQUENCES => "sequences",
                    DiscardObject::TEMP => "temp",
                    DiscardObject::ALL => "all",
                };
                self.found.operate(Operation::other("discard", what));
                self.found.effects.push(Effect::Discard { what });
            }
            Statement::Close { cursor } => {
                let name = match cursor {
                    CloseCursor::All => None,
                    CloseCursor::Specific { name } => Some(self.ident(name)),
                };
                self.found.operate(Operation::other("close", name.clone().unwrap_or_default()));
                self.found.effects.push(Effect::CloseCursor { name });
            }
            Statement::Fetch { name, into, .. } => {
                self.strange_if(into.is_some(), "FETCH INTO");
                let cursor = self.ident(name);
                self.found.operate(Operation::other("fetch", cursor.clone()));
                self.found.effects.push(Effect::Fetch { cursor });
                return self.unknown_result();
            }
            other => return self.show(other),
        }
        Shape::default()
    }

    fn use_database(&mut self, target: &Use) {
        let name = match target {
            Use::Object(name) | Use::Database(name) | Use::Schema(name) => self.dotted(name),
            _ => {
                self.strange("this form of USE");
                return;
            }
        };
        self.found.operate(Operation::other("use", name.clone()));
        let value = Some(name);
        self.found.effects.push(Effect::Set { name: "database".into(), value, local: false });
    }

    fn set(&mut self, set: &Set) {
        match set {
            Set::SingleAssignment { scope, hivevar, variable, values } => {
                self.strange_if(*hivevar, "HIVEVAR");
                self.assign(scope.as_ref(), variable, values);
            }
            Set::MultipleAssignments { assignments } => {
                for each in assignments {
                    self.assign(each.scope.as_ref(), &each.name, std::slice::from_ref(&each.value));
                }
            }
            Set::ParenthesizedAssignments { variables, values } => {
                for (variable, value) in variables.iter().zip(values) {
                    self.assign(None, variable, std::slice::from_ref(value));
                }
            }
            Set::SetNames { charset_name, .. } => {
                let value = self.ident(charset_name).to_lowercase();
                self.setting("names", Some(value), false);
            }
            Set::SetNamesDefault {} => self.setting("names", None, false),
            Set::SetTimeZone { local, value } => self.setting("timezone", plain(value), *local),
            Set::SetTransaction { modes, .. } => {
                let operation =
                    modes.iter().fold(Operation::other("set", "transaction"), with_mode);
                self.found.operate(operation);
                let name = "transaction".into();
                self.found.effects.push(Effect::Set { name, value: None, local: true });
            }
            Set::SetRole { role_name, .. } => {
                self.found.gap("SET ROLE changes who acts");
                let value = role_name.as_ref().map(|role| self.ident(role));
                self.setting("role", value, false);
            }
            Set::SetSessionAuthorization(_) => {
                self.found.gap("SET SESSION AUTHORIZATION changes who acts");
                self.setting("session_authorization", None, false);
            }
            Set::SetSessionParam(_) => {
                self.strange("this form of SET");
                self.setting("session", None, false);
            }
        }
    }

    fn assign(&mut self, scope: Option<&ContextModifier>, variable: &ObjectName, values: &[Expr]) {
        let name = self.dotted(variable).to_lowercase();
        let local = matches!(scope, Some(ContextModifier::Local)) && !self.mysql;
        let flow = self.all(values, &crate::lineage::Scope::root());
        let value = match values {
            [one] => plain(one),
            _ => None,
        };
        if name.starts_with('@') && !name.starts_with("@@") {
            self.strange_if(!flow.is_empty(), "a value kept in a variable");
        }
        let name = name.rsplit_once("@@").map_or(name.as_str(), |(_, name)| name).to_owned();
        let plain_name = ["session.", "global.", "local.", "persist.", "persist_only."]
            .iter()
            .find_map(|scope| name.strip_prefix(scope))
            .unwrap_or(&name)
            .to_owned();
        self.setting(&plain_name, value, local);
    }

    fn setting(&mut self, name: &str, value: Option<String>, local: bool) {
        self.check_setting(name, value.as_deref());
        let operation = Operation::other("set", name);
        self.found.operate(match &value {
            Some(value) => operation.fact("value", value.clone()),
            None => operation,
        });
        self.found.effects.push(Effect::Set { name: name.to_owned(), value, local });
    }

    /// A setting under which later text would be read otherwise is a gap.
    fn check_setting(&mut self, name: &str, value: Option<&str>) {
        let value = value.map(str::to_lowercase);
        let plain = match name {
            "sql_mode" => value.is_some_and(|modes| {
                modes.split(',').all(|mode| PLAIN_SQL_MODES.contains(&mode.trim()))
            }),
            "names"
            | "character_set_client"
            | "character_set_connection"
            | "client_encoding"
            | "charset" => {
                matches!(
                    value.as_deref(),
                    Some("utf8" | "utf8mb3" | "utf8mb4" | "utf-8" | "unicode")
                )
            }
            "standard_conforming_strings" => {
                matches!(value.as_deref(), Some("on" | "true" | "yes" | "1"))
            }
            "collation_connection" | "quoted_identifier" | "ansi_nulls" | "init_connect" => false,
            _ => true,
        };
        if !plain {
            self.found.gap(format!("SET {name} changes how text is read"));
        }
        if matches!(name, "role" | "session_authorization" | "default_role") {
            self.found.gap("SET ROLE changes who acts");
        }
    }

    /// `SHOW`: what the catalog and the server tell.
    fn show(&mut self, statement: &Statement) -> Shape {
        let what = match statement {
            Statement::ShowVariable { variable } => {
                let words: Vec<String> = variable.iter().map(|word| self.ident(word)).collect();
                let name = words.join(" ");
                let known = matches!(name.as_str(), "warnings" | "errors" | "engines" | "plugins");
                if !known && self.mysql {
                    // The parser takes any words after SHOW.
                    self.strange("this form of SHOW");
                }
                self.found.operate(Operation::other("show", name.clone()));
                return one_column(&name);
            }
            Statement::ShowCreate { obj_type, obj_name } => {
                let name = self.relation(obj_name);
                let is_table = matches!(obj_type, ShowCreateObject::Table | ShowCreateObject::View);
                self.found.operate(if is_table {
                    Operation::on("show", name).fact("what", "create")
                } else {
                    Operation::other("show", name.to_string()).fact("what", "create")
                });
                return self.plain_result();
            }
            Statement::ShowProcessList { .. } => {
                self.found.gap("SHOW PROCESSLIST shows other sessions' statements");
                "processlist"
            }
            Statement::ShowVariables { .. } => "variables",
            Statement::ShowStatus { .. } => "status",
            Statement::ShowColumns { show_options, .. } => self.show_in("columns", show_options),
            Statement::ShowTables { show_options, .. } => self.show_in("tables", show_options),
            Statement::ShowViews { show_options, .. } => self.show_in("views", show_options),
            Statement::ShowDatabases { .. } => "databases",
            Statement::ShowSchemas { .. } => "schemas",
            Statement::ShowFunctions { .. } => "functions",
            Statement::ShowCollation { .. } => "collation",
            Statement::ShowCharset(_) => "charset",
            other => return self.definition(other),
        };
        self.found.operate(Operation::other("show", what));
        self.plain_result()
    }
}

impl Walker {
    /// `SHOW … FROM name`: the name is that of a table where columns are shown, else of a database.
    fn show_in(&mut self, what: &'static str, options: &ShowStatementOptions) -> &'static str {
        let parent = options.show_in.as_ref().and_then(|show_in| show_in.parent_name.as_ref());
        if let Some(parent) = parent {
            let operation = if what == "columns" {
                Operation::on("show", self.relation(parent))
            } else {
                Operation::other("show", self.dotted(parent))
            };
            self.found.operate(operation.fact("what", what));
        }
        what
    }
}

fn with_mode(operation: Operation, mode: &TransactionMode) -> Operation {
    match mode {
        TransactionMode::AccessMode(TransactionAccessMode::ReadOnly) => {
            operation.fact("read_only", "1")
        }
        TransactionMode::AccessMode(TransactionAccessMode::ReadWrite) => {
            operation.fact("read_only", "0")
        }
        TransactionMode::IsolationLevel(level) => {
            operation.fact("isolation", level.to_string().to_lowercase())
        }
    }
}

/// The text of a plain value.
fn plain(value: &Expr) -> Option<String> {
    match value {
        Expr::Value(value) => match &value.value {
            Value::Number(text, _)
            | Value::SingleQuotedString(text)
            | Value::DoubleQuotedString(text) => Some(text.clone()),
            Value::Boolean(value) => Some(value.to_string()),
            _ => None,
        },
        Expr::Identifier(word) if !word.value.starts_with('@') => Some(word.value.clone()),
        _ => None,
    }
}
