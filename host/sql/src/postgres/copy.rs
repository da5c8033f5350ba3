//! `COPY`: rows to or from the client, a file or a program.

use super::statements::{is_on, option_value, options};
use super::{Walker, names};
use crate::copy::{CopyFormat, CopyOut, CopySource, Quoted};
use crate::lineage::{Flow, Item, Scope, Shape};
use crate::{Effect, Name, Object, Operation, Usage};
use pg_query::NodeEnum;
use pg_query::protobuf::{CopyStmt, DefElem};

impl Walker<'_> {
    /// `COPY`. Its rows are no result on the wire; the shape returned is that of the rows.
    pub(super) fn copy(&mut self, copy: &CopyStmt) -> Shape {
        if copy.is_program {
            self.found.gap("COPY runs a program of the server");
        } else if !copy.filename.is_empty() {
            self.found.gap("COPY reads or writes a file of the server");
        }
        if copy.is_from { self.copy_from(copy) } else { self.copy_to(copy) }
    }

    fn copy_from(&mut self, copy: &CopyStmt) -> Shape {
        let target = names::relation_of(copy.relation.as_ref());
        let fields = fields(copy);
        let operation = Operation::on("copy-from", target.clone()).fields(fields.clone());
        self.found.operate(with_place(operation, copy));
        let insert = Operation::on("insert", target.clone()).fields(fields);
        self.found.operate(insert.fact("via", "copy"));
        let mut scope = Scope::root();
        let rows = Shape::of(vec![crate::lineage::Piece::star(target.clone())]);
        scope.items.push(Item::named(target.name, rows));
        let before = self.found.use_for(Usage::Predicate);
        self.optional(copy.where_clause.as_deref(), &scope);
        self.found.usage = before;
        self.check_options(copy);
        if copy.filename.is_empty() && !copy.is_program {
            self.found.effects.push(Effect::CopyIn);
        }
        Shape::default()
    }

    fn copy_to(&mut self, copy: &CopyStmt) -> Shape {
        let (source, shape) = match copy.query.as_deref() {
            Some(query) => {
                let operation = Operation::new("copy-to", Object::Other(String::new()));
                self.found.operate(with_place(operation, copy));
                let first = self.found.operations.len();
                let shape = self.inner(Some(query));
                (CopySource::Query { reads: self.reads_since(first) }, shape)
            }
            None => {
                let name = names::relation_of(copy.relation.as_ref());
                let operation = Operation::on("copy-to", name.clone()).fields(fields(copy));
                self.found.operate(with_place(operation, copy));
                let columns = names::strings(&copy.attlist);
                (CopySource::Relation { name: name.clone(), columns }, self.copied(copy, &name))
            }
        };
        self.found.consume(&shape.whole());
        let mut out = copy_out(copy, source);
        out.is_known = self.check_options(copy);
        if copy.filename.is_empty() && !copy.is_program {
            self.found.effects.push(Effect::CopyOut(Box::new(out)));
            return shape;
        }
        Shape::default()
    }

    /// The rows of a copied relation.
    fn copied(&mut self, copy: &CopyStmt, name: &Name) -> Shape {
        let mut scope = Scope::root();
        let base = self.base(name);
        scope.items.push(Item::named(name.name.clone(), base));
        if copy.attlist.is_empty() {
            let (level, items) = scope.star_of(None, None);
            for item in items {
                self.found.refer(&item.whole_row(level));
            }
            return scope.items.pop().map(|item| item.shape).unwrap_or_default();
        }
        let columns = names::strings(&copy.attlist).into_iter().map(|column| {
            let flow = Flow::of(name, &column);
            for source in &flow.sources {
                self.found.read(source);
            }
            crate::lineage::Piece::column(column, flow)
        });
        Shape::of(columns.collect())
    }

    fn reads_since(&self, first: usize) -> Vec<Name> {
        let reads = self
            .found
            .operations
            .iter()
            .skip(first)
            .filter(|operation| operation.action == "select");
        let names = reads.filter_map(|operation| match &operation.object {
            Object::Relation(name) => Some(name.clone()),
            Object::Other(_) => None,
        });
        names.collect()
    }

    /// What of its options is not read as the server reads it is a gap. Gives whether there is none.
    fn check_options(&mut self, copy: &CopyStmt) -> bool {
        let gaps = options(&copy.options).filter_map(|option| check_option(option).err());
        gaps.map(|gap| self.found.gap(gap)).count() == 0
    }
}

/// A server takes more for an option's value than it is written for (numbers, an asterisk, lists), each as some text.
///
/// # Errors
/// What is not known of an option.
fn check_option(option: &DefElem) -> Result<(), &'static str> {
    let value = option.arg.as_deref().and_then(|node| node.node.as_ref());
    let known = match (option.defname.as_str(), value) {
        ("format", Some(NodeEnum::String(value))) => {
            matches!(value.sval.as_str(), "text" | "csv" | "binary")
        }
        ("header", None | Some(NodeEnum::Boolean(_))) => true,
        ("header", Some(NodeEnum::Integer(value))) => matches!(value.ival, 0 | 1),
        ("header", Some(NodeEnum::String(_))) => {
            let value = option_value(option);
            matches!(value.as_deref(), Some("true" | "false" | "on" | "off" | "match"))
        }
        ("delimiter" | "null" | "default" | "quote" | "escape", Some(NodeEnum::String(_)))
        | ("force_quote", Some(NodeEnum::AStar(_) | NodeEnum::List(_)))
        | (
            "freeze"
            | "force_not_null"
            | "force_null"
            | "on_error"
            | "reject_limit"
            | "log_verbosity"
            | "convert_selectively",
            _,
        ) => true,
        ("encoding", Some(NodeEnum::String(value))) => {
            let plain: String = value.sval.chars().filter(char::is_ascii_alphanumeric).collect();
            if !matches!(plain.to_ascii_lowercase().as_str(), "utf8" | "unicode") {
                return Err("COPY in another encoding than UTF-8");
            }
            true
        }
        (
            "format" | "header" | "delimiter" | "null" | "default" | "quote" | "escape"
            | "force_quote" | "encoding",
            _,
        ) => false,
        _ => return Err("COPY has an option that is not known"),
    };
    if known { Ok(()) } else { Err("COPY has an option whose value is not a plain one") }
}

fn fields(copy: &CopyStmt) -> Vec<String> {
    let columns = names::strings(&copy.attlist);
    if columns.is_empty() { vec!["*".into()] } else { columns }
}

fn with_place(operation: Operation, copy: &CopyStmt) -> Operation {
    let place = match (copy.is_program, copy.filename.is_empty()) {
        (true, _) => "program",
        (false, true) => "client",
        (false, false) => "file",
    };
    operation.fact("place", place)
}

fn copy_out(copy: &CopyStmt, source: CopySource) -> CopyOut {
    let format = options(&copy.options).filter(|option| option.defname == "format").last();
    let format = match format.and_then(option_value).as_deref() {
        Some("csv") => CopyFormat::Csv,
        Some("binary") => CopyFormat::Binary,
        _ => CopyFormat::Text,
    };
    let mut out = CopyOut::new(source, format);
    out.header = is_on(&copy.options, "header");
    for option in options(&copy.options) {
        match option.defname.as_str() {
            "delimiter" => assign(&mut out.delimiter, option),
            "null" => assign(&mut out.null, option),
            "quote" => assign(&mut out.quote, option),
            "force_quote" => out.force_quote = quoted(option),
            _ => {}
        }
    }
    // Unless said otherwise, a quote is escaped by itself.
    out.escape.clone_from(&out.quote);
    for option in options(&copy.options).filter(|option| option.defname == "escape") {
        assign(&mut out.escape, option);
    }
    out
}

/// Sets a text as it is written: case and blanks count.
fn assign(value: &mut String, option: &DefElem) {
    if let Some(text) = option.arg.as_deref().and_then(names::string) {
        text.clone_into(value);
    }
}

fn quoted(option: &DefElem) -> Quoted {
    match option.arg.as_deref().and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::AStar(_)) => Quoted::All,
        Some(NodeEnum::List(list)) => Quoted::Columns(names::strings(&list.items)),
        _ => Quoted::None,
    }
}
