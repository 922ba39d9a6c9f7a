//! Are tenants told of what happens to their rows, whoever writes them, and nobody else?

mod api;
mod capture;
mod outbox;
mod queue;
mod secrets;
mod writers;

use tests::TestDatabase;
use tests::database::batch;
use tests::people::Person;
use tokio_postgres::Client;

/// A subscription of somebody's to some types, all if there are none; its id is `name`.
async fn subscribe(owner: &Client, person: Person, name: &str, types: &[&str]) {
    let sql = "insert into mako.event_subscriptions (user_id, id, url, sealed_secret, event_types)
        values ($1, $2, 'https://example.com', 'sealed', nullif($3, '{}'::text[]))";
    owner.execute(sql, &[&person.id(), &name, &types]).await.unwrap();
}

/// A database with two tenants' users, and its owner.
async fn tenants() -> (TestDatabase, Client) {
    let database = TestDatabase::new().await;
    let owner = database.superuser().await;
    for person in [Person::Alice, Person::Bob] {
        let user = format!(
            "insert into users (id, email, password) values ('{}', '{}', '!')",
            person.id(),
            person.email()
        );
        batch(&owner, &user).await;
    }
    (database, owner)
}

/// A subscription's deliveries, in the order of what happened: type, changed columns.
async fn told(owner: &Client, name: &str) -> Vec<(String, Option<Vec<String>>)> {
    let sql =
        "select event_type, changed from mako.event_deliveries where subscription_id = $1 order by sequence";
    let rows = owner.query(sql, &[&name]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}
