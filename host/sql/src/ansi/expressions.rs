//! Expressions: which columns a value may come from. A kind that has no place here is a gap.

use super::Walker;
use crate::Usage;
use crate::lineage::{Flow, Scope};
use sqlparser::ast::{
    AccessExpr, BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentClause, FunctionArgumentList, FunctionArguments, Query, Subscript,
    WindowFrameBound, WindowSpec, WindowType,
};

impl Walker {
    /// The flow of an expression.
    pub(super) fn expression(&mut self, value: &Expr, scope: &Scope<'_>) -> Flow {
        let flow = if self.found.enter() { self.leaf(value, scope) } else { Flow::unknown() };
        self.found.leave();
        flow
    }

    fn leaf(&mut self, value: &Expr, scope: &Scope<'_>) -> Flow {
        match value {
            Expr::Identifier(name) => self.column(std::slice::from_ref(name), scope),
            Expr::CompoundIdentifier(parts) => self.column(parts, scope),
            Expr::Value(_) | Expr::TypedString(_) => Flow::constant(),
            Expr::Prefixed { value, .. } => self.expression(value, scope).derive(),
            Expr::BinaryOp { .. } => self.operators(value, scope),
            Expr::Nested(inner) => self.expression(inner, scope),
            Expr::Function(function) => self.function(function, scope),
            Expr::Subquery(query) => self.subquery(query, scope),
            Expr::Exists { subquery, .. } => self.subquery(subquery, scope).derive(),
            Expr::InSubquery { expr, subquery, .. } => {
                let mut flow = self.expression(expr, scope);
                flow.absorb(&self.subquery(subquery, scope));
                flow.derive()
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                let mut flow = self.maybe(operand.as_deref(), scope);
                for arm in conditions {
                    flow.absorb(&self.expression(&arm.condition, scope));
                    flow.absorb(&self.expression(&arm.result, scope));
                }
                flow.absorb(&self.maybe(else_result.as_deref(), scope));
                flow.derive()
            }
            other => self.one_argument(other, scope).derive(),
        }
    }

    /// A chain of operators leans to the left: it is followed without going down.
    fn operators(&mut self, value: &Expr, scope: &Scope<'_>) -> Flow {
        let mut flow = Flow::constant();
        let mut rest = value;
        while let Expr::BinaryOp { left, op, right } = rest {
            self.strange_if(*op == BinaryOperator::Assignment, "an assignment to a variable");
            let odd =
                matches!(op, BinaryOperator::Custom(_) | BinaryOperator::PGCustomBinaryOperator(_));
            self.strange_if(odd, "this operator");
            // In MySQL it is OR, unless sql_mode says otherwise, and binds otherwise than the parser has it.
            let concat = self.mysql && *op == BinaryOperator::StringConcat;
            self.strange_if(concat, "the operator ||");
            flow.absorb(&self.expression(right, scope));
            rest = left;
            self.found.pay(1);
        }
        flow.absorb(&self.expression(rest, scope));
        flow
    }

    fn one_argument(&mut self, value: &Expr, scope: &Scope<'_>) -> Flow {
        match value {
            Expr::IsFalse(inner)
            | Expr::IsNotFalse(inner)
            | Expr::IsTrue(inner)
            | Expr::IsNotTrue(inner)
            | Expr::IsNull(inner)
            | Expr::IsNotNull(inner)
            | Expr::IsUnknown(inner)
            | Expr::IsNotUnknown(inner)
            | Expr::UnaryOp { expr: inner, .. }
            | Expr::IsJson { expr: inner, .. }
            | Expr::IsNormalized { expr: inner, .. }
            | Expr::Cast { expr: inner, .. }
            | Expr::Extract { expr: inner, .. }
            | Expr::Ceil { expr: inner, .. }
            | Expr::Floor { expr: inner, .. }
            | Expr::Collate { expr: inner, .. } => self.expression(inner, scope),
            Expr::Interval(interval) => self.expression(&interval.value, scope),
            Expr::Convert { expr, styles, .. } => {
                let mut flow = self.expression(expr, scope);
                flow.absorb(&self.all(styles, scope));
                flow
            }
            other => self.two_arguments(other, scope),
        }
    }

    fn two_arguments(&mut self, value: &Expr, scope: &Scope<'_>) -> Flow {
        let (left, right) = match value {
            Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
                (left, right)
            }
            Expr::AnyOp { left, right, .. } | Expr::AllOp { left, right, .. } => (left, right),
            Expr::RLike { expr, pattern, .. } => (expr, pattern),
            Expr::AtTimeZone { timestamp, time_zone } => (timestamp, time_zone),
            Expr::Position { expr, r#in } => (expr, r#in),
            Expr::Like { expr, pattern, escape_char, .. }
            | Expr::ILike { expr, pattern, escape_char, .. }
            | Expr::SimilarTo { expr, pattern, escape_char, .. } => {
                let escape = self.maybe(escape_char.as_deref(), scope);
                let mut flow = self.expression(expr, scope);
                flow.absorb(&self.expression(pattern, scope));
                flow.absorb(&escape);
                return flow;
            }
            Expr::MemberOf(member) => (&member.value, &member.array),
            other => return self.several_arguments(other, scope),
        };
        let mut flow = self.expression(left, scope);
        flow.absorb(&self.expression(right, scope));
        flow
    }

    fn several_arguments(&mut self, value: &Expr, scope: &Scope<'_>) -> Flow {
        match value {
            Expr::Between { expr, low, high, .. } => {
                let mut flow = self.expression(expr, scope);
                flow.absorb(&self.expression(low, scope));
                flow.absorb(&self.expression(high, scope));
                flow
            }
            Expr::InList { expr, list, .. } => {
                let mut flow = self.expression(expr, scope);
                flow.absorb(&self.all(list, scope));
                flow
            }
            Expr::Substring { expr, substring_from, substring_for, .. } => {
                let mut flow = self.expression(expr, scope);
                flow.absorb(&self.maybe(substring_from.as_deref(), scope));
                flow.absorb(&self.maybe(substring_for.as_deref(), scope));
                flow
            }
            Expr::Trim { expr, trim_what, trim_characters, .. } => {
                let mut flow = self.expression(expr, scope);
                flow.absorb(&self.maybe(trim_what.as_deref(), scope));
                flow.absorb(&self.all(trim_characters.as_deref().unwrap_or_default(), scope));
                flow
            }
            Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                let mut flow = self.expression(expr, scope);
                flow.absorb(&self.expression(overlay_what, scope));
                flow.absorb(&self.expression(overlay_from, scope));
                flow.absorb(&self.maybe(overlay_for.as_deref(), scope));
                flow
            }
            Expr::Tuple(values) => self.all(values, scope),
            Expr::Array(array) => self.all(&array.elem, scope),
            Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => {
                let mut flow = Flow::constant();
                for set in sets {
                    flow.absorb(&self.all(set, scope));
                }
                flow
            }
            Expr::MatchAgainst { columns, .. } => {
                let mut flow = Flow::constant();
                for column in columns {
                    let column = self.column_name(column);
                    let found = scope.resolve(&column);
                    self.found.refer(&found);
                    flow.absorb(&found.flow);
                }
                flow
            }
            Expr::CompoundFieldAccess { root, access_chain } => {
                self.access(root, access_chain, scope)
            }
            _ => self.strange("this kind of expression").whole(),
        }
    }

    fn access(&mut self, root: &Expr, chain: &[AccessExpr], scope: &Scope<'_>) -> Flow {
        let mut flow = self.expression(root, scope);
        for access in chain {
            match access {
                // A field's name is no column.
                AccessExpr::Dot(_) => {}
                AccessExpr::Subscript(Subscript::Index { index }) => {
                    flow.absorb(&self.expression(index, scope));
                }
                AccessExpr::Subscript(Subscript::Slice { .. }) => {
                    flow.absorb(&self.strange("a slice").whole());
                }
            }
        }
        flow
    }

    /// A subquery that is a value.
    fn subquery(&mut self, query: &Query, scope: &Scope<'_>) -> Flow {
        self.found.open_boundary(scope.level);
        let mut flow = self.query(query, scope, true).whole();
        let correlated = self.found.close_boundary();
        if !correlated.is_empty() {
            flow.absorb(&correlated.derive());
        }
        flow
    }

    fn function(&mut self, function: &Function, scope: &Scope<'_>) -> Flow {
        let mut flow = self.given(&function.args, scope);
        self.strange_if(function.parameters != FunctionArguments::None, "a parametric function");
        for key in &function.within_group {
            flow.absorb(&self.expression(&key.expr, scope));
        }
        let before = self.found.use_for(Usage::Predicate);
        flow.absorb(&self.maybe(function.filter.as_deref(), scope));
        self.found.usage = before;
        match &function.over {
            None => {}
            Some(WindowType::WindowSpec(window)) => flow.absorb(&self.window(window, scope)),
            Some(WindowType::NamedWindow(name)) => {
                let name = self.ident(name);
                for (_, known) in self.windows.iter().filter(|(known, _)| *known == name) {
                    flow.absorb(known);
                }
            }
        }
        flow.opaque |= self.act(&function.name, &flow);
        flow.derive()
    }

    /// What is given to a function or a procedure.
    pub(super) fn given(&mut self, arguments: &FunctionArguments, scope: &Scope<'_>) -> Flow {
        match arguments {
            FunctionArguments::None => Flow::constant(),
            FunctionArguments::Subquery(query) => self.subquery(query, scope),
            FunctionArguments::List(list) => self.argument_list(list, scope),
        }
    }

    fn argument_list(&mut self, list: &FunctionArgumentList, scope: &Scope<'_>) -> Flow {
        let mut flow = self.arguments(&list.args, scope);
        for clause in &list.clauses {
            match clause {
                FunctionArgumentClause::OrderBy(keys) => {
                    for key in keys {
                        flow.absorb(&self.expression(&key.expr, scope));
                    }
                }
                FunctionArgumentClause::Limit(value) | FunctionArgumentClause::Where(value) => {
                    flow.absorb(&self.expression(value, scope));
                }
                FunctionArgumentClause::Having(bound) => {
                    flow.absorb(&self.expression(&bound.1, scope));
                }
                FunctionArgumentClause::OnOverflow(_) => {
                    flow.absorb(&self.strange("ON OVERFLOW").whole());
                }
                _ => {}
            }
        }
        flow
    }

    pub(super) fn arguments(&mut self, arguments: &[FunctionArg], scope: &Scope<'_>) -> Flow {
        let mut flow = Flow::constant();
        for argument in arguments {
            let value = match argument {
                FunctionArg::Named { arg, .. } | FunctionArg::Unnamed(arg) => arg,
                FunctionArg::ExprNamed { name, arg, .. } => {
                    flow.absorb(&self.expression(name, scope));
                    arg
                }
            };
            match value {
                FunctionArgExpr::Expr(value) => flow.absorb(&self.expression(value, scope)),
                // count(*)
                FunctionArgExpr::Wildcard => {}
                FunctionArgExpr::QualifiedWildcard(_) | FunctionArgExpr::WildcardWithOptions(_) => {
                    let found = scope.whole_rows();
                    self.found.refer(&found);
                    flow.absorb(&found.flow);
                }
            }
        }
        flow
    }

    /// `OVER (…)`.
    pub(super) fn window(&mut self, window: &WindowSpec, scope: &Scope<'_>) -> Flow {
        let mut flow = Flow::constant();
        if let Some(name) = &window.window_name {
            let name = self.ident(name);
            for (_, known) in self.windows.iter().filter(|(known, _)| *known == name) {
                flow.absorb(known);
            }
        }
        let before = self.found.use_for(Usage::Group);
        flow.absorb(&self.all(&window.partition_by, scope));
        self.found.usage = Some(Usage::Sort);
        for key in &window.order_by {
            flow.absorb(&self.expression(&key.expr, scope));
        }
        self.found.usage = before;
        if let Some(frame) = &window.window_frame {
            for bound in std::iter::once(&frame.start_bound).chain(&frame.end_bound) {
                if let WindowFrameBound::Preceding(Some(offset))
                | WindowFrameBound::Following(Some(offset)) = bound
                {
                    flow.absorb(&self.expression(offset, scope));
                }
            }
        }
        flow
    }
}
