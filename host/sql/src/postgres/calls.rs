//! Function calls, and the expressions of SQL/JSON, which are calls in another spelling.

use super::comparisons::is_column;
use super::constants::Constants;
use super::{Walker, names};
use crate::functions::{Function, classify, makes_rows};
use crate::lineage::{Flow, Scope};
use crate::{Effect, Name, Operation, Source, Usage};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    FuncCall, JsonAggConstructor, JsonBehavior, JsonFuncExpr, JsonKeyValue, JsonValueExpr, Node,
};

/// What the nodes of SQL/JSON are called where they are written like functions.
const WORDS: [&str; 11] = [
    "json",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_table",
    "json_value",
];

impl Walker<'_> {
    /// A function call: its arguments flow into its value, and it may do more than that.
    pub(super) fn call(&mut self, call: &FuncCall, scope: &Scope<'_>) -> Flow {
        let mut flow = self.arguments(call, scope);
        let before = self.found.use_for(Usage::Sort);
        flow.absorb(&self.all(&call.agg_order, scope));
        self.found.usage = Some(Usage::Predicate);
        flow.absorb(&self.optional(call.agg_filter.as_deref(), scope));
        self.found.usage = before;
        if let Some(window) = call.over.as_deref() {
            flow.absorb(&self.window(window, scope));
        }
        if names::qualified(&call.funcname).name == "system_user" && call.args.is_empty() {
            // A word of the grammar since PostgreSQL 16, and before that the name of a column.
            let column = scope.resolve("system_user");
            self.found.refer(&column);
            flow.absorb(&column.flow);
        }
        if !self.sets(call, &flow) {
            let given = self.act(&call.funcname, &flow);
            flow.absorb(&given);
        }
        self.large_object(call, &mut flow);
        self.sequence(call);
        flow.derive()
    }

    /// The arguments of a call.
    fn arguments(&mut self, call: &FuncCall, scope: &Scope<'_>) -> Flow {
        let function = names::qualified(&call.funcname);
        let (usage, idle) = (self.found.usage, self.found.idle);
        if makes_rows(&function.name) {
            // How many rows there are is seen, whatever is in them.
            self.found.usage =
                Some(usage.filter(|u| *u != Usage::Expression).unwrap_or(Usage::Predicate));
        }
        // Its argument is evaluated, and only its type shown.
        let built_in = function.schema.is_none_or(|schema| schema == "pg_catalog");
        let types_only = built_in && function.name == "pg_typeof";
        self.found.idle |= types_only && call.args.iter().all(is_column);
        let flow = self.all(&call.args, scope);
        (self.found.usage, self.found.idle) = (usage, idle);
        if types_only { Flow::constant() } else { flow }
    }

    /// `set_config('setting', value, local)`: a SET in another spelling, where the setting is written out.
    fn sets(&mut self, call: &FuncCall, flow: &Flow) -> bool {
        let function = names::qualified(&call.funcname);
        let built_in = function.schema.is_none_or(|schema| schema == "pg_catalog");
        let [setting, value, local] = call.args.as_slice() else { return false };
        if !built_in || function.name != "set_config" {
            return false;
        }
        let of = |node| super::session::given(node, &self.constants);
        let Some(setting) = of(setting) else { return false };
        let name = setting.to_ascii_lowercase();
        let value = of(value);
        let local = of(local).is_none_or(|local| local != "false");
        self.check_setting(&name, value.as_deref());
        if !flow.sources.is_empty() {
            self.found.reserve("function set_config takes column values out of sight");
        }
        let operation = Operation::other("set", name.clone()).fact("via", "set_config");
        self.found.operate(match &value {
            Some(value) => operation.fact("value", value.clone()),
            None => operation,
        });
        self.found.effects.push(Effect::Set { name, value, local });
        self.found.calls.insert("set_config".to_owned());
        true
    }

    /// Writes down what the function does, and returns what its value may hold besides its arguments.
    fn act(&mut self, name: &[Node], arguments: &Flow) -> Flow {
        let known = names::qualified(name);
        let label = names::dotted(name);
        let function = classify(known.schema.as_deref(), &known.name);
        let trusted = self.trusted.contains(known.schema.as_deref(), &known.name);
        if function == Function::Unknown && trusted {
            return Flow::default();
        }
        self.found.call(label, function, arguments)
    }

    /// What a function does to a large object; what that holds comes from the server's own table.
    fn large_object(&mut self, call: &FuncCall, flow: &mut Flow) {
        let function = names::qualified(&call.funcname);
        if function.schema.as_deref().is_some_and(|schema| schema != "pg_catalog") {
            return;
        }
        let action = match function.name.as_str() {
            "lo_get" | "loread" => {
                let table =
                    Name { schema: Some("pg_catalog".into()), name: "pg_largeobject".into() };
                let source = Source::new(&table, "data");
                self.found.read(&source);
                let held = Flow { sources: [source].into(), ..Flow::default() };
                self.found.consume(&held);
                return flow.absorb(&held);
            }
            "lo_unlink" => "drop",
            "lo_truncate" | "lo_truncate64" => "truncate",
            "lo_put" | "lowrite" => "update",
            _ => return,
        };
        let operation = Operation::other(action, "large object").fact("kind", "large-object");
        self.found.operate(operation.fact("where", "present"));
    }

    /// `nextval('sequence')` and its kin read a sequence, or write its one row.
    fn sequence(&mut self, call: &FuncCall) {
        let function = names::qualified(&call.funcname);
        if function.schema.is_some_and(|schema| schema != "pg_catalog") {
            return;
        }
        let via = match function.name.as_str() {
            "currval" => {
                if let Some(sequence) =
                    call.args.first().and_then(|name| names::written(name, &self.constants))
                {
                    self.found.touch(&sequence);
                }
                return;
            }
            "nextval" => "nextval",
            "setval" => "setval",
            _ => return,
        };
        // Of a name that is put together it is not known which sequence it is.
        let first = call.args.first();
        let sequence = first.and_then(|name| sequence_of(name, &self.constants));
        let unknown = || Name { schema: None, name: "?".to_owned() };
        let operation = Operation::on("update", sequence.unwrap_or_else(unknown));
        self.found.operate(operation.fact("via", via).fact("where", "present"));
    }

    /// `TABLESAMPLE method`: a function too.
    pub(super) fn sampling(&mut self, method: &[Node]) {
        let name = names::qualified(method).name;
        if !matches!(name.as_str(), "bernoulli" | "system") {
            self.act(method, &Flow::default());
        }
    }

    /// The nodes of SQL/JSON.
    pub(super) fn json(&mut self, node: &NodeEnum, scope: &Scope<'_>) -> Flow {
        // Words of the grammar since PostgreSQL 16 to 18; before that, the names of somebody's functions.
        self.found.calls.extend(WORDS.map(str::to_owned));
        let flow = match node {
            NodeEnum::JsonValueExpr(value) => self.json_value(Some(value), scope),
            NodeEnum::JsonFuncExpr(function) => self.json_function(function, scope),
            NodeEnum::JsonObjectConstructor(object) => self.all(&object.exprs, scope),
            NodeEnum::JsonArrayConstructor(array) => self.all(&array.exprs, scope),
            NodeEnum::JsonArrayQueryConstructor(array) => {
                self.json_query(array.query.as_deref(), scope)
            }
            NodeEnum::JsonKeyValue(pair) => self.json_pair(pair, scope),
            NodeEnum::JsonArgument(argument) => self.json_value(argument.val.as_deref(), scope),
            NodeEnum::JsonParseExpr(parse) => self.json_value(parse.expr.as_deref(), scope),
            NodeEnum::JsonScalarExpr(scalar) => self.optional(scalar.expr.as_deref(), scope),
            NodeEnum::JsonSerializeExpr(value) => self.json_value(value.expr.as_deref(), scope),
            NodeEnum::JsonObjectAgg(object) => {
                let mut flow = self.json_aggregate(object.constructor.as_deref(), scope);
                if let Some(pair) = object.arg.as_deref() {
                    flow.absorb(&self.json_pair(pair, scope));
                }
                flow
            }
            NodeEnum::JsonArrayAgg(array) => {
                let mut flow = self.json_aggregate(array.constructor.as_deref(), scope);
                flow.absorb(&self.json_value(array.arg.as_deref(), scope));
                flow
            }
            NodeEnum::JsonTablePathSpec(path) => self.optional(path.string.as_deref(), scope),
            _ => self.unknown_expression(),
        };
        flow.derive()
    }

    /// A JSON value: `expression FORMAT JSON`.
    pub(super) fn json_value(&mut self, value: Option<&JsonValueExpr>, scope: &Scope<'_>) -> Flow {
        self.optional(value.and_then(|value| value.raw_expr.as_deref()), scope)
    }

    /// `DEFAULT expression ON EMPTY` and its kin.
    pub(super) fn json_behavior(&mut self, of: Option<&JsonBehavior>, scope: &Scope<'_>) -> Flow {
        self.optional(of.and_then(|behavior| behavior.expr.as_deref()), scope)
    }

    fn json_pair(&mut self, pair: &JsonKeyValue, scope: &Scope<'_>) -> Flow {
        let mut flow = self.optional(pair.key.as_deref(), scope);
        flow.absorb(&self.json_value(pair.value.as_deref(), scope));
        flow
    }

    fn json_function(&mut self, function: &JsonFuncExpr, scope: &Scope<'_>) -> Flow {
        let mut flow = self.json_value(function.context_item.as_deref(), scope);
        flow.absorb(&self.optional(function.pathspec.as_deref(), scope));
        flow.absorb(&self.all(&function.passing, scope));
        flow.absorb(&self.json_behavior(function.on_empty.as_deref(), scope));
        flow.absorb(&self.json_behavior(function.on_error.as_deref(), scope));
        flow
    }

    fn json_query(&mut self, query: Option<&Node>, scope: &Scope<'_>) -> Flow {
        self.found.open_boundary(scope.level);
        let shape = match query.and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::SelectStmt(select)) => self.select(select, scope, true),
            _ => self.unreadable(),
        };
        let mut flow = self.found.close_boundary();
        flow.absorb(&shape.whole());
        flow
    }

    fn json_aggregate(&mut self, of: Option<&JsonAggConstructor>, scope: &Scope<'_>) -> Flow {
        let Some(aggregate) = of else { return Flow::constant() };
        let mut flow = self.all(&aggregate.agg_order, scope);
        let before = self.found.use_for(Usage::Predicate);
        flow.absorb(&self.optional(aggregate.agg_filter.as_deref(), scope));
        self.found.usage = before;
        if let Some(window) = aggregate.over.as_deref() {
            flow.absorb(&self.window(window, scope));
        }
        flow
    }
}

/// The sequence that an argument names; of `pg_get_serial_sequence('table', 'column')` the table stands for it.
fn sequence_of(argument: &Node, constants: &Constants) -> Option<Name> {
    match argument.node.as_ref()? {
        NodeEnum::FuncCall(call) => {
            let function = names::qualified(&call.funcname);
            let own = function.schema.is_none_or(|schema| schema == "pg_catalog");
            let tells = own && function.name == "pg_get_serial_sequence";
            call.args.first().filter(|_| tells).and_then(|table| names::written(table, constants))
        }
        _ => names::written(argument, constants),
    }
}
