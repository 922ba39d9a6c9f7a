//! What a client is told of what happened at the database.

use poem::http::StatusCode;

use super::Problem;
use crate::http::request_id;

/// The one mapping from what happened at the database to what a client is told.
impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        let problem = match &error {
            store::Error::Unavailable(_) => Self::unavailable("PGRST001", "The database can't be reached"),
            store::Error::StatementForgotten => Self::unavailable(
                "26000",
                "A pooler in front of the database keeps no prepared statements",
            ),
            store::Error::PoolExhausted => {
                Self::unavailable("PGRST003", "No database connection came free in time")
            }
            store::Error::ShareExhausted => Self::too_many_at_once(),
            store::Error::UnsafeLogin(_) => Self::unavailable("MK503", "The service isn't set up safely"),
            store::Error::StatementTimeout => Self::new(
                StatusCode::GATEWAY_TIMEOUT,
                "57014",
                "The statement was stopped by its timeout",
            ),
            store::Error::Sql(refusal) => Self::from_sqlstate(refusal),
            store::Error::Mismatch(_) | store::Error::Abandoned => Self::internal(),
        };
        if problem.status.is_server_error() {
            // By names only: `store::Error` holds no values.
            tracing::error!(request_id = request_id::current(), error = %error, "database");
        }
        problem
    }
}

impl Problem {
    /// PostgREST's statuses for the same SQLSTATEs (its `mapSQLtoHTTP`), as far as a client can cause them.
    fn from_sqlstate(refusal: &store::SqlError) -> Self {
        let code = refusal.code.as_str();
        let (status, message) = match code {
            "23503" => (StatusCode::CONFLICT, "The row refers to one that isn't there"),
            "23505" => (StatusCode::CONFLICT, "There is such a row already"),
            "23514" if refusal.constraint.as_deref() == Some("no_events_from_distributed_tables") => {
                return Self::no_events();
            }
            "42501" => (StatusCode::FORBIDDEN, "Postgres doesn't permit this"),
            // Tables, schema, functions or roles that `mako migrate` makes.
            "42P01" | "3F000" | "42703" | "42883" | "22023" => return Self::not_migrated(),
            "25006" | "0A000" => {
                return Self::unavailable(
                    "25006",
                    "The database takes no writes now: a standby, or read-only",
                );
            }
            "23502" | "23514" | "22001" => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "A value breaks a rule of its table",
            ),
            _ if code.starts_with("22") || code.starts_with("23") => {
                (StatusCode::BAD_REQUEST, "Postgres can't take a value")
            }
            _ if code.starts_with("53") => {
                return Self::unavailable("PGRST001", "The database has no room left");
            }
            _ if ["08", "3D000", "57P", "58", "XX"]
                .iter()
                .any(|state| code.starts_with(state)) =>
            {
                return Self::unavailable("PGRST001", "The database can't do its work now");
            }
            // Read-committed transactions meet 40001 and 40P01 only in passing: the request may be repeated.
            "40001" | "40P01" => return Self::unavailable("40001", "Another transaction was in the way"),
            _ => return Self::internal(),
        };
        let problem = Self::new(status, code.to_owned(), message);
        match (&refusal.column, &refusal.constraint) {
            (Some(column), _) => problem.details(format!("{column}: not acceptable")),
            (None, Some(constraint)) => problem.details(format!("constraint {constraint}")),
            (None, None) => problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use poem::http::{StatusCode, header};

    use super::Problem;

    #[test]
    fn the_state_of_the_database_is_a_503_to_be_tried_again() {
        for code in [
            "08006", "0A000", "25006", "3D000", "53100", "53300", "57P01", "57P03", "58000", "58P01",
            "58030", "XX000",
        ] {
            let problem = Problem::from(store::Error::Sql(refusal(code)));
            assert_eq!(problem.status, StatusCode::SERVICE_UNAVAILABLE, "{code}");
            assert!(
                problem
                    .header
                    .is_some_and(|(name, _)| name == header::RETRY_AFTER),
                "{code}"
            );
            assert!(store::Error::Sql(refusal(code)).is_away(), "{code}");
        }
    }

    fn refusal(code: &str) -> store::SqlError {
        store::SqlError {
            code: code.to_owned(),
            constraint: None,
            table: None,
            column: None,
        }
    }

    #[test]
    fn what_a_migration_makes_and_is_missing_is_a_503_with_the_fix() {
        // A table, a schema, a function, and a role that can't be set because there is none.
        for code in ["42P01", "3F000", "42883", "22023"] {
            let problem = Problem::from(store::Error::Sql(refusal(code)));
            assert_eq!(problem.status, StatusCode::SERVICE_UNAVAILABLE, "{code}");
            assert!(
                problem.hint.is_some_and(|hint| hint.contains("mako migrate")),
                "{code}"
            );
        }
    }
}
