//! Does a table's declaration say what is in the database and in the statements?

use std::collections::BTreeSet;
use std::path::Path;

use store::rows::{TABLES, Table};
use tests::TestDatabase;
use tests::database::query;

#[tokio::test]
async fn users_may_write_the_declared_columns_and_no_others() {
    let database = TestDatabase::new().await;
    let client = database.superuser().await;
    let rights = "select attname::text from pg_attribute
        where attrelid = $1::text::regclass and attnum > 0
          and has_column_privilege('authenticated', attrelid, attnum, $2)";
    for table in TABLES {
        for (right, besides) in [
            ("insert", vec!["user_id", "created_at", "updated_at"]),
            ("update", vec!["updated_at"]),
        ] {
            let name = format!("public.{}", table.name);
            let granted = client.query(rights, &[&name, &right]).await.unwrap();
            let granted: BTreeSet<&str> = granted.iter().map(|row| row.get(0)).collect();
            let declared = table.columns.iter().copied().chain(besides).collect();
            assert_eq!(granted, declared, "{right} on {name}");
        }
    }
}

#[tokio::test]
async fn statements_name_the_columns_in_the_declared_order() {
    let database = TestDatabase::new().await;
    let client = database.superuser().await;
    for table in TABLES {
        let row: Vec<&str> = [&["id"], table.columns, &["created_at", "updated_at"]].concat();
        for file in ["find", "find_many", "list", "insert", "update"] {
            let Some(statement) = statement(table, file) else {
                continue;
            };
            let prepared = client
                .prepare_typed(statement.sql, statement.types)
                .await
                .unwrap();
            let columns: Vec<&str> = prepared
                .columns()
                .iter()
                .map(tokio_postgres::Column::name)
                .collect();
            assert!(columns.starts_with(&row), "{}: {columns:?}", statement.name);
            let text = statement.sql.split_whitespace().collect::<Vec<_>>().join(" ");
            let written = match file {
                "insert" => format!("(user_id, {}) select $1, $2,", table.columns.join(", ")),
                "update" => changes(table.columns),
                _ => continue,
            };
            assert!(text.contains(&written), "{}: {written}", statement.name);
        }
    }
}

/// The statement of a table's file, if there is one.
fn statement(table: &Table, file: &str) -> Option<&'static store::Query> {
    let name = format!("{}/{file}", table.name);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sql/queries");
    root.join(format!("{name}.sql")).exists().then(|| query(&name))
}

/// What an update does to the columns: two parameters for each, from `$3` on.
fn changes(columns: &[&str]) -> String {
    let changes = columns.iter().zip((3..).step_by(2)).map(|(column, place)| {
        format!(
            "{column} = case when ${place} then ${} else {column} end",
            place + 1
        )
    });
    changes.collect::<Vec<_>>().join(" , ")
}
