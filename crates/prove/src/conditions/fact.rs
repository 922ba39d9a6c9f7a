//! What makes an expression true: a value in a column, or in a token.

use crate::ids::RelationId;

/// Where the value is that an expression looks at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Holder {
    /// The claims of a token, as if they were a table's column.
    Claims,
    /// A row of this relation.
    Relation(RelationId),
}

/// A column's value that makes an expression true.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub(super) holder: Holder,
    pub(super) column: String,
    pub(super) value: String,
}
