//! Who can do what to alice's rows? Every table, every verb, every caller, tried as plain SQL: our service's
//! predicates play no part here. The result is `access_matrix.txt`, for people to read.

use std::fmt::Write as _;

use tests::TestDatabase;
use tests::database::{batch, connect};
use tests::people::Person::{self, Alice, Bob};
use tests::snapshot::assert_snapshot;
use tokio_postgres::Client;

/// A tenant table, and what is needed to write to it.
struct Table {
    name: &'static str,
    tenant: &'static str,
    /// A column that has no say in who owns the row, and a value for it.
    set: &'static str,
    columns: &'static str,
    values: &'static str,
}

const TABLES: &[Table] = &[
    Table {
        name: "public.users",
        tenant: "id",
        set: "business_name = 'x'",
        columns: "email, password",
        values: "'x@y', '!'",
    },
    Table {
        name: "public.leads",
        tenant: "user_id",
        set: "name = 'x'",
        columns: "name, phone, status, source",
        values: "'a', 'b', 'c', 'd'",
    },
    Table {
        name: "public.contacts",
        tenant: "user_id",
        set: "notes = 'x'",
        columns: "first_name",
        values: "'a'",
    },
    Table {
        name: "public.call_logs",
        tenant: "user_id",
        set: "summary = 'x'",
        columns: "phone",
        values: "'a'",
    },
    Table {
        name: "public.automation_logs",
        tenant: "user_id",
        set: "details = 'x'",
        columns: "action_type, status",
        values: "'a', 'b'",
    },
    Table {
        name: "public.api_keys",
        tenant: "user_id",
        set: "is_active = false",
        columns: "service_name, encrypted_key",
        values: "'zoho', 'x'",
    },
    Table {
        name: "public.webhook_events",
        tenant: "user_id",
        set: "status = 'ignored'",
        columns: "source, payload",
        values: "'make', '{}'",
    },
    Table {
        name: "public.user_phone_numbers",
        tenant: "user_id",
        set: "label = 'x'",
        columns: "phone",
        values: "'+15550199999'",
    },
    Table {
        name: "public.webhook_endpoints",
        tenant: "user_id",
        set: "source = 'make'",
        columns: "source",
        values: "'make'",
    },
    Table {
        name: "mako.access_tokens",
        tenant: "user_id",
        set: "name = 'x'",
        columns: "name, scopes, token_hash, expires_at",
        values: "'a', '{leads:read}', 'x', now()",
    },
    Table {
        name: "mako.event_subscriptions",
        tenant: "user_id",
        set: "url = 'https://example.org'",
        columns: "id, url, sealed_secret",
        values: "'x', 'https://example.org', 'x'",
    },
    Table {
        name: "mako.event_deliveries",
        tenant: "user_id",
        set: "status = 'pending'",
        columns: "subscription_id, event_type, row_id",
        values: "'x', 'lead.created', 'x'",
    },
    Table {
        name: "mako.event_attempts",
        tenant: "user_id",
        set: "error = 'x'",
        columns: "delivery_id, attempted_at, duration_ms",
        values: "'x', now(), 1",
    },
    Table {
        name: "mako.oauth_states",
        tenant: "user_id",
        set: "expires_at = now()",
        columns: "service_name, id, expires_at",
        values: "'pipedrive', 'x', now()",
    },
    Table {
        name: "mako.key_uses",
        tenant: "user_id",
        set: "status = 200",
        columns: "created_at, service, method, host, path, duration_ms, bytes_out, bytes_in, service_token",
        values: "now(), 'vapi', 'GET', 'h', '/', 1, 0, 0, false",
    },
    Table {
        name: "mako.idempotency_keys",
        tenant: "user_id",
        set: "row_id = 'x'",
        columns: "resource, key, row_id",
        values: "'leads', 'k', 'x'",
    },
    Table {
        name: "mako.contact_imports",
        tenant: "user_id",
        set: "digest = 'x'",
        columns: "import_id, contact_id, digest",
        values: "'i', 'nowhere', 'x'",
    },
    Table {
        name: "mako.provider_objects",
        tenant: "user_id",
        set: "rank = 1",
        columns: "kind, provider_id, row_id",
        values: "'call', 'x', 'x'",
    },
    Table {
        name: "mako.stats",
        tenant: "user_id",
        set: "rows = 0",
        columns: "relation, day, kind, status, rows",
        values: "'leads', 'infinity', '', 'new', 1",
    },
];

/// Somebody who sends SQL: the role they have and the settings they come with.
struct Principal {
    name: &'static str,
    role: Option<&'static str>,
    claims: Option<String>,
    legacy: Option<Person>,
    person: Option<Person>,
}

fn callers() -> Vec<Principal> {
    let claims = |person: Person| Some(person.payload().to_string());
    let authenticated = Some("authenticated");
    vec![
        Principal {
            name: "login",
            role: None,
            claims: claims(Alice),
            legacy: None,
            person: None,
        },
        Principal {
            name: "no claims",
            role: authenticated,
            claims: None,
            legacy: None,
            person: None,
        },
        Principal {
            name: "empty claims",
            role: authenticated,
            claims: Some(String::new()),
            legacy: None,
            person: None,
        },
        Principal {
            name: "no sub",
            role: authenticated,
            claims: Some(r#"{"role":"authenticated"}"#.into()),
            legacy: None,
            person: None,
        },
        Principal {
            name: "anon",
            role: Some("anon"),
            claims: Some(r#"{"role":"anon"}"#.into()),
            legacy: None,
            person: None,
        },
        Principal {
            name: "alice",
            role: authenticated,
            claims: claims(Alice),
            legacy: None,
            person: Some(Alice),
        },
        Principal {
            name: "alice's app",
            role: authenticated,
            claims: Some({
                let mut claims = Alice.payload();
                claims["client_id"] = "app".into();
                claims.to_string()
            }),
            legacy: None,
            person: Some(Alice),
        },
        Principal {
            name: "bob",
            role: authenticated,
            claims: claims(Bob),
            legacy: None,
            person: Some(Bob),
        },
        Principal {
            name: "stale alice",
            role: authenticated,
            claims: None,
            legacy: Some(Alice),
            person: None,
        },
        Principal {
            name: "bob, stale alice",
            role: authenticated,
            claims: claims(Bob),
            legacy: Some(Alice),
            person: Some(Bob),
        },
    ]
}

const VERBS: &[&str] = &[
    "select",
    "insert",
    "insert for another",
    "update",
    "blind update",
    "move to another",
    "delete",
    "blind delete",
    "truncate",
];

/// The statement. Sighted ones name alice's rows, blind ones read no column at all.
fn statement(verb: &str, table: &Table, caller: &Principal) -> String {
    let Table {
        name,
        tenant,
        set,
        columns,
        values,
    } = table;
    let alice = Alice.id();
    // Alice gives to bob; everybody else takes from her, or adds to hers.
    let other = if caller.person == Some(Alice) {
        Bob.id()
    } else {
        alice
    };
    let taker = match caller.person {
        Some(Alice) | None => Bob.id(),
        Some(person) => person.id(),
    };
    match verb {
        "select" => format!("select 1 from {name} where {tenant} = '{alice}'"),
        "insert" => format!("insert into {name} ({columns}) values ({values})"),
        "insert for another" => {
            format!("insert into {name} ({tenant}, {columns}) values ('{other}', {values})")
        }
        "update" => format!("update {name} set {set} where {tenant} = '{alice}'"),
        "blind update" => format!("update {name} set {set}"),
        "move to another" => format!("update {name} set {tenant} = '{taker}' where {tenant} = '{alice}'"),
        "delete" => format!("delete from {name} where {tenant} = '{alice}'"),
        "blind delete" => format!("delete from {name}"),
        "truncate" => format!("truncate {name} cascade"),
        _ => unreachable!("one of VERBS"),
    }
}

/// Runs it as the caller in a transaction that is rolled back: how many rows, or why not.
async fn attempt(client: &Client, caller: &Principal, sql: &str) -> String {
    let mut settings = String::from("begin;");
    if let Some(claims) = &caller.claims {
        write!(
            settings,
            "select set_config('request.jwt.claims', '{claims}', true);"
        )
        .unwrap();
    }
    if let Some(person) = caller.legacy {
        let id = person.id();
        write!(settings, "select set_config('request.jwt.claim.sub', '{id}', true), set_config('request.jwt.claim', '{{\"sub\":\"{id}\"}}', true);").unwrap();
    }
    if let Some(role) = caller.role {
        write!(settings, "set local role {role};").unwrap();
    }
    batch(client, &settings).await;
    let outcome = match client.execute(sql, &[]).await {
        Ok(rows) => rows.to_string(),
        Err(error) => error.code().expect("an SQLSTATE").code().to_owned(),
    };
    batch(client, "rollback").await;
    outcome
}

/// The whole table, as text.
async fn matrix(database: &TestDatabase) -> String {
    let (login, authenticator) = (
        database.login().await,
        connect(&database.authenticator_url()).await,
    );
    let mut text = String::from(
        "# What can be done to alice's 3 rows (bob has 2 of his own): rows affected, or the SQLSTATE.\n\
         # 42501 is \"not permitted\". Blind statements name nobody, so bob's reach his own 2.\n",
    );
    let callers = callers();
    for table in TABLES {
        write!(text, "\n{:<28}", table.name).unwrap();
        for caller in &callers {
            write!(text, "{:<18}", caller.name).unwrap();
        }
        for verb in VERBS {
            write!(text, "\n  {verb:<26}").unwrap();
            for caller in &callers {
                // Only PostgREST's login may become anon; the service's may not.
                let client = if caller.role == Some("anon") {
                    &authenticator
                } else {
                    &login
                };
                let outcome = attempt(client, caller, &statement(verb, table, caller)).await;
                write!(text, "{outcome:<18}").unwrap();
            }
        }
        text = text.replace("  \n", "\n");
        text.push('\n');
    }
    text.lines()
        .map(str::trim_end)
        .fold(String::new(), |lines, line| lines + line + "\n")
}

#[tokio::test]
async fn only_the_owner_reaches_a_row() {
    let database = TestDatabase::new().await.with_rows().await;
    assert_snapshot("access_matrix.txt", &matrix(&database).await);
}

#[tokio::test]
async fn a_stray_policy_opens_nothing() {
    let database = TestDatabase::new().await.with_rows().await;
    let superuser = database.superuser().await;
    for table in TABLES {
        let stray = format!(
            "create policy oops on {} for all using (true) with check (true)",
            table.name
        );
        batch(&superuser, &stray).await;
    }
    assert_snapshot("access_matrix.txt", &matrix(&database).await);
}

#[tokio::test]
async fn nothing_hangs_on_another_tenants_contact_and_nobody_learns_that_it_exists() {
    let database = TestDatabase::new().await.with_rows().await;
    let superuser = database.superuser().await;
    let stray = "create policy oops on mako.contact_imports for all using (true) with check (true)";
    batch(&superuser, stray).await;
    let contact_of = async |person: Person| -> String {
        let sql = "select id from contacts where user_id = $1 limit 1";
        superuser.query_one(sql, &[&person.id()]).await.unwrap().get(0)
    };
    let login = database.login().await;
    let callers = callers();
    let bob = callers.iter().find(|caller| caller.name == "bob").unwrap();
    for (contact, outcome) in [
        (contact_of(Bob).await, "1"),
        (contact_of(Alice).await, "42501"),
        ("nowhere".to_owned(), "42501"),
    ] {
        let insert = format!(
            "insert into mako.contact_imports (user_id, import_id, contact_id, digest) values ('{}', 'i', '{contact}', 'x')",
            Bob.id()
        );
        assert_eq!(attempt(&login, bob, &insert).await, outcome, "{contact}");
    }
}

#[tokio::test]
async fn the_matrix_knows_every_tenant_table() {
    let database = TestDatabase::new().await;
    let found = database
        .superuser()
        .await
        .query(
            "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
             where n.nspname in ('public', 'mako') and c.relkind in ('r', 'p', 'v', 'm', 'f')",
            &[],
        )
        .await
        .unwrap();
    let nobodys = [
        "mako.policy_files",
        "mako.schema_history",
        "mako.deleted_users",
        "mako.third_party_clients",
    ];
    for row in found {
        let name: String = row.get(0);
        assert!(
            nobodys.contains(&name.as_str()) || TABLES.iter().any(|table| table.name == name),
            "{name} is in no test"
        );
    }
}
