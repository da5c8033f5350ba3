//! Expressions: which columns a value may come from. Each kind of node is either walked whole or a gap.

use super::{Walker, comparisons, names};
use crate::functions::{Function, classify};
use crate::lineage::{Flow, Resolved, Scope};
use crate::{How, Operation, Usage};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AExpr, AIndirection, CaseExpr, ColumnRef, Node, SubLink, SubLinkType, TypeCast, WindowDef,
    XmlExpr,
};

impl Walker<'_> {
    /// The flow of an expression. Whatever is more than a column is a use of those in it, wherever it stands: to compute
    /// may fail, and that is seen.
    pub(super) fn expression(&mut self, node: &Node, scope: &Scope<'_>) -> Flow {
        let usage = self.found.usage;
        if !comparisons::is_column(node) {
            self.found.usage = usage.or(Some(Usage::Expression));
        }
        let flow = if self.found.enter() {
            match node.node.as_ref() {
                Some(inner) => self.kind(inner, scope),
                None => self.unreadable().whole(),
            }
        } else {
            Flow::unknown()
        };
        self.found.leave();
        self.found.usage = usage;
        flow
    }

    /// The flow of an expression that may be left out.
    pub(super) fn optional(&mut self, node: Option<&Node>, scope: &Scope<'_>) -> Flow {
        node.map_or_else(Flow::constant, |node| self.expression(node, scope))
    }

    /// The flow of several expressions together.
    pub(super) fn all(&mut self, nodes: &[Node], scope: &Scope<'_>) -> Flow {
        let mut flow = Flow::constant();
        for node in nodes {
            flow.absorb(&self.expression(node, scope));
        }
        flow
    }

    /// Leaves and the operators between them; the rest below.
    fn kind(&mut self, node: &NodeEnum, scope: &Scope<'_>) -> Flow {
        match node {
            NodeEnum::ColumnRef(reference) => self.column(reference, scope),
            NodeEnum::AConst(_)
            | NodeEnum::ParamRef(_)
            | NodeEnum::SqlvalueFunction(_)
            | NodeEnum::SetToDefault(_)
            | NodeEnum::CurrentOfExpr(_)
            | NodeEnum::TypeName(_)
            | NodeEnum::String(_)
            | NodeEnum::Integer(_)
            | NodeEnum::Float(_)
            | NodeEnum::Boolean(_)
            | NodeEnum::BitString(_)
            | NodeEnum::AStar(_) => Flow::constant(),
            NodeEnum::MergeSupportFunc(_) => {
                self.found.calls.insert("merge_action".to_owned());
                Flow::constant()
            }
            NodeEnum::AExpr(expression) => self.operator(expression, scope),
            NodeEnum::BoolExpr(expression) => self.all(&expression.args, scope),
            NodeEnum::FuncCall(call) => self.call(call, scope),
            NodeEnum::SubLink(link) => self.sublink(link, scope),
            NodeEnum::CaseExpr(case) => self.case(case, scope),
            NodeEnum::List(list) => self.all(&list.items, scope),
            NodeEnum::RowExpr(row) => self.all(&row.args, scope),
            NodeEnum::AArrayExpr(array) => self.all(&array.elements, scope),
            NodeEnum::CoalesceExpr(coalesce) => self.all(&coalesce.args, scope),
            NodeEnum::MinMaxExpr(extreme) => self.comparing(&extreme.args, scope),
            NodeEnum::GroupingFunc(grouping) => self.all(&grouping.args, scope),
            NodeEnum::GroupingSet(set) => self.all(&set.content, scope),
            NodeEnum::AIndirection(indirection) => self.indirection(indirection, scope),
            other => self.one_argument(other, scope),
        }
    }

    /// Nodes around one expression.
    fn one_argument(&mut self, node: &NodeEnum, scope: &Scope<'_>) -> Flow {
        let argument = match node {
            NodeEnum::TypeCast(cast) => return self.cast(cast, scope),
            NodeEnum::CollateClause(collate) => collate.arg.as_deref(),
            NodeEnum::NullTest(test) => return self.null_test(test.arg.as_deref(), scope),
            NodeEnum::BooleanTest(test) => test.arg.as_deref(),
            NodeEnum::NamedArgExpr(argument) => argument.arg.as_deref(),
            NodeEnum::ResTarget(target) => target.val.as_deref(),
            NodeEnum::MultiAssignRef(part) => part.source.as_deref(),
            NodeEnum::XmlSerialize(xml) => xml.expr.as_deref(),
            NodeEnum::JsonIsPredicate(test) => test.expr.as_deref(),
            other => return self.several_arguments(other, scope),
        };
        self.optional(argument, scope).derive()
    }

    /// Nodes with parts of several kinds, and what is none of all these.
    fn several_arguments(&mut self, node: &NodeEnum, scope: &Scope<'_>) -> Flow {
        match node {
            NodeEnum::XmlExpr(xml) => self.xml(xml, scope),
            NodeEnum::WindowDef(window) => self.window(window, scope),
            NodeEnum::SortBy(sort) => {
                self.check_operator(&sort.use_op);
                self.optional(sort.node.as_deref(), scope)
            }
            NodeEnum::AIndices(indices) => {
                let mut flow = self.optional(indices.lidx.as_deref(), scope);
                flow.absorb(&self.optional(indices.uidx.as_deref(), scope));
                flow
            }
            NodeEnum::CaseWhen(when) => {
                let before = self.found.use_for(comparing(self.found.usage));
                let mut flow = self.optional(when.expr.as_deref(), scope);
                self.found.usage = before;
                flow.absorb(&self.optional(when.result.as_deref(), scope));
                flow
            }
            NodeEnum::IndexElem(part) => self.named_part(&part.name, part.expr.as_deref(), scope),
            NodeEnum::StatsElem(part) => self.named_part(&part.name, part.expr.as_deref(), scope),
            NodeEnum::PartitionElem(part) => {
                self.named_part(&part.name, part.expr.as_deref(), scope)
            }
            other => self.json(other, scope),
        }
    }

    /// A column by its name, or an expression.
    fn named_part(&mut self, name: &str, expression: Option<&Node>, scope: &Scope<'_>) -> Flow {
        if name.is_empty() {
            return self.optional(expression, scope);
        }
        let found = scope.resolve(name);
        self.found.refer(&found);
        found.flow
    }

    /// A kind of expression that has no place here.
    pub(super) fn unknown_expression(&mut self) -> Flow {
        self.found.gap("the statement has an expression of an unknown kind");
        Flow::unknown()
    }

    fn column(&mut self, reference: &ColumnRef, scope: &Scope<'_>) -> Flow {
        let found = lookup(reference, scope);
        let how = self.found.how;
        if found.computed {
            // Whether that is NULL, or equals something, was asked where it was computed.
            self.found.how = How::Other;
        }
        self.found.refer(&found);
        self.found.how = how;
        if let [.., _, last] = names::strings(&reference.fields).as_slice()
            && !found.flow.sources.iter().any(|source| source.column == *last)
        {
            self.attribute(last);
        }
        found.flow
    }

    /// A value's attribute, which may be a function of it: `('x'::text).f` is `f('x')`.
    fn attribute(&mut self, name: &str) {
        match classify(None, name) {
            Function::Harmless | Function::Drawing | Function::Unknown => {}
            Function::Stateful | Function::Sink | Function::Dangerous(_) => {
                self.found.gap(format!("function {name} is called in the guise of an attribute"));
            }
        }
        self.found.calls.insert(name.to_owned());
    }

    fn operator(&mut self, expression: &AExpr, scope: &Scope<'_>) -> Flow {
        self.check_operator(&expression.name);
        for operator in comparisons::implied(expression.kind()) {
            self.found.operator(operator);
        }
        let (usage, how) = (self.found.usage, self.found.how);
        if comparisons::compares(expression) {
            self.found.usage = Some(comparing(usage));
            self.found.how = comparisons::how(expression);
            self.found.guesses += comparisons::guesses(expression, self.found.how);
        }
        let mut flow = self.optional(expression.lexpr.as_deref(), scope);
        flow.absorb(&self.optional(expression.rexpr.as_deref(), scope));
        (self.found.usage, self.found.how) = (usage, how);
        flow.derive()
    }

    /// Expressions that are compared with each other, or decide over something.
    fn comparing(&mut self, nodes: &[Node], scope: &Scope<'_>) -> Flow {
        let before = self.found.use_for(comparing(self.found.usage));
        let flow = self.all(nodes, scope);
        self.found.usage = before;
        flow
    }

    fn null_test(&mut self, tested: Option<&Node>, scope: &Scope<'_>) -> Flow {
        let (usage, how) = (self.found.usage, self.found.how);
        self.found.usage = Some(comparing(usage));
        if tested.is_some_and(|node| matches!(node.node, Some(NodeEnum::ColumnRef(_)))) {
            self.found.how = How::NullTest;
        }
        let flow = self.optional(tested, scope);
        (self.found.usage, self.found.how) = (usage, how);
        flow.derive()
    }

    /// A cast to a type that somebody made runs what that type checks.
    fn cast(&mut self, cast: &TypeCast, scope: &Scope<'_>) -> Flow {
        let flow = self.optional(cast.arg.as_deref(), scope);
        if let Some(to) = &cast.type_name {
            self.found.casts.insert(names::type_name(to));
        }
        let to = cast.type_name.as_ref().filter(|_| !flow.sources.is_empty());
        if let Some(to) = to.filter(|to| !comparisons::is_built_in(&names::qualified(&to.names))) {
            let reason = format!("a cast to {} runs what is not seen", names::dotted(&to.names));
            self.found.reserve(reason);
        }
        flow.derive()
    }

    /// An operator of another schema than the built-in ones runs a function that somebody else defined.
    pub(super) fn check_operator(&mut self, name: &[Node]) {
        let name_of = names::qualified(name);
        self.found.operator(&name_of.name);
        if name_of.schema.as_deref().is_some_and(|schema| schema != "pg_catalog") {
            self.found.reserve("it uses an operator that is not known to be harmless");
            let operation = Operation::other("call", format!("operator {}", names::dotted(name)));
            self.found.operate(operation.fact("function", "unknown"));
        }
    }

    fn sublink(&mut self, link: &SubLink, scope: &Scope<'_>) -> Flow {
        self.check_operator(&link.oper_name);
        if link.oper_name.is_empty() {
            self.found.operator("=");
        }
        let kind = link.sub_link_type();
        let before = self.found.usage;
        if !matches!(kind, SubLinkType::ExprSublink | SubLinkType::ArraySublink) {
            self.found.usage = Some(comparing(before));
        }
        let mut flow = match link.testexpr.as_deref() {
            Some(test) => self.expression(test, scope).derive(),
            None => Flow::default(),
        };
        self.only_rows = kind == SubLinkType::ExistsSublink;
        self.found.open_boundary(scope.level);
        let shape = match link.subselect.as_deref().and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::SelectStmt(select)) => self.select(select, scope, true),
            _ => self.unreadable(),
        };
        self.only_rows = false;
        self.found.usage = before;
        // What decides over the rows of the subquery and comes from the row around it decides over the value.
        let correlated = self.found.close_boundary();
        if !correlated.is_empty() {
            flow.absorb(&correlated.derive());
        }
        if kind != SubLinkType::ExistsSublink {
            flow.absorb(&shape.whole());
        }
        if kind == SubLinkType::ExprSublink { flow } else { flow.derive() }
    }

    /// The conditions decide over the value as much as the results do.
    fn case(&mut self, case: &CaseExpr, scope: &Scope<'_>) -> Flow {
        let before = self.found.use_for(comparing(self.found.usage));
        let mut flow = self.optional(case.arg.as_deref(), scope);
        if case.arg.is_some() {
            self.found.operator("=");
        }
        self.found.usage = before;
        flow.absorb(&self.all(&case.args, scope));
        flow.absorb(&self.optional(case.defresult.as_deref(), scope));
        flow.derive()
    }

    pub(super) fn indirection(&mut self, indirection: &AIndirection, scope: &Scope<'_>) -> Flow {
        let mut flow = self.optional(indirection.arg.as_deref(), scope);
        for name in names::strings(&indirection.indirection) {
            self.attribute(&name);
        }
        flow.absorb(&self.all(&indirection.indirection, scope));
        flow.derive()
    }

    fn xml(&mut self, xml: &XmlExpr, scope: &Scope<'_>) -> Flow {
        let mut flow = self.all(&xml.named_args, scope);
        flow.absorb(&self.all(&xml.args, scope));
        flow.derive()
    }

    /// `OVER (…)`: what orders and parts the rows decides over the value.
    pub(super) fn window(&mut self, window: &WindowDef, scope: &Scope<'_>) -> Flow {
        let mut flow = Flow::constant();
        let named = self.windows.iter().filter(|(name, _)| {
            !name.is_empty() && (*name == window.name || *name == window.refname)
        });
        for (_, known) in named {
            flow.absorb(known);
        }
        let before = self.found.use_for(Usage::Group);
        flow.absorb(&self.all(&window.partition_clause, scope));
        self.found.usage = Some(Usage::Sort);
        flow.absorb(&self.all(&window.order_clause, scope));
        self.found.usage = before;
        flow.absorb(&self.optional(window.start_offset.as_deref(), scope));
        flow.absorb(&self.optional(window.end_offset.as_deref(), scope));
        flow
    }
}

/// What a comparison makes of the use that it stands in: nothing where that decides already.
fn comparing(usage: Option<Usage>) -> Usage {
    match usage {
        None | Some(Usage::Expression) => Usage::Predicate,
        Some(deciding) => deciding,
    }
}

/// What a column reference means.
fn lookup(reference: &ColumnRef, scope: &Scope<'_>) -> Resolved {
    let mut parts: Vec<&str> = reference.fields.iter().filter_map(names::string).collect();
    if super::labels::ends_in_star(&reference.fields) {
        parts.push("*");
    }
    let mut parts = parts.into_iter().rev();
    match (parts.next(), parts.next(), parts.next()) {
        (Some(column), Some(item), schema) => scope.resolve_qualified(schema, item, column),
        (Some("*"), None, _) => scope.whole_rows(),
        (Some(column), None, _) => scope.resolve(column),
        (None, ..) => Resolved::default(),
    }
}
