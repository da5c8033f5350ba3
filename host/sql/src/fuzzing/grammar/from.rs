//! Row sources: relations, named queries, subqueries, functions, joins of them.

use super::scope::{Column, Flow, Item, Kind, Scope};
use super::{DEEPEST, Maker, flow_of};

impl Maker<'_, '_> {
    /// The text of a `FROM` clause and what it brings.
    pub(super) fn from(&mut self, outer: &Scope<'_>) -> (String, Vec<Item>) {
        let (mut text, first) = self.source(outer, &[]);
        let mut items = vec![first];
        for _ in 0..self.choices.below(3) {
            if !self.burn() {
                break;
            }
            self.join(&mut text, &mut items, outer);
        }
        (text, items)
    }

    fn join(&mut self, text: &mut String, items: &mut Vec<Item>, outer: &Scope<'_>) {
        let (right, mut item) = self.source(outer, items);
        if items.iter().any(|known| known.name == item.name) {
            return;
        }
        let shared: Vec<String> = item
            .columns
            .iter()
            .filter(|column| {
                let same = |c: &&Column| c.name == column.name && c.kind == column.kind;
                items.iter().flat_map(|item| &item.columns).filter(same).count() == 1
            })
            .map(|column| column.name.clone())
            .collect();
        let lateral = right.contains("LATERAL ");
        match self.choices.below(6) {
            1 if !shared.is_empty() => {
                let kind = self.choices.one_of("JOIN", &["LEFT JOIN"]);
                text.push_str(&format!(" {kind} {right} USING ({})", shared.join(", ")));
                item.merged = shared;
            }
            2 if !shared.is_empty() => {
                text.push_str(&format!(" NATURAL JOIN {right}"));
                item.merged = shared;
            }
            3 => text.push_str(&format!(" CROSS JOIN {right}")),
            4 => text.push_str(&format!(", {right}")),
            _ => {
                let kind = self.choices.one_of("JOIN", &["LEFT JOIN", "JOIN"]);
                let kind = if !lateral && self.choices.one_in(4) { "FULL JOIN" } else { kind };
                let mut all = items.clone();
                all.push(item.clone());
                let condition = match kind {
                    "FULL JOIN" => "true".to_owned(),
                    _ => self.condition(&outer.inside(&all)),
                };
                text.push_str(&format!(" {kind} {right} ON {condition}"));
            }
        }
        items.push(item);
    }

    /// One row source. `siblings` are those before it, which a lateral one may use.
    fn source(&mut self, outer: &Scope<'_>, siblings: &[Item]) -> (String, Item) {
        let deep = self.depth > DEEPEST || !self.burn();
        match self.choices.below(10) {
            1 | 2 if !deep => self.derived(outer),
            3 if !deep && !siblings.is_empty() => {
                let (text, item) = self.derived(&outer.inside(siblings));
                (format!("LATERAL {text}"), item)
            }
            4 | 5 if !self.named.is_empty() => self.reference(),
            6 => self.function(&outer.inside(siblings)),
            _ => self.relation(),
        }
    }

    /// A new name for a row source; now and then one that was used elsewhere.
    fn alias(&mut self) -> String {
        if self.choices.one_in(4) { "t".to_owned() } else { self.fresh("a") }
    }

    fn relation(&mut self) -> (String, Item) {
        let table = self.tables.get(self.choices.below(self.tables.len())).copied();
        let (name, columns) = table.unwrap_or(("t", &[]));
        if let Some(named) = self.named.iter().rev().find(|named| named.name == name).cloned() {
            // A named query hides the relation; its schema brings that back.
            if self.choices.one_in(2) {
                return self.aliased(name.to_owned(), named.columns);
            }
            let columns = relation_columns(&format!("public.{name}"), columns);
            return self.aliased(format!("public.{name}"), columns);
        }
        let qualified = self.choices.one_in(4);
        let full = if qualified { format!("public.{name}") } else { name.to_owned() };
        let only = self.choices.one_of("", &["", "", "", "ONLY "]);
        let columns = relation_columns(&full, columns);
        self.aliased(format!("{only}{full}"), columns)
    }

    fn reference(&mut self) -> (String, Item) {
        let at = self.choices.below(self.named.len());
        let item = self.named.get(at).cloned();
        let Some(item) = item else { return self.relation() };
        // A later one of the same name hides an earlier one.
        let newest = self.named.iter().rev().find(|named| named.name == item.name).cloned();
        let item = newest.unwrap_or(item);
        self.aliased(item.name, item.columns)
    }

    fn aliased(&mut self, what: String, columns: Vec<Column>) -> (String, Item) {
        let alias = self.alias();
        let (list, columns) = self.renamed(columns);
        let word = self.choices.one_of("AS ", &[""]);
        (format!("{what} {word}{alias}{list}"), Item::of(alias, columns))
    }

    fn derived(&mut self, outer: &Scope<'_>) -> (String, Item) {
        let kinds = self.kinds();
        let query = self.query(Some(&kinds), outer);
        self.aliased(format!("({})", query.text), query.columns)
    }

    /// A function in the place of a relation.
    fn function(&mut self, scope: &Scope<'_>) -> (String, Item) {
        let (text, from) = self.expression(Kind::Text, scope);
        let rows = scope.visible();
        let row = rows.get(self.choices.below(rows.len()));
        let alias = self.alias();
        let texts = |names: &[&str], from: &Flow| -> Vec<Column> {
            let column = |name: &&str| Column {
                name: (*name).to_owned(),
                kind: Kind::Text,
                from: from.clone(),
            };
            names.iter().map(column).collect()
        };
        let one = |call: String, from: &Flow| {
            (format!("{call} AS {alias}(x)"), Item::of(alias.clone(), texts(&["x"], from)))
        };
        match (self.choices.below(10), row) {
            (1, _) => one(format!("unnest(ARRAY[{text}, 'e'])"), &from),
            (2, _) => one(format!("regexp_split_to_table({text}, '-')"), &from),
            (3, _) => one(format!("string_to_table({text}, '-')"), &from),
            (4, _) => one(format!("jsonb_array_elements_text(jsonb_build_array({text}))"), &from),
            (5, Some(row)) => {
                let call = format!("json_each_text(row_to_json({}))", row.name);
                let item = Item::of(alias.clone(), texts(&["k", "v"], &Flow::new()));
                let mut item = item;
                if let Some(value) = item.columns.last_mut() {
                    value.from = row.whole();
                }
                (format!("{call} AS {alias}(k, v)"), item)
            }
            (6, _) => {
                let mut columns = texts(&["x"], &from);
                columns.push(Column { name: "o".to_owned(), kind: Kind::Int, from: Flow::new() });
                let call = format!("unnest(ARRAY[{text}]) WITH ORDINALITY");
                (format!("{call} AS {alias}(x, o)"), Item::of(alias, columns))
            }
            (7, _) => {
                let call = format!("ROWS FROM (unnest(ARRAY[{text}]), generate_series(1, 2))");
                let mut columns = texts(&["x"], &from);
                columns.push(Column { name: "o".to_owned(), kind: Kind::Int, from: Flow::new() });
                (format!("{call} AS {alias}(x, o)"), Item::of(alias, columns))
            }
            (8, _) => {
                let call = format!("json_to_record(json_build_object('x', {text}))");
                (
                    format!("{call} AS {alias}(x text)"),
                    Item::of(alias.clone(), texts(&["x"], &from)),
                )
            }
            _ => {
                let column = Column { name: "o".to_owned(), kind: Kind::Int, from: Flow::new() };
                (format!("generate_series(1, 2) AS {alias}(o)"), Item::of(alias, vec![column]))
            }
        }
    }
}

fn relation_columns(relation: &str, columns: &[(&'static str, Kind)]) -> Vec<Column> {
    let relation = relation.trim_start_matches("public.");
    let column = |(name, kind): &(&'static str, Kind)| Column {
        name: (*name).to_owned(),
        kind: *kind,
        from: flow_of(relation, name),
    };
    columns.iter().map(column).collect()
}
