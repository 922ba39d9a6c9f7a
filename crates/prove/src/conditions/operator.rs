//! Turns comparisons round.

use sqlparser::ast::BinaryOperator;

/// The same comparison from the other side.
pub(super) fn flipped(op: &BinaryOperator) -> BinaryOperator {
    match op {
        BinaryOperator::Gt => BinaryOperator::Lt,
        BinaryOperator::Lt => BinaryOperator::Gt,
        BinaryOperator::GtEq => BinaryOperator::LtEq,
        BinaryOperator::LtEq => BinaryOperator::GtEq,
        BinaryOperator::ArrowAt => BinaryOperator::AtArrow,
        BinaryOperator::AtArrow => BinaryOperator::ArrowAt,
        other => other.clone(),
    }
}

/// The comparison that holds where this one doesn't.
pub(super) fn opposite(op: &BinaryOperator) -> BinaryOperator {
    match op {
        BinaryOperator::Gt => BinaryOperator::LtEq,
        BinaryOperator::Lt => BinaryOperator::GtEq,
        BinaryOperator::GtEq => BinaryOperator::Lt,
        BinaryOperator::LtEq => BinaryOperator::Gt,
        BinaryOperator::Eq => BinaryOperator::NotEq,
        BinaryOperator::NotEq => BinaryOperator::Eq,
        // Nothing is known of what an operator's absence demands.
        _ => BinaryOperator::Spaceship,
    }
}
