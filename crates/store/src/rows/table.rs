//! Declares a table of the CRM once: its columns, who may leave them out, and what the API takes for each.
//!
//! [`table!`] makes the row, what a new one consists of, what may change, their parameters and the statements on one
//! row. It also exports a macro of the table's name, which hands the declaration to the API's macro: `store::leads!(…)`.
//! The files under `sql/queries/` name the columns in the order of the declaration.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::values::{Change, Timestamp};

/// A declared table, for the test that compares it with the database.
#[derive(Debug)]
pub struct Table {
    /// Its name in `public`.
    pub name: &'static str,
    /// Its columns besides id, tenant and times.
    pub columns: &'static [&'static str],
}

/// A value of a column.
pub(crate) trait Column: Sized {
    /// Its type in Postgres.
    const TYPE: Type;

    /// Reads it from a row.
    fn read(row: &Row, index: usize) -> Self;
}

/// Implements [`Column`] for a type and its `Option`, by the type that reads it.
macro_rules! columns {
    ($($type:ty: $pg:ident as $stored:ty;)+) => {$(
        impl Column for $type {
            const TYPE: Type = Type::$pg;

            fn read(row: &Row, index: usize) -> Self {
                row.get::<_, $stored>(index).into()
            }
        }

        impl Column for Option<$type> {
            const TYPE: Type = Type::$pg;

            fn read(row: &Row, index: usize) -> Self {
                row.get::<_, Option<$stored>>(index).map(Into::into)
            }
        }
    )+};
}

columns! {
    String: TEXT as String;
    i32: INT4 as i32;
    DateTime<Utc>: TIMESTAMPTZ as Timestamp;
}

/// What to do with a column, as an update takes it: whether to write, and what.
pub(crate) trait ColumnChange {
    fn params(&self) -> [&(dyn ToSql + Sync); 2];
}

impl<T: ToSql + Sync> ColumnChange for Option<T> {
    fn params(&self) -> [&(dyn ToSql + Sync); 2] {
        match self {
            None => [&false, self],
            Some(_) => [&true, self],
        }
    }
}

impl<T: ToSql + Sync + 'static> ColumnChange for Change<T> {
    fn params(&self) -> [&(dyn ToSql + Sync); 2] {
        match self {
            Self::Keep => [&false, &None::<T>],
            Self::Clear => [&true, &None::<T>],
            Self::Set(value) => [&true, value],
        }
    }
}

/// Declares a table: `table! { $ leads { Lead, NewLead, LeadChange; name: String, required(Text<1, 200>); … } }`.
///
/// Without a third struct its rows are never changed. A column is `required` of a new row, `defaulted` (the table has a
/// default), `optional` (may be null), or `required_nullable`: a new row must have it, and not all rows do. In brackets
/// stands the type in which the API takes it, after a description if requests should have one.
macro_rules! table {
    ($dollar:tt $table:ident { $($declaration:tt)+ }) => {
        $crate::rows::table::rows! { $table $($declaration)+ }

        /// Hands the table's declaration to another macro.
        #[macro_export]
        macro_rules! $table {
            ($dollar($then:ident)::+) => { $dollar($then)::+! { $table $($declaration)+ } };
        }
    };
}
pub(crate) use table;

/// What [`table!`] makes.
macro_rules! rows {
    (
        $table:ident
        $(#[$about_row:meta])* $Row:ident,
        $(#[$about_new:meta])* $New:ident,
        $(#[$about_change:meta])* $Change:ident;
        $($columns:tt)+
    ) => {
        $crate::rows::table::rows! { @made $table $(#[$about_row])* $Row, $(#[$about_new])* $New; $($columns)+ }
        $crate::rows::table::changes! { $table $Row, $(#[$about_change])* $Change; $($columns)+ }
    };
    (
        $table:ident
        $(#[$about_row:meta])* $Row:ident,
        $(#[$about_new:meta])* $New:ident;
        $($columns:tt)+
    ) => {
        $crate::rows::table::rows! { @made $table $(#[$about_row])* $Row, $(#[$about_new])* $New; $($columns)+ }
    };
    (
        @made $table:ident
        $(#[$about_row:meta])* $Row:ident,
        $(#[$about_new:meta])* $New:ident;
        $($(#[$about:meta])* $column:ident: $type:ty, $kind:ident($($api:tt)*);)+
    ) => {
        $(#[$about_row])*
        #[derive(Clone, Debug)]
        #[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
        pub struct $Row {
            pub id: String,
            $($(#[$about])* pub $column: $crate::rows::table::cell!(row $kind $type),)+
            pub created_at: chrono::DateTime<chrono::Utc>,
            pub updated_at: chrono::DateTime<chrono::Utc>,
        }

        $(#[$about_new])*
        #[derive(Clone, Debug, Default)]
        #[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
        pub struct $New {
            $(pub $column: $crate::rows::table::cell!(new $kind $type),)+
        }

        impl From<&tokio_postgres::Row> for $Row {
            fn from(row: &tokio_postgres::Row) -> Self {
                let mut indexes = 0..;
                let mut next = || indexes.next().unwrap_or_default();
                Self {
                    id: $crate::rows::table::Column::read(row, next()),
                    $($column: $crate::rows::table::Column::read(row, next()),)+
                    created_at: $crate::rows::table::Column::read(row, next()),
                    updated_at: $crate::rows::table::Column::read(row, next()),
                }
            }
        }

        impl $crate::rows::page::Ordered for $Row {
            fn position(&self) -> $crate::rows::page::Cursor {
                $crate::rows::page::Cursor::after(self.created_at, &self.id)
            }
        }

        /// As it is declared.
        pub static TABLE: $crate::rows::table::Table = $crate::rows::table::Table {
            name: stringify!($table),
            columns: &[$(stringify!($column)),+],
        };
        static FIND: $crate::query::ReplicaQuery = $crate::query::ReplicaQuery::new(
            $crate::rows::table::statement!(Read $table "find" [tokio_postgres::types::Type::TEXT])
        );
        static FIND_MANY: $crate::query::Query = $crate::rows::table::statement!(
            Read $table "find_many" [tokio_postgres::types::Type::TEXT_ARRAY]
        );
        static INSERT: $crate::query::Query = $crate::rows::table::statement!(Write $table "insert" [
            $(<$type as $crate::rows::table::Column>::TYPE,)+
            tokio_postgres::types::Type::TEXT
        ]);

        /// One of the caller's rows.
        pub async fn find(
            store: &$crate::Store,
            claims: &identity::Claims,
            id: &str,
        ) -> Result<Option<$Row>, $crate::Error> {
            Ok(store.read(claims, &FIND, &[&id]).await?.first().map($Row::from))
        }

        /// Those of the caller's rows that have these ids.
        pub async fn find_many(
            store: &$crate::Store,
            claims: &identity::Claims,
            ids: &[&str],
        ) -> Result<Vec<$Row>, $crate::Error> {
            Ok(store.run(claims, &FIND_MANY, &[&ids]).await?.iter().map($Row::from).collect())
        }

        /// Adds a row, or finds the one that the same key added before; None if that one is gone.
        pub async fn create(
            store: &$crate::Store,
            claims: &identity::Claims,
            new: &$New,
            idempotency_key: Option<&str>,
        ) -> Result<Option<$crate::rows::Created<$Row>>, $crate::Error> {
            store.create(claims, &INSERT, &[$(&new.$column,)+ &idempotency_key]).await
        }
    };
}
pub(crate) use rows;

/// What [`table!`] makes for rows that may be changed.
macro_rules! changes {
    (
        $table:ident $Row:ident, $(#[$about_change:meta])* $Change:ident;
        $($(#[$about:meta])* $column:ident: $type:ty, $kind:ident($($api:tt)*);)+
    ) => {
        $(#[$about_change])*
        #[derive(Clone, Debug, Default)]
        #[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
        pub struct $Change {
            $(pub $column: $crate::rows::table::cell!(change $kind $type),)+
        }

        static UPDATE: $crate::query::Query = $crate::rows::table::statement!(Write $table "update" [
            tokio_postgres::types::Type::TEXT,
            $(tokio_postgres::types::Type::BOOL, <$type as $crate::rows::table::Column>::TYPE),+
        ]);
        static DELETE: $crate::query::Query =
            $crate::rows::table::statement!(Write $table "delete" [tokio_postgres::types::Type::TEXT]);

        /// Changes a row of the caller's; None if there is none.
        pub async fn update(
            store: &$crate::Store,
            claims: &identity::Claims,
            id: &str,
            change: &$Change,
        ) -> Result<Option<$Row>, $crate::Error> {
            let mut params: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> = vec![&id];
            $(params.extend($crate::rows::table::ColumnChange::params(&change.$column));)+
            Ok(store.run(claims, &UPDATE, &params).await?.first().map($Row::from))
        }

        /// Deletes a row of the caller's; false if there is none.
        pub async fn delete(
            store: &$crate::Store,
            claims: &identity::Claims,
            id: &str,
        ) -> Result<bool, $crate::Error> {
            Ok(!store.run(claims, &DELETE, &[&id]).await?.is_empty())
        }
    };
}
pub(crate) use changes;

/// The type of a column in a row, in a new row and in a change.
macro_rules! cell {
    (row required $type:ty) => { $type };
    (row defaulted $type:ty) => { $type };
    (row $kind:ident $type:ty) => { Option<$type> };
    (new required $type:ty) => { $type };
    (new required_nullable $type:ty) => { $type };
    (new $kind:ident $type:ty) => { Option<$type> };
    (change required $type:ty) => { Option<$type> };
    (change defaulted $type:ty) => { Option<$type> };
    (change $kind:ident $type:ty) => { $crate::rows::Change<$type> };
}
pub(crate) use cell;

/// A statement of the table's folder under `sql/queries/`.
macro_rules! statement {
    ($access:ident $table:ident $file:literal [$($type:expr),+]) => {
        $crate::query::Query {
            name: concat!(stringify!($table), "/", $file),
            sql: include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"), "/../../sql/queries/", stringify!($table), "/", $file, ".sql"
            )),
            types: &[tokio_postgres::types::Type::TEXT, $($type),+],
            access: $crate::query::Access::$access,
            role: $crate::query::Role::Authenticated,
        }
    };
}
pub(crate) use statement;
