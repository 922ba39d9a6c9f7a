//! The API's types of a table that the store declares: its row as JSON, the bodies with their limits, and the way from
//! one to the other. `store::leads!(crate::api::resource::objects);` makes those of leads.

use chrono::{DateTime, Utc};

use crate::http::values::Time;

/// How a column's value is shown in JSON.
pub(crate) trait Shown: Sized {
    /// As what.
    type Json: From<Self>;
}

impl Shown for String {
    type Json = String;
}

impl Shown for i32 {
    type Json = i32;
}

impl Shown for DateTime<Utc> {
    type Json = Time;
}

/// Takes what `store::rows::table` declares.
macro_rules! objects {
    (
        $table:ident
        $(#[$about_row:meta])* $Row:ident,
        $(#[$about_new:meta])* $New:ident
        $(, $(#[$about_change:meta])* $Change:ident)?;
        $($columns:tt)+
    ) => {
        $crate::api::resource::row! { $table $(#[$about_row])* $Row; $($columns)+ }
        $crate::api::resource::new! { $table $(#[$about_new])* $New; $($columns)+ }
        $crate::api::resource::change! { $table $($(#[$about_change])* $Change)?; $($columns)+ }
    };
}
pub(crate) use objects;

/// The row.
macro_rules! row {
    (
        $table:ident $(#[$about:meta])* $Row:ident;
        $($(#[$about_column:meta])* $column:ident: $type:ty, $kind:ident($($api:tt)*);)+
    ) => {
        $(#[$about])*
        #[derive(poem_openapi::Object, serde::Serialize)]
        pub(crate) struct $Row {
            id: String,
            $($(#[$about_column])* $column: $crate::api::resource::shown!($kind $type),)+
            created_at: $crate::http::values::Time,
            updated_at: $crate::http::values::Time,
        }

        impl From<store::rows::$table::$Row> for $Row {
            fn from(row: store::rows::$table::$Row) -> Self {
                Self {
                    id: row.id,
                    $($column: $crate::api::resource::show!($kind row.$column),)+
                    created_at: row.created_at.into(),
                    updated_at: row.updated_at.into(),
                }
            }
        }
    };
}
pub(crate) use row;

/// The type of a column in the row.
macro_rules! shown {
    (required $type:ty) => { <$type as $crate::api::resource::Shown>::Json };
    (defaulted $type:ty) => { <$type as $crate::api::resource::Shown>::Json };
    ($kind:ident $type:ty) => {
        $crate::http::schema::Nullable<<$type as $crate::api::resource::Shown>::Json>
    };
}
pub(crate) use shown;

/// The value of a column in the row.
macro_rules! show {
    (required $value:expr) => {
        $value.into()
    };
    (defaulted $value:expr) => {
        $value.into()
    };
    ($kind:ident $value:expr) => {
        $crate::http::schema::Nullable($value.map(Into::into))
    };
}
pub(crate) use show;

/// The body of a create.
macro_rules! new {
    (
        $table:ident $(#[$about:meta])* $New:ident;
        $(
            $(#[$about_column:meta])* $column:ident: $type:ty,
            $(required($($about_required:literal,)? $required:ty))?
            $(required_nullable($($about_held:literal,)? $held:ty))?
            $(defaulted($($about_defaulted:literal,)? $defaulted:ty))?
            $(optional($($about_optional:literal,)? $optional:ty))?;
        )+
    ) => {
        $(#[$about])*
        #[derive(poem_openapi::Object)]
        struct $New {$(
            $($(#[doc = $about_required])? $column: $required,)?
            $($(#[doc = $about_held])? $column: $held,)?
            $($(#[doc = $about_defaulted])? #[oai(nullable)] $column: Option<$defaulted>,)?
            $($(#[doc = $about_optional])? #[oai(nullable)] $column: Option<$optional>,)?
        )+}

        impl $crate::http::fields::Body for $New {
            fn from_fields(fields: &mut $crate::http::fields::Fields) -> Option<Self> {
                $(
                    $(let $column = fields.required::<$required>(stringify!($column));)?
                    $(let $column = fields.required::<$held>(stringify!($column));)?
                    $(let $column = fields.optional::<$defaulted>(stringify!($column));)?
                    $(let $column = fields.optional::<$optional>(stringify!($column));)?
                )+
                Some(Self { $($column: $column?,)+ })
            }
        }

        impl From<$New> for store::rows::$table::$New {
            fn from(new: $New) -> Self {
                Self {$(
                    $($column: <$required>::into(new.$column),)?
                    $($column: <$held>::into(new.$column),)?
                    $($column: new.$column.map(<$defaulted>::into),)?
                    $($column: new.$column.map(<$optional>::into),)?
                )+}
            }
        }
    };
}
pub(crate) use new;

/// The body of a change, in which what can't be emptied comes first.
macro_rules! change {
    ($table:ident; $($columns:tt)+) => {};
    (
        $table:ident $(#[$about:meta])* $Change:ident;
        $(
            $(#[$about_column:meta])* $column:ident: $type:ty,
            $(required($($about_required:literal,)? $required:ty))?
            $(defaulted($($about_defaulted:literal,)? $defaulted:ty))?
            $(optional($($about_optional:literal,)? $optional:ty))?;
        )+
    ) => {
        $(#[$about])*
        #[derive(poem_openapi::Object)]
        struct $Change {
            $(
                $($(#[doc = $about_required])? $column: Option<$required>,)?
                $($(#[doc = $about_defaulted])? $column: Option<$defaulted>,)?
            )+
            $($(
                $(#[doc = $about_optional])?
                #[oai(nullable)]
                $column: poem_openapi::types::MaybeUndefined<$optional>,
            )?)+
        }

        impl $crate::http::fields::Body for $Change {
            fn from_fields(fields: &mut $crate::http::fields::Fields) -> Option<Self> {
                $(
                    $(let $column = fields.changed::<$required>(stringify!($column));)?
                    $(let $column = fields.changed::<$defaulted>(stringify!($column));)?
                    $(let $column = fields.cleared::<$optional>(stringify!($column));)?
                )+
                Some(Self { $($column: $column?,)+ })
            }
        }

        impl From<$Change> for store::rows::$table::$Change {
            fn from(change: $Change) -> Self {
                Self {$(
                    $($column: change.$column.map(<$required>::into),)?
                    $($column: change.$column.map(<$defaulted>::into),)?
                    $($column: $crate::http::fields::change::<$optional, _>(change.$column),)?
                )+}
            }
        }
    };
}
pub(crate) use change;
