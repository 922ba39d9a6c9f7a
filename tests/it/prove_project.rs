//! `mako prove supabase/`: what its owner is told before anything is deployed.

use serde_json::Value;
use tests::compose::repository;
use tests::process::Process;
use tests::sample_project::{LAST_MIGRATION, SampleProject, sample};
use tests::service::mako;
use tokio::process::Command;

/// The exit code, the report, and what was said beside it.
async fn prove(arguments: &[&str]) -> (Option<i32>, String) {
    let arguments: Vec<_> = std::iter::once("prove")
        .chain(arguments.iter().copied())
        .collect();
    Process::start(&mut mako(&arguments, &[]).await).output().await
}

/// Runs what `.github/actions/prove` runs, with these inputs, and what it wrote into the run's summary.
async fn action(project: &SampleProject, inputs: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let action = repository(".github/actions/prove");
    let defined = std::fs::read_to_string(action.join("action.yml")).unwrap();
    assert!(
        defined.contains("run: '\"$GITHUB_ACTION_PATH/run\"'"),
        "{defined}"
    );
    let mut run = mako(&[], &[]).await;
    let binary = run.as_std().get_program().to_owned();
    // The runner gives it the settings that are defined, and no others.
    let environment: Vec<_> = run
        .as_std()
        .get_envs()
        .map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned)))
        .collect();
    run = Command::new(action.join("run"));
    run.env_clear().current_dir(project.folder());
    for (name, value) in environment {
        run.env(name, value.unwrap_or_default());
    }
    for line in defined.lines().filter(|line| line.contains("${{ inputs.")) {
        let (name, input) = line.trim().split_once(": ${{ inputs.").unwrap();
        let input = input.strip_suffix(" }}").unwrap();
        let given = inputs
            .iter()
            .find(|(known, _)| *known == input)
            .map(|(_, value)| *value);
        run.env(name, given.unwrap_or_default());
    }
    run.env("COMMAND", format!("{} prove", binary.display()));
    run.env("GITHUB_STEP_SUMMARY", project.folder().join("summary.md"));
    std::fs::write(project.folder().join("summary.md"), "").unwrap();
    let (status, said) = Process::start(&mut run).output().await;
    (status, said, project.read("summary.md"))
}

async fn git(project: &SampleProject, arguments: &[&str]) {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=a", "-c", "user.email=a@example.com"])
        .args(arguments);
    let (status, said) = Process::start(git.current_dir(project.folder())).output().await;
    assert_eq!(status, Some(0), "{said}");
}

#[tokio::test]
async fn a_project_of_users_is_proven_without_a_model_of_its_own() {
    let (status, said) = prove(&[sample("notes").to_str().unwrap()]).await;
    assert_eq!(status, Some(0), "{said}");
    for line in [
        "public.notes     held",
        "public.profiles  held",
        "proven: 2 relations",
        "there is no tenancy.toml",
        "seed.sql:3: relation \"public.no_longer_there\" does not exist",
        "may decide who reaches what",
    ] {
        assert!(said.contains(line), "{line}:\n{said}");
    }
}

#[tokio::test]
async fn a_project_of_teams_is_held_to_its_own_model_and_its_leak_found() {
    let folder = sample("teams");
    // Named by any of its folders.
    for folder in [
        folder.clone(),
        folder.join("supabase"),
        folder.join("supabase/migrations"),
    ] {
        let (status, said) = prove(&[folder.to_str().unwrap()]).await;
        assert_eq!(status, Some(1), "{said}");
        assert!(
            said.contains("LEAK public.invitations [cross_tenant_read]"),
            "{said}"
        );
        assert!(said.contains("14 of 14 statements applied"), "{said}");
        assert!(!said.contains("LEAK public.documents"), "{said}");
    }
}

#[tokio::test]
async fn a_statement_that_is_refused_is_named_and_the_rest_is_no_proof() {
    let migration = "-- One line more\ncreate table public.later (\n  id int,\n  kind no_such_type\n);\n";
    let spoilt = SampleProject::of("notes", migration);
    let (status, said) = prove(&[spoilt.folder().to_str().unwrap()]).await;
    assert_ne!(status, Some(0), "{said}");
    assert!(
        said.contains("20991231000000_last.sql:4: type \"no_such_type\" does not exist"),
        "{said}"
    );
    assert!(
        said.contains("of the others 1 may decide who reaches what"),
        "{said}"
    );
}

#[tokio::test]
async fn init_drafts_a_model_of_a_project_and_a_folder_without_migrations_is_refused() {
    let (status, said) = prove(&[sample("teams").to_str().unwrap(), "--init"]).await;
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("table = \"public.team_members\""), "{said}");
    let (status, said) = prove(&[sample("").to_str().unwrap()]).await;
    assert!(
        status != Some(0) && said.contains("holds no migrations"),
        "{said}"
    );
}

/// Closes what the sample leaves open.
const CLOSED: &str = "drop policy \"Enable read access for all users\" on public.invitations;";

#[tokio::test]
async fn schemas_that_a_project_declares_are_applied_in_the_order_of_its_config() {
    let project = SampleProject::of("teams", "");
    for file in ["20260201080000_teams.sql", "20260202080000_documents.sql"] {
        let text = project.read(&format!("supabase/migrations/{file}"));
        // By their names alone the documents would come first.
        let declared = file.replace("20260201080000", "z").replace("20260202080000", "a");
        project.write(&format!("supabase/schemas/{declared}"), &text);
    }
    std::fs::remove_dir_all(project.folder().join("supabase/migrations")).unwrap();
    let (_, said) = project.prove(&[]).await;
    assert!(said.contains("schemas/a_documents.sql:1: "), "{said}");
    let config = "[api]\nschemas = [\"public\", \"shop\", \"graphql_public\"]\n[db]\nmajor_version = 9\n\
        [db.migrations]\nschema_paths = [\"./schemas/z_*.sql\", \"./schemas/*.sql\"]\n\
        [db.seed]\nsql_paths = [\"./seeds/*.sql\"]\n";
    project.write("supabase/config.toml", config);
    project.write(
        "supabase/seeds/first.sql",
        "insert into public.nowhere values (1);",
    );
    project.write("supabase/seed.sql", "insert into public.never_read values (1);");
    project.write(
        "supabase/schemas/shop.sql",
        "create schema shop;\ncreate table shop.orders (user_id uuid references auth.users);\n\
         grant usage on schema shop to authenticated;\ngrant all on shop.orders to authenticated;",
    );
    let (status, said) = project.prove(&[]).await;
    assert_eq!(status, Some(1), "{said}");
    for line in [
        "18 of 19 statements applied; of the others 0 may decide",
        "seeds/first.sql:1: relation \"public.nowhere\" does not exist",
        "config.toml says PostgreSQL 9, and this is",
        "config.toml offers schema shop by the API, and the model doesn't name it",
        "LEAK public.invitations [cross_tenant_read]",
    ] {
        assert!(said.contains(line), "{line}:\n{said}");
    }
    // Without a model of its own the draft names the schema.
    std::fs::remove_file(project.folder().join("supabase/tenancy.toml")).unwrap();
    let (_, said) = project.prove(&[]).await;
    assert!(said.contains("LEAK shop.orders [cross_tenant_read]"), "{said}");
}

#[tokio::test]
async fn a_finding_is_told_in_every_form_at_the_statement_that_decides_it() {
    // The policy is made anew, within a block.
    let again = "do $$ begin\n  drop policy \"Enable read access for all users\" on public.invitations;\nend $$;\n\n\
        do $$ begin\n  create policy everybody on public.invitations for select using (true);\nend $$;\n";
    let project = SampleProject::of("teams", again);
    let forms = [
        "github",
        "junit=out.xml",
        "markdown=out.md",
        "sarif=out.sarif",
        "json=out.json",
        "html=out.html",
    ];
    let arguments: Vec<_> = forms.iter().flat_map(|form| ["--format", form]).collect();
    let (status, said) = project.prove(&arguments).await;
    assert_eq!(status, Some(1), "{said}");
    let place = "file=supabase/migrations/20991231000000_last.sql,line=5,";
    assert!(
        said.contains(&format!(
            "::error {place}title=public.invitations%3A cross tenant read::"
        )),
        "{said}"
    );
    let junit = project.read("out.xml");
    assert!(junit.contains("failures=\"1\" errors=\"0\""), "{junit}");
    assert!(
        junit.contains("<failure message=\"A user of another tenant reads"),
        "{junit}"
    );
    let markdown = project.read("out.md");
    assert!(
        markdown.contains("| <code>public.invitations</code> | **LEAK** | held |"),
        "{markdown}"
    );
    let sarif: Value = serde_json::from_str(&project.read("out.sarif")).unwrap();
    let location = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(
        location["artifactLocation"]["uri"],
        "supabase/migrations/20991231000000_last.sql"
    );
    assert_eq!(location["region"]["startLine"], 5);
    let json: Value = serde_json::from_str(&project.read("out.json")).unwrap();
    let relations = json["relations"].as_array().unwrap();
    let made = |name: &str| {
        relations
            .iter()
            .find(|relation| relation["relation"] == name)
            .unwrap()
    };
    assert_eq!(
        made("public.teams")["file"],
        "supabase/migrations/20260201080000_teams.sql"
    );
    assert_eq!(json["functions"][0]["line"], 11, "{}", json["functions"]);
    assert!(project.read("out.html").starts_with("<!doctype html>"));
}

#[tokio::test]
async fn what_a_report_suggests_in_place_of_a_policy_closes_the_leak() {
    // The one takes its condition from a policy that held, the other from whose column it is.
    let open = "create policy \"Open\" on public.notes for select using (true);\n";
    for (sample, migration, leaking) in [
        ("teams", "", "public.invitations"),
        ("notes", open, "public.notes"),
    ] {
        let project = SampleProject::of(sample, migration);
        let (status, said) = project.prove(&["--format", "json=out.json"]).await;
        assert_eq!(status, Some(1), "{said}");
        let report: Value = serde_json::from_str(&project.read("out.json")).unwrap();
        let mut relations = report["relations"].as_array().unwrap().iter();
        let relation = relations
            .find(|relation| relation["relation"] == leaking)
            .unwrap();
        let policy = &relation["findings"][0]["policy"];
        assert!(
            policy["before"].as_str().unwrap().contains("using (true)"),
            "{policy}"
        );
        let after = policy["after"].as_str().unwrap();
        project.write(LAST_MIGRATION, &format!("{migration}{after}"));
        let (status, said) = project.prove(&[]).await;
        assert_eq!(status, Some(0), "{after}\n{said}");
    }
}

#[tokio::test]
async fn what_a_baseline_accepts_fails_nothing_and_everything_else_does() {
    let project = SampleProject::of("teams", "");
    let (status, said) = project.prove(&["--baseline", "known.toml"]).await;
    assert!(status == Some(2) && said.contains("known.toml"), "{said}");
    let accept = ["--baseline", "known.toml", "--accept", "invitations are drafts"];
    let (status, said) = project.prove(&accept).await;
    assert_eq!(status, Some(0), "{said}");
    let known = project.read("known.toml");
    assert!(known.contains("on = \"public.invitations\""), "{known}");

    // Another opens, and the day passes for the one that was known.
    project.write(
        LAST_MIGRATION,
        "alter table public.documents disable row level security;",
    );
    let (status, said) = project.prove(&["--baseline", "known.toml"]).await;
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("1 known, 0 lapsed, 0 gone"), "{said}");
    let (file, migration) = (LAST_MIGRATION, "");
    project.write(file, migration);
    project.write(
        "known.toml",
        &known.replace("since = ", "until = 2026-01-01\nsince = "),
    );
    let (status, said) = project.prove(&["--baseline", "known.toml"]).await;
    assert_eq!(status, Some(1), "{said}");
    assert!(
        said.contains("lapsed: public.invitations [cross_tenant_read] was accepted until 2026-01-01"),
        "{said}"
    );

    // It is closed.
    project.write(file, CLOSED);
    let (status, said) = project.prove(&["--baseline", "known.toml"]).await;
    assert_eq!(status, Some(0), "{said}");
    assert!(
        said.contains("gone: public.invitations [cross_tenant_read], invitations are drafts"),
        "{said}"
    );
}

#[tokio::test]
async fn since_a_commit_only_what_was_opened_fails_and_what_was_closed_is_said() {
    let project = SampleProject::of("teams", "");
    git(&project, &["init", "--quiet"]).await;
    git(&project, &["add", "."]).await;
    git(&project, &["commit", "--quiet", "--message", "first"]).await;
    let since = ["--changed-since", "HEAD"];
    let (status, said) = project.prove(&since).await;
    assert_eq!(status, Some(0), "{said}");
    assert!(
        said.contains("since HEAD: 0 opened, 0 closed, 0 new relations, 0 gone"),
        "{said}"
    );

    let opened = "create table public.plans (id uuid primary key, team_id uuid not null references public.teams (id));";
    let file = LAST_MIGRATION;
    project.write(file, &format!("{CLOSED}\n{opened}"));
    let (status, said) = project.prove(&since).await;
    assert_eq!(status, Some(1), "{said}");
    for line in [
        "opened: public.plans [cross_tenant_read]",
        "closed: public.invitations [cross_tenant_read]",
        "new relations: public.plans",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    for (reference, why) in [
        ("nowhere", "--changed-since nowhere"),
        ("--help", "--changed-since --help"),
    ] {
        let (status, said) = project.prove(&[&format!("--changed-since={reference}")]).await;
        assert!(status == Some(2) && said.contains(why), "{said}");
    }
}

#[tokio::test]
async fn the_action_annotates_sums_up_and_ends_as_the_proof_does() {
    let project = SampleProject::of("teams", "");
    let (status, said, summary) = action(&project, &[("project", "supabase"), ("sarif", "out.sarif")]).await;
    assert_eq!(status, Some(1), "{said}");
    assert!(
        said.contains("::error file=supabase/migrations/20260202080000_documents.sql,line=16,"),
        "{said}"
    );
    assert!(summary.starts_with("## Tenancy: LEAK"), "{summary}");
    assert!(project.read("out.sarif").contains("2.1.0"));

    git(&project, &["init", "--quiet"]).await;
    git(&project, &["add", "."]).await;
    git(&project, &["commit", "--quiet", "--message", "first"]).await;
    let inputs = [
        ("project", "supabase"),
        ("changed-since", "HEAD"),
        ("junit", "out.xml"),
    ];
    let (status, said, summary) = action(&project, &inputs).await;
    assert_eq!(status, Some(0), "{said}");
    assert!(summary.contains("0 opened"), "{summary}");
    assert!(project.read("out.xml").contains("<skipped"), "{said}");
}
