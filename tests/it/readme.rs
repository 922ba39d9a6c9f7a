//! Holds the pages to what they say: runs every command in them against `mako dev` and what that printed, follows every
//! link, and compares the settings with `mako serve --help`.
//!
//! A command that [`COMMANDS`] doesn't know fails the test.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use devdb::Search;
use serde_json::Value;
use tests::cluster::Cluster;
use tests::compose::repository;
use tests::process::Process;
use tests::programs;
use tests::service::{binary, mako};
use tokio::process::Command;

/// What a command must do.
#[derive(Clone, Copy)]
enum How {
    /// End well, and say this on the way.
    Says(&'static str),
    /// Say this, and go on until it is stopped.
    Serves(&'static str),
    /// It can't be run within a test; this file shows it, and must hold this text.
    Elsewhere(&'static str, &'static str),
}
use How::{Elsewhere, Says, Serves};

/// Commands by how they begin; the longest beginning decides.
const COMMANDS: &[(&str, How)] = &[
    ("cargo dev", Elsewhere(".ci/readme", "cargo dev --ephemeral")),
    ("cargo test", Elsewhere(".ci/run", "cargo test --workspace")),
    ("npx openapi-typescript", Says("mako.d.ts")),
    ("curl -s \"$API/v1/leads?", Says("\"next_cursor\"")),
    ("curl -s \"$API/v1/me\"", Says("\"email\":\"alice@example.com\"")),
    (
        "curl -s \"$API/v1/event-subscriptions\"",
        Says("\"secret\":\"whsec_"),
    ),
    ("mako events out list", Says("")),
    ("mako events out retry", Says("")),
    ("curl -s \"$API/v1/access-tokens\"", Says("\"token\":\"mko_")),
    (
        "curl -s -X PUT \"$API/v1/webhook-endpoints/make\"",
        Says("\"secret\""),
    ),
    (
        "curl -s -X POST \"$API/v1/webhook-endpoints/make/test\"",
        Says("\"ok\":true"),
    ),
    (
        "curl -s -X POST \"$API/v1/webhook-endpoints/twilio/test\"",
        Says("\"ok\":true"),
    ),
    ("export ", Says("")),
    ("mako migrate", Says("done")),
    ("mako migrate --check", Says("")),
    (
        "mako migrate --distributed",
        Elsewhere("tests/it/distributed/there_and_back.rs", "--distributed"),
    ),
    ("mako adopt", Says("")),
    ("mako prove", Says("proven: ")),
    (
        "mako prove supabase/",
        Elsewhere("tests/it/prove_project.rs", "mako prove supabase/"),
    ),
    (
        "mako prove --watch supabase/",
        Elsewhere("tests/it/prove_watch.rs", "mako prove --watch supabase/"),
    ),
    (
        "npx @mako/prove supabase/",
        Elsewhere(".ci/prove", "mako-prove supabase/"),
    ),
    ("mako prove --format", Says("")),
    ("mako prove --init", Says("")),
    ("mako prove --every", Serves("proven: ")),
    ("mako serve", Serves("serving")),
    ("mako stats check", Says("")),
    ("mako keys generate", Says("to put it in force")),
    ("mako keys status", Says("")),
    ("mako keys rotate", Says("")),
    ("mako keys import-legacy --dry-run", Says("")),
    ("mako numbers assign", Says("+14155552671 is ")),
    ("mako events list", Says("")),
    (
        "mako events replay --status failed",
        Says("events are tried again"),
    ),
    ("mako health", Says("")),
    ("mako completions bash", Says("")),
    ("mako man", Says("")),
    ("crates/server/deploy/secrets", Says("")),
    ("install ", Elsewhere(".ci/operate", "usr/local/bin/mako")),
    ("systemctl ", Elsewhere(".ci/operate", "systemd-analyze verify")),
    ("pg_dump ", Says("")),
    ("pg_restore --list", Says("TABLE public leads")),
    (
        "docker compose up",
        Elsewhere("tests/it/topology.rs", "Stack::up(None)"),
    ),
    (
        "docker compose --env-file crates/server/deploy/pgbouncer.env up",
        Elsewhere("tests/it/topology.rs", "crates/server/deploy/pgbouncer.env"),
    ),
];

/// What a reader fills in, and what `mako dev` said it is.
const PLACEHOLDERS: &[(&str, &str)] = &[
    (
        "postgres://postgres:…@db.<ref>.supabase.co:5432/postgres?sslmode=verify-full",
        "admin_database_url",
    ),
    (
        "postgres://mako:<a new password>@db.<ref>.supabase.co:5432/postgres?sslmode=verify-full",
        "database_url",
    ),
    ("USER_ID", "tenants/0/user_id"),
    // What is sealed by now was sealed with that one's.
    ("$(openssl rand -hex 32)", "encryption_key"),
    // The service's own: it starts without asking there.
    (
        "https://<ref>.supabase.co/auth/v1/.well-known/jwks.json",
        "api_url",
    ),
];

/// Pages with commands, in the order in which a reader meets them.
const PAGES: &[&str] = &[
    "README.md",
    "crates/server/docs/frontend.md",
    "crates/server/docs/admins.md",
    "crates/server/docs/connections.md",
    "crates/server/docs/webhook-providers.md",
    "crates/server/docs/events-out.md",
    "crates/server/docs/operating.md",
    "crates/server/docs/citus.md",
    "crates/server/docs/troubleshooting.md",
];

/// Pages whose links are followed, besides those with commands.
const MORE_PAGES: &[&str] = &[
    ".github/CONTRIBUTING.md",
    ".github/SECURITY.md",
    "crates/README.md",
    "crates/server/README.md",
    "crates/server/docs/configuration.md",
    "crates/server/docs/prove-in-ci.md",
    "crates/server/docs/what-happens-when.md",
    "crates/store/README.md",
    "openapi/typescript/README.md",
    "policies/README.md",
    "tests/README.md",
];

#[test]
fn every_link_of_every_page_leads_somewhere() {
    let on_disk: std::collections::BTreeSet<_> = std::fs::read_dir(repository("crates/server/docs"))
        .unwrap()
        .map(|page| format!("crates/server/docs/{}", page.unwrap().file_name().display()))
        .collect();
    for page in &on_disk {
        assert!(
            PAGES.contains(&page.as_str()) || MORE_PAGES.contains(&page.as_str()),
            "{page} is checked"
        );
    }
    for page in PAGES.iter().chain(MORE_PAGES) {
        let text = std::fs::read_to_string(repository(page)).unwrap();
        for link in links(&text) {
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() {
                repository(page)
            } else {
                repository(page).parent().unwrap().join(path)
            };
            assert!(target.exists(), "{page}: {link} leads nowhere");
            if !heading.is_empty() {
                let text = std::fs::read_to_string(&target).unwrap();
                assert!(
                    anchors(&text).any(|anchor| anchor == heading),
                    "{page}: {link} has no such heading"
                );
            }
        }
    }
}

/// Targets of `[text](target)` within the repository.
fn links(page: &str) -> impl Iterator<Item = &str> {
    page.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|link| !link.contains("://") && !link.contains(char::is_whitespace))
}

/// How links name the headings of a page.
fn anchors(page: &str) -> impl Iterator<Item = String> {
    page.lines().filter(|line| line.starts_with('#')).map(|line| {
        line.trim_start_matches('#')
            .trim()
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    })
}

#[tokio::test]
async fn the_page_of_settings_names_what_help_names_and_nothing_else() {
    let (code, help) = Process::start(&mut mako(&["serve", "--help"], &[]).await)
        .output()
        .await;
    assert_eq!(code, Some(0), "{help}");
    let told = help
        .lines()
        .skip_while(|line| *line != "Required:")
        .filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next());
    let page = std::fs::read_to_string(repository("crates/server/docs/configuration.md")).unwrap();
    let written = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let (told, written): (Vec<_>, Vec<_>) = (told.collect(), written.collect());
    assert_eq!(told, written);
    assert!(told.len() > 20, "{told:?}");
}

#[tokio::test]
async fn every_command_in_the_readme_does_what_it_says() {
    let mut shell = Shell::start().await;
    for page in PAGES {
        let text = std::fs::read_to_string(repository(page)).unwrap();
        let commands = commands(&text);
        assert!(!commands.is_empty(), "{page} has commands");
        for command in commands {
            let known = COMMANDS
                .iter()
                .filter(|(beginning, _)| command.starts_with(beginning))
                .max_by_key(|(beginning, _)| beginning.len());
            let (_, how) = known.unwrap_or_else(|| panic!("{page}: nobody knows what `{command}` must do"));
            shell.try_out(page, &command, *how).await;
        }
    }
}

/// Commands of `sh` blocks, and of the table of "Troubleshooting", whose second column is what to ask.
fn commands(page: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut block: Option<String> = None;
    for line in page.lines() {
        match (&mut block, line) {
            (None, "```sh") => block = Some(String::new()),
            (Some(_), "```") => block = None,
            (Some(begun), line) => {
                begun.push_str(line);
                if line.ends_with('\\') {
                    begun.push('\n');
                } else {
                    commands.push(std::mem::take(begun).trim().to_owned());
                }
            }
            (None, _) => {}
        }
    }
    let troubles = page.split("# Troubleshooting\n").nth(1).unwrap_or_default();
    let troubles = troubles.split("\n## ").next().unwrap_or_default();
    let rows = troubles.lines().filter(|line| line.starts_with('|')).skip(2);
    for row in rows {
        let ask = row.split('|').nth(2).unwrap_or_default().trim();
        let command = ask.strip_prefix('`').and_then(|ask| ask.strip_suffix('`'));
        commands.push(
            command
                .unwrap_or_else(|| panic!("every trouble is answered with a command: {row}"))
                .to_owned(),
        );
    }
    commands.retain(|command| !command.is_empty() && !command.starts_with('#'));
    commands
}

/// A reader's terminal: what is exported stays, as in one session.
struct Shell {
    dev: Process,
    ready: Value,
    folder: PathBuf,
}

impl Shell {
    async fn start() -> Self {
        let home = std::env::var_os("HOME").unwrap_or_default();
        let arguments = ["dev", "--ephemeral", "--json", "--listen", "127.0.0.1:0"];
        let mut dev = mako(&arguments, &[]).await;
        dev.env("HOME", home);
        let pg_dump = tokio::task::spawn_blocking(|| programs::postgres_client("pg_dump"))
            .await
            .unwrap();
        if programs::is_fetched(&pg_dump) {
            // A distribution's pg_dump refuses a server that is newer than itself.
            Cluster::fetched(Search::npm(programs::OLDEST_SERVER)).await;
            dev.env("MAKO_PG_NPM", programs::OLDEST_SERVER);
        } else {
            Cluster::fetched(Search::from_env()).await;
        }
        let mut dev = Process::start(&mut dev);
        let ready: Value = dev
            .wait_for(|log| log.lines().find_map(|line| serde_json::from_str(line).ok()))
            .await;
        let folder = std::env::temp_dir().join(format!("mako-readme-{}", tests::process::free_port()));
        let shell = Self { dev, ready, folder };
        shell.furnish(&pg_dump).await;
        shell
    }

    fn said(&self, name: &str) -> &str {
        self.ready
            .pointer(&format!("/{name}"))
            .and_then(Value::as_str)
            .unwrap()
    }

    /// What a clone has that the commands name, and the programs that they call.
    async fn furnish(&self, pg_dump: &Path) {
        std::fs::create_dir_all(self.folder.join("bin")).unwrap();
        std::os::unix::fs::symlink(binary().await, self.folder.join("bin/mako")).unwrap();
        for name in ["pg_dump", "pg_restore"] {
            std::os::unix::fs::symlink(pg_dump.with_file_name(name), self.folder.join("bin").join(name))
                .unwrap();
        }
        std::os::unix::fs::symlink(
            repository("openapi").canonicalize().unwrap(),
            self.folder.join("openapi"),
        )
        .unwrap();
        std::fs::create_dir_all(self.folder.join("crates/server/deploy")).unwrap();
        std::fs::copy(
            repository("crates/server/deploy/secrets"),
            self.folder.join("crates/server/deploy/secrets"),
        )
        .unwrap();
        // A reader sees an error; a test must be told.
        let real = which("curl");
        script(
            &self.folder.join("bin/curl"),
            &format!("exec {} --fail-with-body \"$@\"", real.display()),
        );
        let certificate = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 \
            -subj /CN=test -keyout key.pem -out prod-ca-2021.crt";
        self.run(certificate).await;
        let environment = [
            ("API", self.said("api_url")),
            ("TOKEN", self.said("tenants/0/token")),
            ("LISTEN", self.said("api_url").strip_prefix("http://").unwrap()),
            ("DATABASE_URL", self.said("database_url")),
            ("ADMIN_DATABASE_URL", self.said("admin_database_url")),
        ];
        for (name, value) in environment {
            self.run(&format!("export {name}='{value}'")).await;
        }
    }

    async fn try_out(&mut self, page: &str, command: &str, how: How) {
        let command = PLACEHOLDERS
            .iter()
            .fold(command.to_owned(), |command, (placeholder, name)| {
                command.replace(placeholder, self.said(name))
            });
        match how {
            Says(text) => {
                let (code, output) = self.run(&command).await;
                assert_eq!(code, Some(0), "{page}: `{command}`: {output}");
                assert!(
                    output.contains(text),
                    "{page}: `{command}` doesn't say {text}: {output}"
                );
            }
            Serves(text) => {
                // Where `mako dev` listens nobody else can.
                let mut process =
                    Process::start(&mut self.command(&format!("LISTEN=127.0.0.1:0 exec {command}")));
                process.wait_for(|log| log.contains(text).then_some(())).await;
                process.signal("TERM").await;
                assert_eq!(process.output().await.0, Some(0), "{page}: `{command}`");
            }
            Elsewhere(file, text) => {
                let shown = std::fs::read_to_string(repository(file)).unwrap();
                assert!(
                    shown.contains(text),
                    "{page}: {file} doesn't show `{command}` any more"
                );
            }
        }
    }

    /// Runs a command and keeps what it exported.
    async fn run(&self, command: &str) -> (Option<i32>, String) {
        Process::start(&mut self.command(&format!("{command}\nexport -p > .exported")))
            .output()
            .await
    }

    fn command(&self, text: &str) -> Command {
        let mut command = Command::new("bash");
        let path = std::env::var_os("PATH").unwrap();
        let folders = std::iter::once(self.folder.join("bin")).chain(std::env::split_paths(&path));
        command
            .args([
                "-c",
                &format!("set -eu; if [ -e .exported ]; then . ./.exported; fi\n{text}"),
            ])
            .current_dir(&self.folder)
            .env_clear()
            .env("npm_config_yes", "true")
            .env("HOME", std::env::var_os("HOME").unwrap_or_default())
            .env("PATH", std::env::join_paths(folders).unwrap());
        command
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
        // `mako dev` would leave its Postgres to be ended by the next start; it is asked to stop instead.
        if let Some(id) = self.dev.child.id() {
            drop(std::process::Command::new("kill").arg(id.to_string()).status());
            std::thread::sleep(std::time::Duration::from_secs(2));
        }
    }
}

fn which(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.exists())
        .unwrap_or_else(|| panic!("{program} is installed"))
}

fn script(file: &Path, text: &str) {
    std::fs::write(file, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
}
