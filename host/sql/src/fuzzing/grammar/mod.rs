//! Random SELECTs of which it is known, by the way they are made, which columns flow into which.
//!
//! Self-contained, so that a test against a real server can make the same texts.
//! What is known is a lower bound: these flow there; others may.

mod choices;
mod expressions;
mod from;
mod scope;

use std::collections::BTreeSet;

pub use choices::Choices;
pub use scope::{Column, Flow, Item, Kind};
use scope::{Scope, flow_of};

/// A relation as the texts may name it.
pub type Table = (&'static str, &'static [(&'static str, Kind)]);

/// A text, and what is known of its result.
#[derive(Clone, Debug)]
pub struct Query {
    /// The SELECT.
    pub text: String,
    /// The columns of its result in order.
    pub columns: Vec<Column>,
}

/// Makes one SELECT over these relations.
#[must_use]
pub fn select(choices: &mut Choices<'_>, tables: &[Table]) -> Query {
    let mut maker =
        Maker { choices, tables, fuel: 60, depth: 0, level: 0, names: 0, named: Vec::new() };
    maker.query(None, &Scope::default())
}

/// How deep queries may stand in queries.
const DEEPEST: usize = 5;
/// How deep expressions may stand in expressions.
const DEEPEST_EXPRESSION: usize = 7;

/// What a text is made with.
struct Maker<'c, 'b> {
    choices: &'c mut Choices<'b>,
    tables: &'c [Table],
    /// How many more parts the text may get.
    fuel: usize,
    depth: usize,
    /// How deep expressions stand in expressions.
    level: usize,
    /// How many names were given.
    names: usize,
    /// The queries that a `WITH` named and that are visible here.
    named: Vec<Item>,
}

impl Maker<'_, '_> {
    /// Takes some fuel; whether there was any.
    fn burn(&mut self) -> bool {
        self.fuel = self.fuel.saturating_sub(1);
        self.fuel > 0
    }

    fn fresh(&mut self, what: &str) -> String {
        self.names += 1;
        format!("{what}{}", self.names)
    }

    fn kinds(&mut self) -> Vec<Kind> {
        let width = 1 + self.choices.below(3);
        (0..width).map(|_| self.choices.one_of(Kind::Text, &[Kind::Text, Kind::Int])).collect()
    }

    /// A whole query; with these columns where the place asks for them.
    fn query(&mut self, kinds: Option<&[Kind]>, outer: &Scope<'_>) -> Query {
        self.depth += 1;
        let before = self.named.len();
        let with = if self.depth <= 3 && self.choices.one_in(4) {
            self.with(outer)
        } else {
            String::new()
        };
        let mut query = self.set_operation(kinds, outer);
        self.named.truncate(before);
        self.depth -= 1;
        if self.choices.one_in(6) {
            query.text.push_str(" ORDER BY 1");
        }
        if self.choices.one_in(10) {
            query.text.push_str(
                self.choices.one_of(" LIMIT 5", &[" OFFSET 0", " FETCH FIRST 3 ROWS ONLY"]),
            );
        }
        query.text.insert_str(0, &with);
        query
    }

    fn with(&mut self, outer: &Scope<'_>) -> String {
        let recursive = self.choices.one_in(2);
        let count = 1 + self.choices.below(2);
        let made: Vec<_> = (0..count)
            .map(|_| if recursive { self.recursive(outer) } else { self.common(outer) })
            .collect();
        format!("WITH {}{} ", if recursive { "RECURSIVE " } else { "" }, made.join(", "))
    }

    /// A query with a name; now and then the name of a relation, which it then hides.
    fn common(&mut self, outer: &Scope<'_>) -> String {
        let kinds = self.kinds();
        let query = self.query(Some(&kinds), outer);
        let hides = self.choices.one_in(4);
        let name = match self.tables.get(self.choices.below(self.tables.len())) {
            Some((table, _)) if hides => (*table).to_owned(),
            _ => self.fresh("w"),
        };
        let (list, columns) = self.renamed(query.columns);
        let how = self.choices.one_of("", &["MATERIALIZED ", "NOT MATERIALIZED "]);
        let text = format!("{name}{list} AS {how}({})", query.text);
        self.named.push(Item::of(name, columns));
        text
    }

    /// A query that refers to itself, at most three times over.
    fn recursive(&mut self, outer: &Scope<'_>) -> String {
        let name = self.fresh("r");
        let start = self.query(Some(&[Kind::Text, Kind::Text]), outer);
        let texts: Vec<_> = start.columns.into_iter().map(|column| column.from).collect();
        let column = |name: &str, kind, from: &Flow| Column {
            name: name.to_owned(),
            kind,
            from: from.clone(),
        };
        let (first, second) =
            (texts.first().cloned().unwrap_or_default(), texts.get(1).cloned().unwrap_or_default());
        let swaps = self.choices.one_in(2);
        let step = if swaps { "b, a || ''" } else { "a, b" };
        let all: Flow =
            if swaps { first.union(&second).cloned().collect() } else { BTreeSet::new() };
        let columns = vec![
            column("n", Kind::Int, &Flow::new()),
            column("a", Kind::Text, if swaps { &all } else { &first }),
            column("b", Kind::Text, if swaps { &all } else { &second }),
        ];
        let all = self.choices.one_of("ALL ", &[""]);
        let text = format!(
            "{name}(n, a, b) AS (SELECT 1, s.* FROM ({}) s(a, b) UNION {all}SELECT n + 1, {step} FROM {name} WHERE n < 3)",
            start.text
        );
        self.named.push(Item::of(name, columns));
        text
    }

    fn set_operation(&mut self, kinds: Option<&[Kind]>, outer: &Scope<'_>) -> Query {
        if !self.burn() || self.depth > DEEPEST || !self.choices.one_in(5) {
            return self.simple(kinds, outer);
        }
        let chosen = match kinds {
            Some(kinds) => kinds.to_vec(),
            None => self.kinds(),
        };
        let mut left = self.simple(Some(&chosen), outer);
        let operator =
            self.choices.one_of("UNION ALL", &["UNION", "INTERSECT", "EXCEPT", "EXCEPT ALL"]);
        let right = self.simple(Some(&chosen), outer);
        if operator.starts_with("UNION") {
            for (mine, theirs) in left.columns.iter_mut().zip(right.columns) {
                mine.from.extend(theirs.from);
            }
        }
        left.text = format!("({}) {operator} ({})", left.text, right.text);
        left
    }

    /// A `SELECT`, or `VALUES`.
    fn simple(&mut self, kinds: Option<&[Kind]>, outer: &Scope<'_>) -> Query {
        if self.choices.one_in(16) {
            return self.values(kinds, outer);
        }
        let (text, items) = self.from(outer);
        let scope = outer.inside(&items);
        let select = match (kinds, self.choices.below(8)) {
            (None, 0) => self.star(&items),
            (_, 1) => self.grouped(kinds, &scope),
            _ => self.plain(kinds, &scope),
        };
        let condition = if self.choices.one_in(3) {
            format!(" WHERE {}", self.condition(&scope))
        } else {
            String::new()
        };
        let (list, tail, columns) = select;
        Query { text: format!("SELECT {list} FROM {text}{condition}{tail}"), columns }
    }

    fn values(&mut self, kinds: Option<&[Kind]>, outer: &Scope<'_>) -> Query {
        let kinds = match kinds {
            Some(kinds) => kinds.to_vec(),
            None => self.kinds(),
        };
        let mut columns: Vec<Column> = Vec::new();
        let mut rows = Vec::new();
        for row in 0..=self.choices.below(2) {
            let cells: Vec<_> = kinds.iter().map(|kind| self.expression(*kind, outer)).collect();
            let texts: Vec<_> = cells.iter().map(|(text, _)| text.as_str()).collect();
            rows.push(format!("({})", texts.join(", ")));
            for (at, ((_, from), kind)) in cells.into_iter().zip(&kinds).enumerate() {
                match columns.get_mut(at).filter(|_| row > 0) {
                    Some(column) => column.from.extend(from),
                    None => columns.push(Column {
                        name: format!("column{}", at + 1),
                        kind: *kind,
                        from,
                    }),
                }
            }
        }
        Query { text: format!("VALUES {}", rows.join(", ")), columns }
    }

    /// All columns of everything, or of one row source.
    fn star(&mut self, items: &[Item]) -> Selected {
        let one = items.get(self.choices.below(items.len()));
        let merged = items.iter().any(|item| !item.merged.is_empty());
        if let Some(item) = one.filter(|_| merged || self.choices.one_in(2)) {
            return (format!("{}.*", item.name), String::new(), item.columns.clone());
        }
        let columns = items.iter().flat_map(|item| item.columns.clone()).collect();
        ("*".to_owned(), String::new(), columns)
    }

    fn plain(&mut self, kinds: Option<&[Kind]>, scope: &Scope<'_>) -> Selected {
        let chosen = match kinds {
            Some(kinds) => kinds.to_vec(),
            None => self.kinds(),
        };
        let mut list = Vec::new();
        let mut columns = Vec::new();
        for kind in chosen {
            let (text, from) = self.outer_expression(kind, scope);
            let name = self.fresh("c");
            list.push(format!("{text} {}{name}", self.choices.one_of("AS ", &[""])));
            columns.push(Column { name, kind, from });
        }
        let distinct = match self.choices.below(12) {
            1 => "DISTINCT ".to_owned(),
            2 => format!("DISTINCT ON ({}) ", self.expression(Kind::Int, scope).0),
            _ => String::new(),
        };
        (format!("{distinct}{}", list.join(", ")), String::new(), columns)
    }

    /// Groups, and aggregates of them.
    fn grouped(&mut self, kinds: Option<&[Kind]>, scope: &Scope<'_>) -> Selected {
        let chosen = match kinds {
            Some(kinds) => kinds.to_vec(),
            None => self.kinds(),
        };
        let key = self.expression(Kind::Text, scope);
        let mut list = Vec::new();
        let mut columns = Vec::new();
        let mut by_key = false;
        for kind in chosen {
            let takes_key = kind == Kind::Text && self.choices.one_in(3);
            by_key |= takes_key;
            let (text, from) = if takes_key { key.clone() } else { self.aggregate(kind, scope) };
            let name = self.fresh("g");
            list.push(format!("{text} AS {name}"));
            columns.push(Column { name, kind, from });
        }
        let mut tail = String::new();
        if by_key {
            tail = match self.choices.below(4) {
                1 => format!(" GROUP BY GROUPING SETS (({}), ())", key.0),
                2 => format!(" GROUP BY ROLLUP ({})", key.0),
                _ => format!(" GROUP BY {}", key.0),
            };
        }
        if self.choices.one_in(5) {
            tail.push_str(" HAVING count(*) >= 0");
        }
        (list.join(", "), tail, columns)
    }

    /// New names for some columns or none: the list, and the columns under these names.
    fn renamed(&mut self, mut columns: Vec<Column>) -> (String, Vec<Column>) {
        let count = self.choices.below(columns.len() + 1);
        let mut names = Vec::new();
        for column in columns.iter_mut().take(count) {
            column.name = self.fresh("n");
            names.push(column.name.clone());
        }
        let list = if names.is_empty() { String::new() } else { format!("({})", names.join(", ")) };
        (list, columns)
    }
}

/// A select list, what stands behind the conditions, and the columns.
type Selected = (String, String, Vec<Column>);
