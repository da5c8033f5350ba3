//! Expressions: what they say, and what flows into them.

use super::scope::{Column, Flow, Item, Kind, Scope};
use super::{DEEPEST, DEEPEST_EXPRESSION, Maker};

/// A text and what flows into it.
pub(super) type Made = (String, Flow);

/// Functions of one text that keep what can be recognised.
const UNARY: [&str; 14] = [
    "upper({})",
    "lower({})",
    "reverse({})",
    "trim({})",
    "initcap({})",
    "quote_literal({})",
    "left({}, 12)",
    "right({}, 12)",
    "substr({}, 2)",
    "substring({} from 2 for 10)",
    "regexp_replace({}, '^.', '')",
    "({} COLLATE \"C\")",
    "repeat({}, 2)",
    "quote_ident({})",
];

/// Forms of one text that pass it through another type.
const CASTS: [&str; 14] = [
    "{}::varchar::text",
    "CAST({} AS text)",
    "(ARRAY[{}])::text",
    "(ARRAY['x', {}])[2]",
    "array_to_string(ARRAY[{}, 'x'], ',')",
    "ROW({}, 1)::text",
    "to_json({})::text",
    "(json_build_object('k', {}) ->> 'k')",
    "(jsonb_build_array({}) ->> 0)",
    "(to_jsonb({}) #>> '{}')",
    "encode(convert_to({}, 'UTF8'), 'hex')",
    "convert_from(convert_to({}, 'UTF8'), 'UTF8')",
    "split_part({} || '~', '~', 1)",
    "(string_to_array({}, '~'))[1]",
];

/// Forms of two texts.
const BINARY: [&str; 12] = [
    "({} || {})",
    "concat({}, {})",
    "concat_ws('-', {}, {})",
    "format('%s %s', {}, {})",
    "coalesce({}, {})",
    "nullif({}, {})",
    "greatest({}, {})",
    "least({}, {})",
    "replace({}, 'zz', {})",
    "overlay({} placing {} from 1 for 0)",
    "lpad({}, 40, {})",
    "jsonb_build_object({}, {})::text",
];

/// Functions over a window of rows.
const WINDOWS: [&str; 8] = [
    "first_value({}) OVER ({w})",
    "last_value({}) OVER ({w})",
    "lag({}) OVER ({w})",
    "lead({}, 1, 'none') OVER ({w})",
    "max({}) OVER ({w})",
    "string_agg({}, ',') OVER ({w})",
    "nth_value({}, 1) OVER ({w})",
    "(array_agg({}) OVER ({w}))[1]",
];

/// Aggregates of texts.
const AGGREGATES: [&str; 11] = [
    "max({})",
    "min({})",
    "string_agg({}, ',')",
    "string_agg(DISTINCT {}, ',')",
    "array_agg({})::text",
    "json_agg({})::text",
    "jsonb_object_agg('k', {})::text",
    "(array_agg({} ORDER BY 1))[1]",
    "max({}) FILTER (WHERE true)",
    "percentile_disc(0.5) WITHIN GROUP (ORDER BY {})",
    "mode() WITHIN GROUP (ORDER BY {})",
];

impl Maker<'_, '_> {
    /// An expression in a select list, where windows may stand.
    pub(super) fn outer_expression(&mut self, kind: Kind, scope: &Scope<'_>) -> Made {
        if kind == Kind::Int || !self.choices.one_in(8) {
            return self.expression(kind, scope);
        }
        let (text, from) = self.expression(Kind::Text, scope);
        let window = match self.choices.below(3) {
            1 => format!("PARTITION BY {}", self.expression(Kind::Text, scope).0),
            2 => format!("ORDER BY {} ROWS 1 PRECEDING", self.expression(Kind::Int, scope).0),
            _ => String::new(),
        };
        let form = self.choices.one_of("max({}) OVER ({w})", &WINDOWS);
        (form.replace("{}", &text).replace("{w}", &window), from)
    }

    pub(super) fn expression(&mut self, kind: Kind, scope: &Scope<'_>) -> Made {
        match kind {
            Kind::Int => self.number(scope),
            Kind::Text => self.text(scope),
        }
    }

    /// Whether an expression must have no more in it.
    fn is_leaf(&mut self) -> bool {
        !self.burn() || self.level > DEEPEST_EXPRESSION
    }

    /// An aggregate of the rows of a query.
    pub(super) fn aggregate(&mut self, kind: Kind, scope: &Scope<'_>) -> Made {
        match kind {
            Kind::Int => ("count(*)::int".to_owned(), Flow::new()),
            Kind::Text => {
                let (text, from) = self.expression(Kind::Text, scope);
                let form = self.choices.one_of("max({})", &AGGREGATES);
                (form.replace("{}", &text), from)
            }
        }
    }

    /// A condition; nothing flows from there.
    pub(super) fn condition(&mut self, scope: &Scope<'_>) -> String {
        let (left, _) = self.expression(Kind::Int, scope);
        match self.choices.below(6) {
            1 => format!("{left} >= 0"),
            2 => format!("{} IS NOT NULL", self.expression(Kind::Text, scope).0),
            3 if self.depth < DEEPEST && self.burn() => {
                format!("EXISTS ({})", self.query(Some(&[Kind::Int]), scope).text)
            }
            4 if self.depth < DEEPEST && self.burn() => {
                format!("{left} IN ({}) IS NOT NULL", self.query(Some(&[Kind::Int]), scope).text)
            }
            5 => format!("({left} > 1 OR true)"),
            _ => "true".to_owned(),
        }
    }

    fn number(&mut self, scope: &Scope<'_>) -> Made {
        let deep = self.is_leaf();
        self.level += 1;
        let made = match self.choices.below(8) {
            1 if !deep => {
                let (left, mut from) = self.number(scope);
                let (right, more) = self.number(scope);
                from.extend(more);
                (format!("({left} + {right})"), from)
            }
            2 if !deep => {
                let (text, from) = self.text(scope);
                (format!("length({text})"), from)
            }
            3 => ("7".to_owned(), Flow::new()),
            _ => self.column(Kind::Int, scope).unwrap_or_else(|| ("1".to_owned(), Flow::new())),
        };
        self.level -= 1;
        made
    }

    fn text(&mut self, scope: &Scope<'_>) -> Made {
        let leaf = self.is_leaf();
        self.level += 1;
        let made = match self.choices.below(14) {
            1 | 2 if !leaf => self.filled(&UNARY, scope),
            3 | 4 if !leaf => self.filled(&CASTS, scope),
            5 | 6 if !leaf => self.filled_twice(scope),
            7 if !leaf => self.case(scope),
            8 if !leaf && self.depth < DEEPEST => self.scalar(scope),
            9 => self.whole_row(scope),
            10 => {
                let (text, from) = self.number(scope);
                (format!("{text}::text"), from)
            }
            11 => ("'plain'".to_owned(), Flow::new()),
            _ => {
                let constant = ("'none'".to_owned(), Flow::new());
                self.column(Kind::Text, scope).unwrap_or(constant)
            }
        };
        self.level -= 1;
        made
    }

    fn filled(&mut self, forms: &[&'static str], scope: &Scope<'_>) -> Made {
        let form = self.choices.one_of("lower({})", forms);
        let (text, from) = self.text(scope);
        (form.replacen("{}", &text, 1), from)
    }

    fn filled_twice(&mut self, scope: &Scope<'_>) -> Made {
        let form = self.choices.one_of("({} || {})", &BINARY);
        let (left, mut from) = self.text(scope);
        let (right, more) = self.text(scope);
        from.extend(more);
        let mut parts = form.splitn(3, "{}");
        let mut part = || parts.next().unwrap_or_default();
        (format!("{}{left}{}{right}{}", part(), part(), part()), from)
    }

    fn case(&mut self, scope: &Scope<'_>) -> Made {
        let condition = self.condition(scope);
        let (left, mut from) = self.text(scope);
        let (right, more) = self.text(scope);
        from.extend(more);
        (format!("CASE WHEN {condition} THEN {left} ELSE {right} END"), from)
    }

    /// A subquery for one value.
    fn scalar(&mut self, scope: &Scope<'_>) -> Made {
        let query = self.query(Some(&[Kind::Text]), scope);
        let from = query.columns.into_iter().flat_map(|column| column.from).collect();
        match self.choices.below(3) {
            1 => (format!("(ARRAY({}))[1]", query.text), from),
            2 => (format!("(SELECT min(q.v) FROM ({}) q(v))", query.text), from),
            _ => (format!("(SELECT q.* FROM ({}) q LIMIT 1)", query.text), from),
        }
    }

    /// A row as one value.
    fn whole_row(&mut self, scope: &Scope<'_>) -> Made {
        let rows = scope.visible();
        let Some(row) = rows.get(self.choices.below(rows.len())) else {
            return ("'none'".to_owned(), Flow::new());
        };
        let form = self.choices.one_of(
            "{}::text",
            &[
                "to_json({})::text",
                "row_to_json({})::text",
                "to_jsonb({})::text",
                "ROW({}.*)::text",
                "({}.*)::text",
                "format('%s', {})",
                "ROW({}, 1)::text",
                "json_build_array({})::text",
                "(to_jsonb({}) - 'zz')::text",
            ],
        );
        (form.replace("{}", &row.name), row.whole())
    }

    /// A column that is visible here.
    fn column(&mut self, kind: Kind, scope: &Scope<'_>) -> Option<Made> {
        let visible = scope.visible();
        let own = scope.items().len();
        let is_own = own > 0 && !self.choices.one_in(4);
        let from: Vec<(&Item, &Column)> = visible
            .iter()
            .take(if is_own { own } else { visible.len() })
            .flat_map(|item| item.columns.iter().map(move |column| (*item, column)))
            .filter(|(_, column)| column.kind == kind)
            .collect();
        let (item, column) = *from.get(self.choices.below(from.len()))?;
        let alone = scope.stands_alone(item, &column.name) && self.choices.one_in(2);
        let text = match (alone, self.choices.below(8)) {
            (true, _) => column.name.clone(),
            (false, 1) => format!("({}).{}", item.name, column.name),
            (false, _) => format!("{}.{}", item.name, column.name),
        };
        Some((text, column.from.clone()))
    }
}
