//! What is told of, and what isn't.

use serde_json::json;
use tests::database::{batch, connect};
use tests::people::Person::{Alice, Bob};

use super::{subscribe, tenants, told};

/// Types alone.
fn types(told: &[(String, Option<Vec<String>>)]) -> Vec<&str> {
    told.iter().map(|(event_type, _)| event_type.as_str()).collect()
}

#[tokio::test]
async fn an_app_of_the_users_writes_what_they_are_told_of() {
    let (database, owner) = tenants().await;
    subscribe(&owner, Alice, "hers", &[]).await;
    let mut app = Alice.payload();
    app["client_id"] = json!("app");
    let client = connect(&database.authenticator_url()).await;
    let write = format!(
        "begin; select set_config('request.jwt.claims', '{app}', true), set_config('role', 'authenticated', true);
         insert into contacts (first_name) values ('Ann'); commit"
    );
    batch(&client, &write).await;
    assert_eq!(types(&told(&owner, "hers").await), ["contact.created"]);
}

#[tokio::test]
async fn a_change_names_its_columns_and_nothing_changed_is_no_change() {
    let (_database, owner) = tenants().await;
    subscribe(&owner, Alice, "hers", &[]).await;
    let alice = Alice.id();
    batch(
        &owner,
        &format!(
            "insert into leads (id, user_id, name, phone, status, source) values ('1', '{alice}', 'Ann', '1', 'new', 'Voice');
             update leads set status = 'booked', summary = 'calls back', updated_at = now();
             update leads set status = status, updated_at = now() + interval '1 second';
             insert into leads (id, user_id, name, phone, status, source) values ('1', '{alice}', 'Ann', '1', 'new', 'Voice')
               on conflict (id) do update set phone = '2';
             insert into call_logs (user_id, phone) values ('{alice}', '1');
             update call_logs set duration = 60; update call_logs set duration = 60; delete from call_logs;
             insert into contacts (user_id, first_name) values ('{alice}', 'Ann');
             update contacts set notes = 'vip', appointment_date = now(); delete from contacts"
        ),
    )
    .await;
    let changed = |columns: &[&str]| {
        Some(
            columns
                .iter()
                .map(|&column| column.to_owned())
                .collect::<Vec<_>>(),
        )
    };
    let expected = [
        ("lead.created", None),
        ("lead.updated", changed(&["status", "summary"])),
        ("lead.updated", changed(&["phone"])),
        ("call.logged", None),
        ("call.updated", changed(&["duration"])),
        ("contact.created", None),
        ("contact.updated", changed(&["notes", "appointment_date"])),
        ("contact.deleted", None),
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(event_type, columns)| (event_type.to_owned(), columns))
        .collect();
    assert_eq!(told(&owner, "hers").await, expected);
}

#[tokio::test]
async fn only_what_is_asked_for_is_told_and_nothing_while_it_is_off() {
    let (_database, owner) = tenants().await;
    subscribe(&owner, Alice, "deleted leads", &["lead.deleted"]).await;
    subscribe(&owner, Alice, "off", &[]).await;
    let write = format!(
        "update mako.event_subscriptions set status = 'disabled' where id = 'off';
         insert into leads (user_id, name, phone, status, source) values ('{0}', 'Ann', '1', 'new', 'Voice');
         insert into automation_logs (user_id, action_type, status) values ('{0}', 'SMS', 'done'), ('{0}', 'call', 'done');
         delete from leads",
        Alice.id()
    );
    batch(&owner, &write).await;
    assert_eq!(types(&told(&owner, "deleted leads").await), ["lead.deleted"]);
    assert_eq!(told(&owner, "off").await, []);
}

#[tokio::test]
async fn whatever_kind_of_statement_writes_a_row_it_is_told_of_once() {
    let (_database, owner) = tenants().await;
    subscribe(&owner, Alice, "hers", &[]).await;
    // Rows are written by name alone; whose they are, by a default.
    let default = format!(
        "alter table leads alter user_id set default '{0}'; alter table contacts alter user_id set default '{0}'",
        Alice.id()
    );
    batch(&owner, &default).await;
    let upsert = "insert into contacts (id, first_name) values ('1', 'Ann'), ('2', 'Eve') on conflict (id) do update set
        first_name = excluded.first_name";
    for (statement, expected) in [
        (
            "copy contacts (id, first_name) from program 'printf \"1\\t2\\n3\\t4\\n\"'",
            vec!["contact.created"; 2],
        ),
        // As PostgREST writes `on_conflict`: of these two one is there.
        (upsert, vec!["contact.created", "contact.updated"]),
        (upsert, vec![]),
        ("insert into contacts (id, first_name) values ('1', 'Ann') on conflict do nothing", vec![]),
        (
            "merge into contacts c using (values ('1', 'Zoe'), ('2', null), ('9', 'Ida')) v (id, name) on c.id = v.id
             when matched and v.name is null then delete when matched then update set first_name = v.name
             when not matched then insert (id, first_name) values (v.id, v.name)",
            vec!["contact.created", "contact.updated", "contact.deleted"],
        ),
        (
            "with moved as (delete from contacts returning first_name)
             insert into leads (name, phone, status, source) select first_name, '1', 'new', 'x' from moved",
            vec!["contact.deleted", "contact.deleted", "contact.deleted", "lead.created", "lead.created", "lead.created"],
        ),
        ("update leads set status = 'booked' where false", vec![]),
        ("begin; update leads set status = 'booked'; update leads set status = 'new'; commit", vec!["lead.updated"; 6]),
    ] {
        batch(&owner, "delete from mako.event_deliveries").await;
        batch(&owner, statement).await;
        let told = told(&owner, "hers").await;
        let (mut told, mut expected) = (types(&told), expected);
        told.sort_unstable();
        expected.sort_unstable();
        assert_eq!(told, expected, "{statement}");
    }
}

#[tokio::test]
async fn messages_and_refused_connections_are_told_of() {
    let (_database, owner) = tenants().await;
    subscribe(&owner, Alice, "hers", &["message.logged", "connection.error"]).await;
    let write = format!(
        "insert into automation_logs (user_id, action_type, status) values ('{0}', 'SMS', 'done'), ('{0}', 'call', 'done');
         insert into api_keys (user_id, service_name, encrypted_key) values ('{0}', 'vapi', 'x');
         update api_keys set last_used_at = now();
         update api_keys set last_error = 'refused';
         update api_keys set last_error = 'refused', last_used_at = now();
         update api_keys set last_error = null",
        Alice.id()
    );
    batch(&owner, &write).await;
    assert_eq!(
        types(&told(&owner, "hers").await),
        ["message.logged", "connection.error"]
    );
}

#[tokio::test]
async fn a_row_that_changes_hands_is_new_to_one_and_gone_for_the_other() {
    let (_database, owner) = tenants().await;
    subscribe(&owner, Alice, "hers", &[]).await;
    subscribe(&owner, Bob, "his", &[]).await;
    let insert = format!(
        "insert into leads (user_id, name, phone, status, source) values ('{}', 'Ann', '1', 'new', 'Voice')",
        Alice.id()
    );
    batch(
        &owner,
        &format!("{insert}; update leads set user_id = '{}'", Bob.id()),
    )
    .await;
    assert_eq!(
        types(&told(&owner, "hers").await),
        ["lead.created", "lead.deleted"]
    );
    assert_eq!(types(&told(&owner, "his").await), ["lead.created"]);
}

#[tokio::test]
async fn what_is_rolled_back_is_not_told_and_a_deleted_user_leaves_nothing() {
    let (_database, owner) = tenants().await;
    subscribe(&owner, Alice, "hers", &[]).await;
    let insert = format!(
        "insert into leads (user_id, name, phone, status, source) values ('{}', 'Ann', '1', 'new', 'Voice')",
        Alice.id()
    );
    batch(&owner, &format!("begin; {insert}; rollback")).await;
    assert_eq!(told(&owner, "hers").await, []);
    let attempt = "insert into mako.event_attempts (user_id, delivery_id, attempted_at, duration_ms)
        select user_id, id, now(), 1 from mako.event_deliveries";
    batch(&owner, &format!("{insert}; {attempt}")).await;
    let left = "select array[(select count(*) from mako.event_subscriptions), (select count(*) from mako.event_deliveries),
        (select count(*) from mako.event_attempts)]";
    let left = async || owner.query_one(left, &[]).await.unwrap().get::<_, Vec<i64>>(0);
    assert_eq!(left().await, [1, 1, 1]);
    batch(&owner, &format!("delete from users where id = '{}'", Alice.id())).await;
    assert_eq!(left().await, [0, 0, 0]);
}

#[tokio::test]
async fn of_five_thousand_rows_is_asked_once_who_is_to_be_told_and_written_only_for_them() {
    let (_database, owner) = tenants().await;
    subscribe(&owner, Alice, "hers", &["contact.created", "contact.updated"]).await;
    let counts = "select array[
        coalesce((select calls from pg_stat_xact_user_functions where funcname = 'FUNCTION'), 0),
        (select coalesce(seq_scan, 0) + coalesce(idx_scan, 0) from pg_stat_xact_all_tables
          where relid = 'mako.event_subscriptions'::regclass),
        (select n_tup_ins from pg_stat_xact_all_tables where relid = 'mako.event_deliveries'::regclass)]";
    let counted = async |function: &str| {
        let counts = counts.replace("FUNCTION", function);
        owner.query_one(&counts, &[]).await.unwrap().get::<_, Vec<i64>>(0)
    };
    let insert =
        "insert into contacts (user_id, first_name) select 'USER', 'Ann' from generate_series(1, 5000)";
    let update = "update contacts set notes = 'vip' where user_id = 'USER'";
    for (person, events) in [(Bob, 0), (Alice, 5000)] {
        for (function, statement) in [("capture_created", insert), ("capture_updated", update)] {
            let statement = statement.replace("USER", person.id());
            batch(&owner, "set track_functions = 'all'; begin").await;
            let before = counted(function).await;
            batch(&owner, &statement).await;
            let after = counted(function).await;
            batch(&owner, "commit").await;
            let counted: Vec<i64> = after
                .iter()
                .zip(before)
                .map(|(after, before)| after - before)
                .collect();
            let [called, looked, told] = counted[..] else {
                panic!("{counted:?}")
            };
            assert_eq!((called, told), (1, events), "{statement}");
            // One look, and the planner's; and each event's foreign key at whether its subscription is still there.
            assert!(looked <= 5 + events, "{looked}: {statement}");
        }
    }
}
