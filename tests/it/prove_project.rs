//! `mako prove supabase/`: what its owner is told before anything is deployed.

use std::path::{Path, PathBuf};

use tests::process::Process;
use tests::service::mako;

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("projects").join(name)
}

/// The exit code, the report, and what was said beside it.
async fn prove(arguments: &[&str]) -> (Option<i32>, String) {
    let arguments: Vec<_> = std::iter::once("prove")
        .chain(arguments.iter().copied())
        .collect();
    Process::start(&mut mako(&arguments, &[]).await).output().await
}

/// A copy of a sample, to be spoilt, in a folder that goes with the test's.
struct Copy(PathBuf);

impl Copy {
    fn of(name: &str, migration: &str) -> Self {
        let copy = std::env::temp_dir().join(format!("mako-project-{}-{name}", std::process::id()));
        let migrations = copy.join("supabase/migrations");
        std::fs::create_dir_all(&migrations).unwrap();
        for file in std::fs::read_dir(sample(name).join("supabase/migrations")).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), migrations.join(file.file_name())).unwrap();
        }
        std::fs::write(migrations.join("20991231000000_last.sql"), migration).unwrap();
        Self(copy)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
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
    let spoilt = Copy::of("notes", migration);
    let (status, said) = prove(&[spoilt.path()]).await;
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
