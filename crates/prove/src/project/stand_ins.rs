//! What takes the place of an extension that the server doesn't have: its schema, and what migrations call of it.
//!
//! A stand-in does nothing outside of the database. It grants what the extension grants on Supabase, so that what is
//! within reach is judged.

/// Name and script of each.
const STAND_INS: &[(&str, &str)] = &[
    ("http", include_str!("../../sql/project/stand_ins/http.sql")),
    ("pg_cron", include_str!("../../sql/project/stand_ins/pg_cron.sql")),
    (
        "pg_graphql",
        include_str!("../../sql/project/stand_ins/pg_graphql.sql"),
    ),
    ("pg_net", include_str!("../../sql/project/stand_ins/pg_net.sql")),
    ("pgmq", include_str!("../../sql/project/stand_ins/pgmq.sql")),
    (
        "pgsodium",
        include_str!("../../sql/project/stand_ins/pgsodium.sql"),
    ),
    (
        "supabase_vault",
        include_str!("../../sql/project/stand_ins/supabase_vault.sql"),
    ),
    ("vector", include_str!("../../sql/project/stand_ins/vector.sql")),
];

/// The stand-in of an extension, under its name; None where there is none.
pub(super) fn stand_in(extension: &str) -> Option<(&'static str, &'static str)> {
    STAND_INS.iter().find(|(name, _)| *name == extension).copied()
}
