//! `mako prove` on a database whose rows lie on several nodes: what is wrong on one of them is found.

use futures_util::future::BoxFuture;
use prove::{Client, Dial, Model, Node, Options, Report, Verdict};
use serde_json::Value;
use tests::TestDatabase;
use tests::database::{batch, connect};
use tests::people::Person::Alice;
use tests::process::Process;
use tests::service::mako;
use tokio_postgres::NoTls;

use super::spread;

/// The tables of the API, without what lies beside them: less to wait for.
fn model() -> Model {
    let own = "[relations.\"public.users\"]\ncolumn = \"id\"\n";
    Model::parse(own).unwrap()
}

/// Connects to a node as the administrator or as a role, as `mako prove` does.
fn dialling(
    database: &TestDatabase,
) -> impl Fn(&Node, Option<&str>) -> BoxFuture<'static, Result<Client, String>> + Sync + use<> {
    let name = database.name().to_owned();
    move |node, role| {
        let url = format!("postgres://{}@{node}/{name}", role.unwrap_or("postgres"));
        Box::pin(async move {
            let connected = tokio_postgres::connect(&url, NoTls).await;
            let (client, connection) = connected.map_err(|error| error.to_string())?;
            tokio::spawn(connection);
            Ok(client)
        })
    }
}

async fn proof(database: &TestDatabase, dial: Option<&Dial<'_>>) -> Report {
    let mut client = connect(&database.superuser_url()).await;
    let options = Options {
        dial,
        ..Options::default()
    };
    prove::run(&mut client, &model(), &options).await.unwrap()
}

/// A shard of leads, and a session of the superuser's on its node.
async fn shard_of_leads(database: &TestDatabase, worker: usize) -> (Client, String) {
    let node = connect(&database.cluster().worker_urls("postgres", database.name())[worker]).await;
    batch(
        &node,
        "set citus.enable_manual_changes_to_shards = on; set citus.enable_ddl_propagation = off",
    )
    .await;
    let shard = "select shard_name(logicalrelid, shardid, false) from pg_dist_shard join pg_dist_placement using (shardid)
        join pg_dist_local_group using (groupid) where logicalrelid = 'leads'::regclass order by shardid limit 1";
    let shard = node.query_one(shard, &[]).await.unwrap().get(0);
    (node, shard)
}

fn rules(report: &Report, relation: &str) -> Vec<&'static str> {
    let all = report.all_findings().into_iter();
    all.filter(|(about, _)| *about == relation)
        .map(|(_, finding)| finding.rule.id)
        .collect()
}

#[tokio::test]
async fn every_shard_is_attacked_where_it_lies_and_the_whole_is_proven() {
    let Some(database) = spread().await else { return };
    let url = database.superuser_url();
    let mut process =
        Process::start(&mut mako(&["prove", "--database-url", &url, "--format", "json"], &[]).await);
    let ended = process.child.wait().await.unwrap();
    let said = process.log();
    let report: Value =
        serde_json::from_str(&said[said.find('{').unwrap()..=said.rfind('}').unwrap()]).unwrap();
    assert_eq!(ended.code(), Some(0), "{said}");
    assert_eq!(report["verdict"], "proven", "{said}");
    assert!(report["controls"]["planted"].as_u64() > Some(20), "{said}");
    assert_eq!(
        report["controls"]["planted"], report["controls"]["caught"],
        "{said}"
    );
    let of = |relation: &str| {
        let all = report["relations"].as_array().unwrap();
        all.iter()
            .find(|known| known["relation"] == relation)
            .unwrap()
            .clone()
    };
    for relation in [
        "public.leads",
        "public.contacts",
        "public.call_logs",
        "public.automation_logs",
        "mako.idempotency_keys",
    ] {
        assert_eq!(of(relation)["shards"].as_array().unwrap().len(), 4, "{relation}");
        assert!(of(relation)["attempts"].as_u64() > Some(60), "{relation}");
    }
    assert!(of("public.users")["attempts"].as_u64() > Some(20));
    assert!(of("mako.stats")["attempts"].as_u64() > Some(5));
    let nodes = report["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 3);
    for node in &nodes[1..] {
        // Two shards of each of seven tables, and a copy of mako.tenants.
        assert_eq!(
            (&node["shards"], &node["claims"]),
            (&15.into(), &14.into()),
            "{node}"
        );
        let said = |role: &str| node["connections"][role].as_str().unwrap().to_owned();
        assert!(said("anon").starts_with("not let in: "), "{node}");
        assert_eq!(
            said("authenticated"),
            "let in without a password; of 15 shards it sees rows of 0"
        );
    }
    // The nodes take anybody's word here; it is said, and no leak.
    assert!(report["findings"].to_string().contains("node_lets_in"));
    let left = "select count(*) from mako.tenants where id not in (select id from users)";
    let left: i64 = database
        .superuser()
        .await
        .query_one(left, &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(left, 0);
}

#[tokio::test]
async fn row_level_security_that_is_off_on_one_shard_is_found_and_shown() {
    let Some(database) = spread().await else { return };
    let (node, shard) = shard_of_leads(&database, 0).await;
    batch(
        &node,
        &format!("alter table {shard} disable row level security, no force row level security"),
    )
    .await;
    // Somebody's row lies there, too.
    let id = format!(
        "select id from generate_series(1, 1000) n cross join lateral (select 'user-' || n as id) i
         where '{shard}' = shard_name('leads', get_shard_id_for_distribution_column('leads', id), false) limit 1"
    );
    let id: String = node.query_one(&id, &[]).await.unwrap().get(0);
    let superuser = database.superuser().await;
    batch(
        &superuser,
        &format!("insert into users (id, email, password) values ('{id}', 'x@example.com', '!')"),
    )
    .await;
    batch(&superuser, &format!("insert into leads (user_id, name, phone, status, source) values ('{id}', 'n', '+1', 'new', 'Voice')")).await;

    let report = proof(&database, Some(&dialling(&database))).await;
    assert_eq!(report.verdict, Verdict::Leak, "{}", report.to_text());
    let found = rules(&report, "public.leads");
    for rule in [
        "cross_tenant_read",
        "cross_tenant_update",
        "cross_tenant_delete",
        "direct_connection",
    ] {
        assert!(found.contains(&rule), "{rule}: {}", report.to_text());
    }
    assert!(
        rules(&report, "public.contacts")
            .iter()
            .all(|rule| *rule == "rls_disabled"),
        "{}",
        report.to_text()
    );
    let all = report.all_findings();
    let (_, read) = all
        .iter()
        .find(|(_, finding)| finding.rule.id == "cross_tenant_read")
        .unwrap();
    assert!(
        read.message.contains(&format!("({shard} on 127.0.0.1:")),
        "{}",
        read.message
    );
    let mut shown = Vec::new();
    for statement in read.reproduce.statements() {
        let rows = node
            .simple_query(&statement)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
        shown.push(
            rows.iter()
                .filter(|row| matches!(row, tokio_postgres::SimpleQueryMessage::Row(_)))
                .count(),
        );
    }
    assert!(shown[shown.len() - 2] > 0, "{:?}", read.reproduce.statements());
    // Through the coordinator it is seen as well.
    let stranger =
        "begin; select mako.forward_claims('{\"sub\":\"x\"}'), set_config('role', 'authenticated', true)";
    batch(&superuser, stranger).await;
    let seen: i64 = superuser
        .query_one("select count(*) from leads", &[])
        .await
        .unwrap()
        .get(0);
    assert!(seen > 0);
}

#[tokio::test]
async fn a_policy_that_a_shard_lacks_or_has_alone_is_found() {
    let Some(database) = spread().await else { return };
    let (first, lacking) = shard_of_leads(&database, 0).await;
    batch(&first, &format!("drop policy tenant_reads_own on {lacking}")).await;
    let (second, open) = shard_of_leads(&database, 1).await;
    batch(
        &second,
        &format!("create policy stray on {open} for select to authenticated using (true)"),
    )
    .await;
    let report = proof(&database, Some(&dialling(&database))).await;
    assert_eq!(report.verdict, Verdict::Leak, "{}", report.to_text());
    let leads = report
        .relations
        .iter()
        .find(|known| known.relation == "public.leads")
        .unwrap();
    let of = |shard: &str| format!("({shard} on 127.0.0.1:");
    // It shows nobody anything, but it isn't what was meant.
    let name = lacking.trim_start_matches("public.");
    let differs = format!("{name} and its table differ in policies");
    assert!(
        report.not_tested.iter().any(|why| why.contains(&differs)),
        "{}",
        report.to_text()
    );
    let leak = leads
        .findings
        .iter()
        .find(|finding| finding.rule.id == "cross_tenant_read")
        .unwrap();
    assert!(leak.message.contains(&of(&open)), "{}", leak.message);
    assert!(!leak.message.contains(&lacking), "{}", leak.message);
}

#[tokio::test]
async fn claims_that_arrive_as_anothers_are_found() {
    let Some(database) = spread().await else { return };
    let forger = format!(
        "create or replace function mako.forward_claims(p_claims text) returns void language plpgsql volatile
         set search_path = '' set citus.propagate_set_commands = 'local' as $$
         begin set local \"request.jwt.claims\" = '{}'; end $$",
        Alice.payload()
    );
    batch(&database.superuser().await, &forger).await;
    let report = proof(&database, Some(&dialling(&database))).await;
    assert_eq!(report.verdict, Verdict::Leak, "{}", report.to_text());
    for relation in ["public.leads", "public.contacts"] {
        let found = rules(&report, relation);
        assert!(
            found.contains(&"claims_of_another") && found.contains(&"cross_tenant_read"),
            "{}",
            report.to_text()
        );
    }
}

#[tokio::test]
async fn nodes_that_cannot_be_reached_and_claims_that_nobody_forwards_are_said() {
    let Some(database) = spread().await else { return };
    batch(
        &database.superuser().await,
        "drop function mako.forward_claims(text)",
    )
    .await;
    let nobody = |_: &Node, _: Option<&str>| -> BoxFuture<'static, Result<Client, String>> {
        Box::pin(std::future::ready(Err("nobody answers".to_owned())))
    };
    for dial in [None, Some(&nobody as &Dial<'_>)] {
        let report = proof(&database, dial).await;
        assert_eq!(report.verdict, Verdict::Incomplete, "{}", report.to_text());
        let said = report.to_text();
        assert_eq!(
            said.matches("nothing was attacked on 127.0.0.1:").count(),
            2,
            "{said}"
        );
        assert!(said.contains("forward_claims(text) is missing"), "{said}");
        let leads = report
            .relations
            .iter()
            .find(|known| known.relation == "public.leads")
            .unwrap();
        assert_eq!(
            (leads.verdict, leads.not_tested.len()),
            (Verdict::NotTested, 4),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_worker_alone_is_not_proven() {
    let Some(database) = spread().await else { return };
    let mut worker = connect(&database.cluster().worker_urls("postgres", database.name())[0]).await;
    let refused = prove::run(&mut worker, &model(), &Options::default())
        .await
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("prove the database on its coordinator"),
        "{refused}"
    );
}
