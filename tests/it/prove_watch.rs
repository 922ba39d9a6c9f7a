//! `mako prove --watch supabase/`: what a developer is told after each save.

use std::path::Path;

use serde_json::Value;
use tests::process::Process;
use tests::sample_project::{LAST_MIGRATION, SampleProject};

/// Waits for the next turn that says this.
async fn told(watch: &mut Process, from: &mut usize, line: &str) -> String {
    let (turn, end) = watch
        .wait_for(|log| {
            let new = &log[*from..];
            let said = new.find(line)?;
            let end = said + new[said..].find("watching; Ctrl-C ends\n")?;
            Some((new[..end].to_owned(), *from + end))
        })
        .await;
    *from = end;
    turn
}

/// What the proof says, without what was made up for it.
fn gist(project: &SampleProject, file: &str) -> Value {
    let report: Value = serde_json::from_str(&project.read(file)).unwrap();
    let relations = report["relations"].as_array().unwrap().iter();
    let relations: Vec<Value> = relations
        .map(|relation| {
            let rules = relation["findings"].as_array().unwrap().iter();
            let rules: Vec<Value> = rules
                .map(|finding| serde_json::json!([finding["id"], finding["file"], finding["line"]]))
                .collect();
            serde_json::json!([relation["relation"], relation["verdict"], rules])
        })
        .collect();
    serde_json::json!([report["fingerprint"], report["findings"], relations])
}

const CLOSED: &str = "drop policy \"Enable read access for all users\" on public.invitations;\n";

#[tokio::test]
async fn each_save_is_proven_and_said_beside_the_run_before_and_nothing_is_left() {
    let project = SampleProject::of("teams", "");
    let mut watch = project
        .start(&["--watch", "--format", "json=supabase/watched.json"])
        .await;
    let at = &mut 0;
    let first = told(&mut watch, at, "LEAK: 4 relations").await;
    assert!(
        first.contains("LEAK public.invitations [cross_tenant_read]"),
        "{first}"
    );

    project.write(LAST_MIGRATION, CLOSED);
    let closed = told(&mut watch, at, "since the run before").await;
    assert!(
        closed.contains("closed: public.invitations [cross_tenant_read]"),
        "{closed}"
    );
    assert!(closed.contains("since the run before: 0 opened"), "{closed}");

    // Roles belong to the cluster, and a copy of a database doesn't have them.
    let opened = "create table public.plans (id uuid primary key, team_id uuid not null references public.teams (id));\n\
        grant service_role to authenticated;\ncreate role later;\ngrant usage on schema public to later;\n";
    project.write(LAST_MIGRATION, &format!("{CLOSED}{opened}"));
    let turn = told(&mut watch, at, "since the run before").await;
    for line in [
        "opened: database [role_can_bypass]",
        "opened: public.plans [cross_tenant_read]",
        "new relations: public.plans",
        "LEAK public.plans [cross_tenant_read]",
    ] {
        assert!(turn.contains(line), "{line}:\n{turn}");
    }
    assert!(!turn.contains("LEAK public.invitations"), "{turn}");

    project.write("supabase/tenancy.toml", "schemas = 1");
    watch
        .wait_for(|log| log[*at..].contains("mako: ").then_some(()))
        .await;
    let model = SampleProject::of("teams", "").read("supabase/tenancy.toml");
    project.write("supabase/tenancy.toml", &format!("{model}# Once more\n"));
    let turn = told(&mut watch, at, "since the run before").await;
    assert!(
        turn.contains("0 opened, 0 closed, 0 new relations, 0 gone"),
        "{turn}"
    );

    project.write(LAST_MIGRATION, CLOSED);
    let turn = told(&mut watch, at, "since the run before").await;
    assert!(turn.contains("closed: database [role_can_bypass]"), "{turn}");
    project.write(
        "supabase/migrations/20991231000001_more.sql",
        "alter table public.documents add body text;",
    );
    told(&mut watch, at, "since the run before").await;
    let first = "supabase/migrations/20260201080000_teams.sql";
    let teams = project.read(first);
    project.write(first, &format!("-- Everything is a line further down\n{teams}"));
    told(&mut watch, at, "since the run before").await;

    watch.signal("INT").await;
    let (status, said) = watch.output().await;
    assert_eq!(status, Some(0), "{said}");
    let cluster = said
        .lines()
        .find_map(|line| line.strip_prefix("Initialising a database cluster in "));
    assert!(!Path::new(cluster.unwrap()).exists(), "{said}");
    let (_, said) = project.prove(&["--format", "json=once.json"]).await;
    assert_eq!(
        gist(&project, "supabase/watched.json"),
        gist(&project, "once.json"),
        "{said}"
    );
}
