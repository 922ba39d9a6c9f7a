//! Lists the ways in which an expression can be true. AND, OR, NOT, subqueries and calls are taken apart; what is
//! left is solved.

use sqlparser::ast::{
    BinaryOperator, CaseWhen, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, InTarget,
    JoinConstraint, JoinOperator, Query, Select, SelectItem, SetExpr, Statement, TableFactor, TableWithJoins,
    UnaryOperator, Value, ValueWithSpan,
};

use super::body::{self, Piece};
use super::fact::Fact;
use super::scope::{Given, Meaning, Scope, identifiers, joins};
use super::solve::{compare, solve};

/// The most ways that are followed.
const MOST: usize = 16;

/// Ways to make an expression true: each is what rows must hold. Of what isn't known nothing is demanded.
pub(super) type Alternatives = Vec<Vec<Fact>>;

pub(super) fn unknown() -> Alternatives {
    vec![Vec::new()]
}

/// What is so anyway demands nothing, and what isn't can't be made so.
fn settled(is_so: bool) -> Alternatives {
    if is_so { unknown() } else { Vec::new() }
}

/// How an expression becomes true, or false.
pub(super) fn alternatives(expr: &Expr, yes: bool, scope: &Scope<'_>) -> Alternatives {
    let inner = |expr: &Expr, yes| alternatives(expr, yes, scope);
    let found = match expr {
        Expr::Nested(expr) | Expr::IsTrue(expr) | Expr::IsNotFalse(expr) => inner(expr, yes),
        Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr,
        }
        | Expr::IsFalse(expr)
        | Expr::IsNotTrue(expr) => inner(expr, !yes),
        Expr::BinaryOp {
            left,
            op: op @ (BinaryOperator::And | BinaryOperator::Or),
            right,
        } => {
            let (left, right) = (inner(left, yes), inner(right, yes));
            if (*op == BinaryOperator::And) == yes {
                both(&left, &right)
            } else {
                either(left, right)
            }
        }
        Expr::Value(ValueWithSpan {
            value: Value::Boolean(is),
            ..
        }) => settled(*is == yes),
        Expr::Exists { subquery, negated } if yes != *negated => any_of_query(subquery, scope),
        Expr::Subquery(query) if yes => value_of_query(query, scope),
        Expr::In {
            target: InTarget::Subquery(query),
            negated,
            ..
        } if yes != *negated => any_of_query(query, scope),
        Expr::Case {
            operand,
            conditions,
            else_result,
            ..
        } => of_case(operand.as_deref(), conditions, else_result.as_deref(), yes, scope),
        Expr::Function(function) => of_function(function, yes, scope),
        _ => match scope.meaning(expr) {
            Some(Meaning::Value(given, caller)) => alternatives(given, yes, caller),
            _ => solve(expr, yes, scope),
        },
    };
    found.into_iter().take(MOST).collect()
}

fn of_case(
    subject: Option<&Expr>,
    conditions: &[CaseWhen],
    otherwise: Option<&Expr>,
    yes: bool,
    scope: &Scope<'_>,
) -> Alternatives {
    let meets = |condition: &Expr| match subject {
        Some(subject) => compare(subject, &BinaryOperator::Eq, condition, scope),
        None => alternatives(condition, true, scope),
    };
    let when = conditions
        .iter()
        .flat_map(|when| both(&meets(&when.condition), &alternatives(&when.result, yes, scope)));
    let otherwise = otherwise
        .iter()
        .flat_map(|result| alternatives(result, yes, scope));
    when.chain(otherwise).collect()
}

/// Whether an expression is true of every row, for everybody.
pub(crate) fn is_always_true(text: &str) -> bool {
    fn sure(expr: &Expr) -> bool {
        match expr {
            Expr::Nested(expr) => sure(expr),
            Expr::Value(value) => matches!(value.value, Value::Boolean(true)),
            Expr::UnaryOp {
                op: UnaryOperator::Not,
                expr,
            } => matches!(expr.as_ref(), Expr::Value(value) if matches!(value.value, Value::Boolean(false))),
            Expr::BinaryOp { left, op, right } => match op {
                BinaryOperator::Or => sure(left) || sure(right),
                BinaryOperator::And => sure(left) && sure(right),
                BinaryOperator::Eq | BinaryOperator::GtEq | BinaryOperator::LtEq => {
                    left.to_string() == right.to_string()
                }
                _ => false,
            },
            Expr::IsNotDistinctFrom(left, right) => left.to_string() == right.to_string(),
            _ => false,
        }
    }
    body::expression(text).is_some_and(|expr| sure(&expr))
}

fn both(left: &Alternatives, right: &Alternatives) -> Alternatives {
    let pairs = left
        .iter()
        .flat_map(|one| right.iter().map(move |other| [one.as_slice(), other].concat()));
    pairs.take(MOST).collect()
}

/// What demands something first: of what isn't known no row can be made.
fn either(mut left: Alternatives, right: Alternatives) -> Alternatives {
    left.extend(right);
    left.sort_by_key(Vec::is_empty);
    left
}

/// How a query has rows.
pub(super) fn any_of_query(query: &Query, scope: &Scope<'_>) -> Alternatives {
    any_of(&query.body, scope)
}

fn any_of(body: &SetExpr, scope: &Scope<'_>) -> Alternatives {
    match body {
        SetExpr::Select(select) => any_of_rows(&select.from, select.selection.as_ref(), scope),
        SetExpr::Query(query) => any_of_query(query, scope),
        SetExpr::SetOperation { left, right, .. } => either(any_of(left, scope), any_of(right, scope)),
        _ => unknown(),
    }
}

/// How tables have rows of which a condition holds.
pub(super) fn any_of_rows(
    from: &[TableWithJoins],
    condition: Option<&Expr>,
    scope: &Scope<'_>,
) -> Alternatives {
    let scope = scope.inner(from);
    let mut ways = condition.map_or_else(unknown, |condition| alternatives(condition, true, &scope));
    for table in joins(from) {
        if let TableFactor::Derived { subquery, .. } = &table.relation {
            ways = both(&ways, &any_of_query(subquery, &scope));
        }
        for join in &table.joins {
            // What an outer join shows without a match, it shows anyway.
            if let JoinOperator::Join(on)
            | JoinOperator::Inner(on)
            | JoinOperator::Left(on)
            | JoinOperator::LeftOuter(on)
            | JoinOperator::Right(on)
            | JoinOperator::RightOuter(on) = &join.join_operator
                && let JoinConstraint::On(condition) = on
            {
                ways = both(&ways, &alternatives(condition, true, &scope));
            }
        }
    }
    ways
}

/// How a query's only value is true.
pub(super) fn value_of_query(query: &Query, scope: &Scope<'_>) -> Alternatives {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return any_of_query(query, scope);
    };
    let Select {
        projection,
        from,
        selection,
        ..
    } = select.as_ref();
    let rows = any_of_rows(from, selection.as_ref(), scope);
    match projection.as_slice() {
        [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] => {
            both(&rows, &alternatives(expr, true, &scope.inner(from)))
        }
        _ => rows,
    }
}

/// What a function decides, by its body.
fn of_function(call: &Function, yes: bool, scope: &Scope<'_>) -> Alternatives {
    let name = identifiers(&call.name).and_then(|mut names| names.pop());
    if name.is_some_and(|name| name.eq_ignore_ascii_case("coalesce"))
        && let FunctionArguments::List(list) = &call.args
    {
        // Whichever of them decides.
        let ways = list.args.iter().filter_map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(alternatives(expr, yes, scope)),
            _ => None,
        });
        return ways.fold(Vec::new(), either);
    }
    let ways = within(call, scope, |pieces, inner| {
        let ways = pieces.iter().flat_map(|piece| piece.alternatives(yes, inner));
        ways.collect()
    });
    ways.map_or_else(unknown, |ways| either(ways, unknown()))
}

/// What the answer of a function's only query is solved for.
pub(super) fn answered(
    call: &Expr,
    scope: &Scope<'_>,
    solve: impl Fn(&Expr, &Scope<'_>) -> Option<Fact>,
) -> Option<Fact> {
    let Expr::Function(call) = call else { return None };
    within(call, scope, |pieces, inner| {
        let [Piece::Statement(statement)] = pieces else {
            return None;
        };
        let Statement::Query(query) = statement.as_ref() else {
            return None;
        };
        let SetExpr::Select(select) = query.body.as_ref() else {
            return None;
        };
        match select.projection.as_slice() {
            [SelectItem::UnnamedExpr(answer) | SelectItem::ExprWithAlias { expr: answer, .. }] => {
                solve(answer, &inner.inner(&select.from))
            }
            _ => None,
        }
    })?
}

/// Reads the body of the function that is called, its parameters in the caller's terms.
fn within<T>(call: &Function, scope: &Scope<'_>, read: impl Fn(&[Piece], &Scope<'_>) -> T) -> Option<T> {
    let FunctionArguments::List(list) = &call.args else {
        return None;
    };
    let names = identifiers(&call.name)?;
    let name = names.last()?;
    let schema = names.len().checked_sub(2).and_then(|at| names.get(at));
    let function = scope.catalog.functions.iter().find(|function| {
        function.name == *name
            && schema.is_none_or(|schema| function.schema == *schema)
            && function.types.len() >= list.args.len()
    })?;
    let mut parameters = Vec::new();
    for (n, argument) in list.args.iter().enumerate() {
        if let Some(given) = given(argument, scope) {
            parameters.push((format!("${}", n + 1), given));
            parameters.push((function.types[n].name.clone(), given));
        }
    }
    let inner = scope.called(parameters)?;
    Some(read(&body::pieces(&function.source), &inner))
}

/// What a parameter is given: a value, or the whole row of a table.
fn given<'e>(argument: &'e FunctionArg, scope: &Scope<'_>) -> Option<Given<'e>> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => {
            let whole = match expr {
                Expr::Identifier(name) if scope.meaning(expr).is_none() => scope.row(&name.value),
                _ => None,
            };
            Some(whole.map_or(Given::Value(expr), Given::Row))
        }
        FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(name)) => {
            Some(Given::Row(scope.row(identifiers(name)?.last()?)?))
        }
        _ => None,
    }
}
