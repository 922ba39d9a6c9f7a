//! Are stored counts what the rows say, whoever wrote them and however it ended? `policies/stats.sql` keeps them.

use std::time::Duration;

use serde_json::{Value, json};
use tests::database::{batch, connect};
use tests::people::Person::{self, Alice, Bob, Mallory};
use tests::process::{Process, until};
use tests::service::mako;
use tests::{Service, TestDatabase};
use tokio_postgres::Client;

const TABLES: [&str; 5] = [
    "leads",
    "contacts",
    "call_logs",
    "automation_logs",
    "webhook_events",
];

async fn number(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

/// How many counts are wrong, by the owner's own comparison, which reads every row.
async fn drift(owner: &Client) -> i64 {
    number(owner, "select count(*) from mako.stats_drift()").await
}

async fn fold(login: &Client) -> i32 {
    batch(login, "begin; set local role mako_router").await;
    let lines = login.query_one("select mako.fold_stats(40)", &[]).await.unwrap();
    batch(login, "commit").await;
    lines.get(0)
}

async fn stats(database: &TestDatabase, what: &str) -> (Option<i32>, String) {
    let url = database.superuser_url();
    let environment = [("ADMIN_DATABASE_URL", url.as_str())];
    Process::start(&mut mako(&["stats", what], &environment).await)
        .output()
        .await
}

/// A session of a tenant's, as PostgREST has it.
async fn session_of(database: &TestDatabase, person: Person) -> Client {
    let client = connect(&database.authenticator_url()).await;
    let settings = format!(
        "set role authenticated; select set_config('request.jwt.claims', '{}', false)",
        person.payload()
    );
    batch(&client, &settings).await;
    client
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        // Knuth's MMIX.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// A statement of some tenant's, good or bad.
fn statement(dice: &mut Dice) -> String {
    let status = ["new", "booked", "Meeting", ""][usize::try_from(dice.throw(4)).unwrap()];
    let days = dice.throw(90);
    let some = format!("id in (select id from {{}} order by id limit {})", dice.throw(4));
    match dice.throw(10) {
        0..4 => format!(
            "insert into leads (name, phone, status, source, created_at)
             select 'n', '1', '{status}', 's', now() - interval '{days} days' from generate_series(1, {})",
            dice.throw(5)
        ),
        4 => "insert into contacts (first_name) values ('a'), ('b')".to_owned(),
        5 => {
            format!("insert into call_logs (phone, created_at) values ('1', now() - interval '{days} hours')")
        }
        6 => format!("insert into automation_logs (action_type, status) values ('{status}', 'done')"),
        7 => format!(
            "update leads set status = '{status}' where {}",
            some.replace("{}", "leads")
        ),
        8 => format!("delete from leads where {}", some.replace("{}", "leads")),
        _ => format!(
            "insert into leads (name, phone, status, source) values ('{}', '1', 'new', 's')",
            "n".repeat(201)
        ),
    }
}

/// Transactions of a tenant's; some are rolled back, some end with an error, some by the end of the connection.
async fn write(database: &TestDatabase, person: Person, seed: u64, transactions: usize) {
    let mut dice = Dice(seed);
    let mut client = session_of(database, person).await;
    for _ in 0..transactions {
        if client.is_closed() {
            client = session_of(database, person).await;
        }
        drop(client.simple_query("begin").await);
        for _ in 0..=dice.throw(3) {
            // A refused statement spoils the transaction, as it would anybody's.
            drop(client.simple_query(&statement(&mut dice)).await);
        }
        match dice.throw(8) {
            0 => drop(client.simple_query("rollback").await),
            1 => client = session_of(database, person).await,
            _ => drop(client.simple_query("commit").await),
        }
    }
}

/// Somebody ends sessions of the API's, as a crash of a server process would.
async fn kill(database: &TestDatabase, times: u32) {
    let owner = database.superuser().await;
    for _ in 0..times {
        tokio::time::sleep(Duration::from_millis(30)).await;
        let one = "select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and usename = 'authenticator' and query ~ '^(begin|insert|update|delete)'
              and xact_start is not null
            limit 1";
        drop(owner.simple_query(one).await);
    }
}

#[tokio::test]
async fn counts_are_what_the_rows_say_whatever_becomes_of_their_writers() {
    let database = TestDatabase::new().await.with_rows().await;
    let (owner, login) = (database.superuser().await, database.login().await);
    let writers = async {
        tokio::join!(
            write(&database, Alice, 1, 60),
            write(&database, Alice, 2, 60),
            write(&database, Bob, 3, 60),
            kill(&database, 20),
        )
    };
    let meanwhile = async {
        for round in 0..20 {
            fold(&login).await;
            assert_eq!(drift(&owner).await, 0, "round {round}");
            if round % 5 == 0 {
                number(&owner, "select mako.rebuild_stats()").await;
            }
        }
    };
    tokio::join!(writers, meanwhile);
    assert!(number(&owner, "select count(*) from leads").await > 50);
    while fold(&login).await > 0 {}
    assert_eq!(drift(&owner).await, 0);
    let double = "select count(*) from (select from mako.stats group by user_id, relation, day, kind, status having count(*) > 1) d";
    assert_eq!(
        number(&owner, double).await,
        0,
        "one line a count once all are summed up"
    );
    batch(&owner, "delete from users").await;
    while fold(&login).await > 0 {}
    assert_eq!(
        number(&owner, "select count(*) from mako.stats").await,
        0,
        "nothing is left of whom there is nothing"
    );
}

#[tokio::test]
async fn no_writer_waits_for_another_of_the_same_tenant() {
    let database = TestDatabase::new().await.with_rows().await;
    let (one, other) = (
        session_of(&database, Alice).await,
        session_of(&database, Alice).await,
    );
    let login = database.login().await;
    let lead = "insert into leads (name, phone, status, source) values ('n', '1', 'new', 's')";
    let contact = "insert into contacts (first_name) values ('n')";
    batch(&one, &format!("set lock_timeout = '1ms'; begin; {lead}")).await;
    batch(&other, &format!("set lock_timeout = '1ms'; begin; {contact}")).await;
    // In the opposite order, with a fold between: there is no lock to be had in a wrong order.
    fold(&login).await;
    batch(&one, &format!("{contact}; commit")).await;
    batch(&other, &format!("{lead}; commit")).await;
    let owner = database.superuser().await;
    assert_eq!(
        (
            drift(&owner).await,
            number(&owner, "select count(*) from leads where name = 'n'").await
        ),
        (0, 2)
    );
}

#[tokio::test]
async fn what_truncate_merge_and_a_change_of_tenant_do_is_counted() {
    let database = TestDatabase::new().await.with_rows().await;
    let (owner, login) = (database.superuser().await, database.login().await);
    for sql in [
        format!("update leads set user_id = '{}', created_at = now() - interval '3 days'", Bob.id()),
        "update contacts set created_at = 'infinity'; update call_logs set created_at = '-infinity'".to_owned(),
        "insert into leads (id, user_id, name, phone, status, source) select id, user_id, name, phone, 'x', source from leads
         on conflict (id) do update set status = 'again'"
            .to_owned(),
        "update webhook_events set status = 'failed'; update webhook_events set user_id = null where source = 'make'".to_owned(),
        format!("update webhook_events set user_id = '{}'", Bob.id()),
        "copy automation_logs (user_id, action_type, status) from program 'true'".to_owned(),
        "merge into leads l using (select min(id) as id from leads) m on l.id = m.id when matched then delete".to_owned(),
        "truncate call_logs; truncate contacts cascade".to_owned(),
        format!("delete from users where id = '{}'", Alice.id()),
    ] {
        batch(&owner, &sql).await;
        assert_eq!(drift(&owner).await, 0, "{sql}");
        fold(&login).await;
        assert_eq!(drift(&owner).await, 0, "{sql}, folded");
    }
}

#[tokio::test]
async fn whoever_turns_row_level_security_off_can_still_write() {
    let database = TestDatabase::new().await.with_rows().await;
    let owner = database.superuser().await;
    batch(
        &owner,
        "set row_security = off; update leads set status = 'x'; delete from contacts",
    )
    .await;
    assert_eq!(drift(&owner).await, 0);
}

#[tokio::test]
async fn what_was_written_while_a_trigger_was_away_is_found_and_counted_afresh() {
    let database = TestDatabase::new().await.with_rows().await;
    let owner = database.superuser().await;
    assert_eq!(stats(&database, "check").await.0, Some(0));
    batch(
        &owner,
        "set session_replication_role = replica; delete from leads; set session_replication_role = origin",
    )
    .await;
    let (code, output) = stats(&database, "check").await;
    assert_eq!(code, Some(1), "{output}");
    assert!(
        output.starts_with("leads: ") && output.contains("counts of 2 tenants are wrong"),
        "{output}"
    );
    assert!(!output.contains(Alice.id()), "{output}");
    assert_eq!(stats(&database, "rebuild").await.0, Some(0));
    assert_eq!(
        (stats(&database, "check").await.0, drift(&owner).await),
        (Some(0), 0)
    );
}

#[tokio::test]
async fn nobody_reads_counts_until_what_was_there_before_is_counted() {
    let database = TestDatabase::new().await.with_rows().await;
    let owner = database.superuser().await;
    let alice = session_of(&database, Alice).await;
    let counted = "select sum(rows)::bigint from mako.stats where relation = 'leads' and day = 'infinity'";
    batch(
        &owner,
        "drop trigger count_deleted on leads; delete from leads where status = 'new'",
    )
    .await;
    batch(
        &owner,
        "insert into leads (user_id, name, phone, status, source) select id, 'n', '1', 's', 's' from users",
    )
    .await;
    let file = include_str!("../../policies/stats.sql");
    let (triggers, counting) = file.split_once("\ncommit;\n").unwrap();
    batch(&owner, &format!("{triggers}\ncommit;")).await;
    let refused = alice.query_one(counted, &[]).await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "42501");
    batch(&owner, counting).await;
    assert_eq!((number(&alice, counted).await, drift(&owner).await), (1, 0));
}

/// The numbers of the dashboard, counted from the rows by plain statements.
async fn counted(owner: &Client, days: i64) -> Value {
    let period = |back: i64| {
        let between = format!(
            "user_id = '{}' and created_at > now() - interval '{} days' and created_at <= now() - interval '{} days'",
            Mallory.id(),
            days * (back + 1),
            days * back
        );
        format!(
            "select (select count(*) from leads where {between}), (select count(*) from call_logs where {between}),
               (select count(*) from automation_logs where {between} and lower(action_type) in ('sms', 'chat')),
               (select count(*) from leads where {between} and lower(status) in ('booked', 'meeting')),
               (select count(*) from leads where {between} and lower(status) = 'converted')"
        )
    };
    let mut periods = Vec::new();
    for back in [0, 1] {
        let row = owner.query_one(&period(back), &[]).await.unwrap();
        let [leads, calls, messages, booked, converted] =
            [0, 1, 2, 3, 4].map(|column| row.get::<_, i64>(column));
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let rate = if leads == 0 {
            0.0
        } else {
            converted as f64 / leads as f64
        };
        periods.push(
            json!({"days": days, "leads": leads, "calls": calls, "messages": messages, "booked": booked,
            "conversion_rate": rate}),
        );
    }
    json!({"period": periods[0], "previous": periods[1]})
}

#[tokio::test]
async fn the_dashboard_says_what_the_rows_say_to_the_moment() {
    let database = TestDatabase::new().await;
    let owner = database.superuser().await;
    // Every hour of ten weeks, not on the hour, and some to come; half of them changed since.
    let rows = "insert into users (id, email, password) values ('{u}', 'm@example.com', '!');
        insert into leads (user_id, name, phone, status, source, created_at)
          select '{u}', 'n', '1', (array['new', 'Booked', 'meeting', 'converted'])[1 + abs(n) % 4], 's', now() - n * interval '61 minutes'
          from generate_series(-50, 1700) n;
        insert into call_logs (user_id, created_at) select '{u}', now() - n * interval '37 minutes' from generate_series(0, 2000) n;
        insert into automation_logs (user_id, action_type, status, created_at)
          select '{u}', (array['SMS', 'chat', 'sync'])[1 + n % 3], 'done', now() - n * interval '53 minutes' from generate_series(0, 2000) n;
        update leads set status = 'lost' where length(id) % 2 = 0 and status = 'new' and created_at < now() - interval '9 days';
        delete from call_logs where extract(minute from created_at) < 20;";
    batch(&owner, &rows.replace("{u}", Mallory.id())).await;
    let service = Service::on(&database).await;
    for days in [1, 2, 7, 30, 60] {
        let said = service
            .get(Mallory, &format!("/v1/dashboard/stats?days={days}"))
            .await
            .body;
        let counted = counted(&owner, days).await;
        for which in ["period", "previous"] {
            assert_eq!(said[which], counted[which], "{days} days, {which}");
        }
    }
    for (table, path) in TABLES.into_iter().zip([
        "leads",
        "contacts",
        "call-logs",
        "automation-logs",
        "webhook-events",
    ]) {
        let counted = number(&owner, &format!("select count(*) from {table}")).await;
        for filter in ["", "&created_after=1990-01-01T00:00:00Z"] {
            let listed = service
                .get(Mallory, &format!("/v1/{path}?limit=1&count=exact{filter}"))
                .await
                .body;
            assert_eq!(listed["count"], counted, "{path}{filter}");
        }
    }
    let booked = service
        .get(Mallory, "/v1/leads?count=exact&status=Booked&limit=1")
        .await
        .body;
    assert_eq!(
        booked["count"],
        number(&owner, "select count(*) from leads where status = 'Booked'").await
    );
    let none = service.get(Alice, "/v1/leads?count=exact").await.body;
    assert_eq!(none, json!({"data": [], "next_cursor": null, "count": 0}));
}

#[tokio::test]
async fn the_service_sums_up_what_writers_add() {
    let database = TestDatabase::new().await.with_rows().await;
    let owner = database.superuser().await;
    assert!(number(&owner, "select count(*) from mako.stats where not folded").await > 0);
    let service = Service::on(&database).await;
    until(async || number(&owner, "select count(*) from mako.stats where not folded").await == 0).await;
    assert_eq!(service.get(Alice, "/v1/leads?count=exact").await.body["count"], 3);
    assert_eq!(drift(&owner).await, 0);
}
