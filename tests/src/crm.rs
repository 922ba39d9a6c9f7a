//! The live CRM that is taken over: its tables in every state that its own migration may have left, and its writers.

mod vocabulary;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::database::{batch, connect};
use vocabulary::{AS_BROWSER, Vocabulary};

/// Numbers of writers, so that no two of a run make the same row.
static NEXT: AtomicU64 = AtomicU64::new(1);
/// Between two statements of a writer: a busy site, not a benchmark.
const PAUSE: Duration = Duration::from_millis(2);

/// How far the CRM's own multi-tenancy migration has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct State {
    /// Statements of it that were run.
    pub statements: usize,
    /// Whether every row had got a user before `user_id` was made mandatory; if not, the migration fails there.
    pub assigned: bool,
}

impl State {
    /// Before multi-tenancy.
    pub const BEFORE: Self = Self {
        statements: 0,
        assigned: false,
    };
    /// The three columns are there, rows have users, nothing is mandatory.
    pub const IN_THE_MIDDLE: Self = Self {
        statements: 3,
        assigned: true,
    };

    /// The migration has run to its end.
    #[must_use]
    pub fn after() -> Self {
        Self {
            statements: statements().len(),
            assigned: true,
        }
    }
}

/// The migration's statements, in its order.
#[must_use]
pub fn statements() -> Vec<&'static str> {
    include_str!("../sql/crm_tenancy.sql")
        .lines()
        .filter(|line| !line.starts_with("--"))
        .collect()
}

/// Builds the CRM's tables with so many rows each, in this state, one in twenty an orphan where the state allows it.
pub async fn build(owner: &Client, state: State, rows: usize) {
    let with_rows = |sql: &str| sql.replace("{rows}", &rows.to_string());
    batch(owner, include_str!("../sql/crm_setup.sql")).await;
    batch(owner, &with_rows(include_str!("../sql/crm_rows.sql"))).await;
    for (place, statement) in statements().iter().take(state.statements).enumerate() {
        if place == 3 && state.assigned {
            batch(owner, include_str!("../sql/crm_assign.sql")).await;
        }
        // What fails stops a migration, and leaves what came before.
        if owner.simple_query(statement).await.is_err() {
            break;
        }
    }
    if state.statements == 3 && state.assigned {
        batch(owner, include_str!("../sql/crm_assign.sql")).await;
    }
    batch(owner, &with_rows(include_str!("../sql/crm_orphans.sql"))).await;
    batch(owner, "analyze").await;
}

/// The payload of a service-role key, and that of a browser's token of alice's.
const SERVICE_ROLE: (&str, &str) = ("service_role", r#"{"role":"service_role"}"#);
const BROWSER: (&str, &str) = (
    "authenticated",
    r#"{"role":"authenticated","sub":"a11ce000-0000-4000-8000-000000000001","email":"alice@example.com"}"#,
);

/// What the writers did.
#[derive(Debug, Default)]
pub struct Written {
    /// Statements that succeeded.
    pub statements: u64,
    /// Statements that failed, and why.
    pub failures: Vec<String>,
    /// The longest that one of them took.
    pub slowest: Duration,
    /// Leads that were deleted, by id.
    pub deleted: Vec<String>,
}

/// The CRM's own writers at work: the service-role key through PostgREST's login, one transaction a statement.
pub struct Writers {
    stop: Arc<AtomicBool>,
    statements: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<Written>>,
}

impl Writers {
    /// Starts so many on a database; `owner` finds out what is there to write to.
    ///
    /// With `old` they also write rows without a user, as the CRM did before multi-tenancy.
    pub async fn start(authenticator_url: &str, owner: &Client, count: u64, old: bool) -> Self {
        let vocabulary = Arc::new(Vocabulary::read(owner, old).await);
        let stop = Arc::new(AtomicBool::new(false));
        let statements = Arc::new(AtomicU64::new(0));
        let first = NEXT.fetch_add(count, Ordering::Relaxed);
        let mut tasks = Vec::new();
        for number in first..first + count {
            let client = connect(authenticator_url).await;
            let (stop, statements, vocabulary) = (
                Arc::clone(&stop),
                Arc::clone(&statements),
                Arc::clone(&vocabulary),
            );
            tasks.push(tokio::spawn(write(client, number, vocabulary, stop, statements)));
        }
        Self {
            stop,
            statements,
            tasks,
        }
    }

    /// Waits until they have written so many statements more.
    pub async fn go_on_for(&self, statements: u64) {
        let goal = self.statements.load(Ordering::Relaxed) + statements;
        while self.statements.load(Ordering::Relaxed) < goal {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends them; what all of them did.
    pub async fn stop(self) -> Written {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Written::default();
        for task in self.tasks {
            let one = task.await.expect("a writer doesn't panic");
            all.statements += one.statements;
            all.failures.extend(one.failures);
            all.slowest = all.slowest.max(one.slowest);
            all.deleted.extend(one.deleted);
        }
        all
    }
}

/// One writer: as PostgREST does it for the service-role key.
async fn write(
    client: Client,
    writer: u64,
    vocabulary: Arc<Vocabulary>,
    stop: Arc<AtomicBool>,
    statements: Arc<AtomicU64>,
) -> Written {
    let mut written = Written::default();
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(writer + 1);
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        n += 1;
        dice = dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let statement = vocabulary.statement(writer, n, dice).await;
        let started = Instant::now();
        let (role, claims) = if statement.starts_with(AS_BROWSER) {
            BROWSER
        } else {
            SERVICE_ROLE
        };
        let transaction = format!(
            "begin; select set_config('role', '{role}', true), set_config('request.jwt.claims', '{claims}', true);
            {statement}; commit"
        );
        match client.simple_query(&transaction).await {
            Ok(_) => {
                written.statements += 1;
                if let Some(rest) = statement.strip_prefix("delete from leads where id = '") {
                    written.deleted.push(rest.trim_end_matches('\'').to_owned());
                }
            }
            Err(error) => {
                drop(client.simple_query("rollback").await);
                written.failures.push(format!("{error:?}: {statement}"));
            }
        }
        written.slowest = written.slowest.max(started.elapsed());
        statements.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(PAUSE).await;
    }
    written
}
