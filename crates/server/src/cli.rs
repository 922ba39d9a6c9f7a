//! Commands and flags; what they do is in `commands/`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::commands::prove::Output;
use crate::proof::OnDrift;

/// A thin OpenAPI service that lets Postgres row-level security decide who sees which rows.
#[derive(Parser)]
#[command(name = "mako", version, arg_required_else_help = true, after_help = START)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const START: &str = "\
To try it: mako dev. To run it: mako migrate, then mako serve.

Settings come from the environment and from ./mako.toml (same names, lower case); mako serve --help lists them. Any may be
given as NAME_FILE, the path of a file that holds it. Messages go to stderr, results to stdout.

Exit codes: 0 done; 1 the answer is no; 2 usage or environment.";

const MIGRATE: &str = "\
Needs ADMIN_DATABASE_URL: an owner's connection, direct or in session mode, never a transaction pooler.
With DATABASE_URL it also sets the password of the service's login, as a SCRAM verifier.
May be repeated, and run by several at once; serving goes on.
--distributed needs a superuser's connection to Citus' coordinator; crates/server/docs/citus.md says what is different then.";

const ADMIN: &str = "\
Needs ADMIN_DATABASE_URL: an owner's connection, direct or in session mode, never a transaction pooler.
With DATABASE_URL events are processed at once; without it the service does so within seconds.";

const STATS: &str = "\
Needs ADMIN_DATABASE_URL: an owner's connection, direct or in session mode, never a transaction pooler.
Whoever writes keeps the counts, by triggers. They go wrong where those are off: after a restore of single tables, say.";

const KEYS: &str = "\
All but generate need ADMIN_DATABASE_URL, an owner's connection, and ENCRYPTION_KEY.";

/// Exit codes: 0 done, 1 the answer is no, 2 usage or environment.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// A private Postgres, roles, migrations, policies, demo tenants and the service: all that it takes to try
    Dev(Dev),
    /// The service alone, from the environment
    #[command(after_help = crate::config::help())]
    Serve(Serve),
    /// Brings the database to the schema and policies of this version, under a lock
    #[command(after_help = MIGRATE)]
    Migrate(Migrate),
    /// Sealing keys: make, count, rotate, take over
    #[command(subcommand, after_help = KEYS)]
    Keys(Keys),
    /// Phone numbers: which is whose
    #[command(subcommand, after_help = ADMIN)]
    Numbers(Numbers),
    /// Webhook events: what providers delivered
    #[command(subcommand, after_help = ADMIN)]
    Events(Events),
    /// Counts that lists and the dashboard read: are they right?
    #[command(subcommand, after_help = STATS)]
    Stats(Stats),
    /// Takes over a live CRM's database: without a flag says what would be done, and changes nothing
    Adopt(Adopt),
    /// Attacks the database in a transaction that is rolled back: can a tenant reach another? Exit code 0 proven, 1 a
    /// leak, 2 incomplete
    Prove(Prove),
    /// Mints a token with `JWT_SECRET`, for development
    Token(Token),
    /// Prints the OpenAPI document
    Openapi,
    /// Asks the service on this machine whether it is ready, as load balancers and containers do
    Health {
        /// Its base address [default: that of `LISTEN`]
        #[arg(long, value_name = "URL")]
        url: Option<reqwest::Url>,
    },
    /// Prints completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Prints the manual, for man(1)
    Man,
}

/// Options of `mako dev`.
#[derive(Args)]
pub(crate) struct Dev {
    /// Address to serve on; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Where the data is kept between runs
    #[arg(long, value_name = "DIR", default_value = ".mako")]
    pub(crate) data_dir: PathBuf,
    /// Keep nothing
    #[arg(long, conflicts_with = "data_dir")]
    pub(crate) ephemeral: bool,
    /// Print one line of JSON when ready, and nothing else
    #[arg(long)]
    pub(crate) json: bool,
    /// Make no demo tenants
    #[arg(long)]
    pub(crate) no_demo: bool,
}

/// Options of `mako adopt`.
#[derive(Args)]
pub(crate) struct Adopt {
    /// Bring tenancy in, without refusing any write of the present writers; may be repeated
    #[arg(long, conflicts_with = "enforce", requires = "rollback_dir")]
    pub(crate) apply: bool,
    /// Write the SQL that takes the adoption back into this folder, before anything is changed
    #[arg(long, value_name = "DIR")]
    pub(crate) rollback_dir: Option<PathBuf>,
    /// Make the user mandatory, once nobody writes without one and no orphan is left
    #[arg(long)]
    pub(crate) enforce: bool,
    /// Give the rows that name no user to this one
    #[arg(long, value_name = "USER_ID")]
    pub(crate) assign_orphans: Option<String>,
}

impl Adopt {
    /// Whether nothing is to be changed.
    pub(crate) fn is_plan(&self) -> bool {
        !self.apply && !self.enforce && self.assign_orphans.is_none()
    }
}

/// Options of `mako serve`.
#[derive(Args)]
pub(crate) struct Serve {
    /// A report of `mako prove --format json`: refuse to start unless it says proven, of this very catalog
    #[arg(long, value_name = "FILE")]
    pub(crate) require_proof: Option<PathBuf>,
    /// How often to look whether the database still is what was proven
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = parse_distance, requires = "require_proof")]
    pub(crate) recheck: Duration,
    /// What to do when it isn't any more: `/ready` answers 503 until it is again, or the log and a metric alone tell
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "unready",
        requires = "require_proof"
    )]
    pub(crate) on_drift: OnDrift,
}

/// Options of `mako migrate`.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct Migrate {
    /// Change nothing; exit 1 if something is pending
    #[arg(long)]
    pub(crate) check: bool,
    /// Then have Citus spread tenants' rows over its nodes; says first what that is
    #[arg(long, conflicts_with = "check")]
    pub(crate) distributed: bool,
    /// Only say what --distributed would do
    #[arg(long, requires = "distributed")]
    pub(crate) plan: bool,
    /// Bring the rows back to one node
    #[arg(long, requires = "distributed", conflicts_with = "plan")]
    pub(crate) undo: bool,
}

/// Options of `mako prove`.
#[derive(Args)]
pub(crate) struct Prove {
    /// A Supabase project's folder: its migrations are applied to a private database, and that is attacked
    #[arg(value_name = "PROJECT", conflicts_with = "database_url")]
    pub(crate) project: Option<PathBuf>,
    /// Whose is which relation; default policies/tenancy.toml, or Mako's own where that isn't there; of a project its own
    /// tenancy.toml, or else a draft
    #[arg(long, value_name = "FILE")]
    pub(crate) model: Option<PathBuf>,
    /// How to write the report, and with `=FILE` where to: text, json (also for `mako serve --require-proof`), sarif (code
    /// scanning), html (one page to file), junit, github (annotations), markdown. May be repeated
    #[arg(long, value_name = "FORMAT[=FILE]", default_value = "text")]
    pub(crate) format: Vec<Output>,
    /// Findings that are known and accepted, each with a reason: only others fail
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Write what is found into the baseline, for this reason, and take out what isn't found any more
    #[arg(
        long,
        value_name = "REASON",
        requires = "baseline",
        conflicts_with = "changed_since"
    )]
    pub(crate) accept: Option<String>,
    /// Prove the project as it is at this commit of git, too: only what isn't there fails
    #[arg(long, value_name = "REF", requires = "project")]
    pub(crate) changed_since: Option<String>,
    /// Prove the project again whenever one of its files is saved, and say what that opened and closed, until Ctrl-C
    #[arg(long, requires = "project", conflicts_with_all = ["changed_since", "accept", "init"])]
    pub(crate) watch: bool,
    /// Prove the database again and again, at this distance, until a signal; files are replaced, and of what goes to
    /// stdout a line is written
    #[arg(long, value_name = "TIME", value_parser = parse_distance, conflicts_with_all = ["project", "accept", "init"])]
    pub(crate) every: Option<Duration>,
    /// Write measurements of each run here, for the textfile collector of Prometheus' `node_exporter`
    #[arg(long, value_name = "FILE", requires = "every")]
    pub(crate) metrics: Option<PathBuf>,
    /// The database, instead of `ADMIN_DATABASE_URL`
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// Draft a model from the catalog, to be reviewed, instead
    #[arg(long)]
    pub(crate) init: bool,
}

/// Options of `mako token`.
#[derive(Args)]
pub(crate) struct Token {
    /// The user id
    #[arg(long, value_name = "ID")]
    pub(crate) sub: String,
    /// The role claim
    #[arg(long, default_value = "authenticated")]
    pub(crate) role: String,
    /// The e-mail claim
    #[arg(long)]
    pub(crate) email: Option<String>,
    /// How long the token is good for, for example 15m or 30days
    #[arg(long, default_value = "1h", value_parser = humantime::parse_duration)]
    pub(crate) ttl: Duration,
}

/// What can be done with sealing keys. All but `generate` need `ADMIN_DATABASE_URL` and `ENCRYPTION_KEY`.
#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Prints a new key for `ENCRYPTION_KEY`
    Generate,
    /// Counts stored values by the key that sealed them; exits 1 if one can't be opened
    Status,
    /// Seals everything with `ENCRYPTION_KEY` that a key of `ENCRYPTION_KEYS_RETIRED` sealed, while the service runs
    Rotate,
    /// Takes over what the CRM sealed itself (`iv:tag:ciphertext`)
    ImportLegacy {
        /// Change nothing; say what would be done
        #[arg(long)]
        dry_run: bool,
    },
}

/// What can be done with stored counts. Both read every row, while others go on writing.
#[derive(Subcommand)]
pub(crate) enum Stats {
    /// Compares them with the rows; exits 1 if one is wrong
    Check,
    /// Counts all rows afresh
    Rebuild,
}

/// What an admin can do with phone numbers. All need `ADMIN_DATABASE_URL`.
#[derive(Subcommand)]
pub(crate) enum Numbers {
    /// Lists claimed and verified numbers
    List,
    /// Makes a number a user's, verified, so that webhooks are routed by it
    Assign {
        /// E.164, such as +14155552671, or a short code
        phone: String,
        /// The user's id
        #[arg(long, value_name = "ID")]
        user: String,
        /// Who runs the number
        #[arg(long, default_value = "twilio", value_parser = parse_source)]
        provider: webhooks::Source,
        /// Also give the user the unrouted events that came in on it before
        #[arg(long)]
        backfill: bool,
    },
    /// Takes a number away from whoever has it
    Remove {
        /// The number
        phone: String,
        /// Only this user's, also if it is merely claimed
        #[arg(long, value_name = "ID")]
        user: Option<String>,
    },
}

/// What an admin can do with webhook events. All need `ADMIN_DATABASE_URL`.
#[derive(Subcommand)]
pub(crate) enum Events {
    /// Lists events, newest first
    List {
        #[command(flatten)]
        which: EventSelection,
        /// Events at most
        #[arg(long, default_value_t = 50)]
        limit: i64,
    },
    /// Shows an event and what was delivered
    Show {
        /// The event's id
        id: String,
    },
    /// Tries again to have the effects of events that failed
    Replay {
        /// The events' ids
        ids: Vec<String>,
        #[command(flatten)]
        which: EventSelection,
    },
    /// Deliveries on this machine's disk, in `SPOOL_DIR`
    #[command(subcommand)]
    Spool(SpoolAction),
    /// Events that go out to tenants' receivers
    #[command(subcommand)]
    Out(OutAction),
}

/// `mako events out`.
#[derive(Subcommand)]
pub(crate) enum OutAction {
    /// Lists deliveries, newest first
    List {
        /// What became of them
        #[arg(long, value_parser = ["pending", "failed", "delivered", "dead", "withheld"])]
        status: Option<String>,
        #[command(flatten)]
        which: DeliverySelection,
        /// Deliveries at most
        #[arg(long, default_value_t = 50)]
        limit: i64,
    },
    /// Has the service send again, at once, what is dead or waits for another attempt
    Retry {
        /// The deliveries' ids
        ids: Vec<String>,
        #[command(flatten)]
        which: DeliverySelection,
    },
}

/// Which deliveries.
#[derive(Args)]
pub(crate) struct DeliverySelection {
    /// The user's id
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
    /// The subscription's id
    #[arg(long, value_name = "ID")]
    pub(crate) subscription: Option<String>,
    /// Captured at this time (2026-11-24T09:30:00Z) or within this span (2h, 7days)
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    pub(crate) since: Option<chrono::DateTime<chrono::Utc>>,
}

/// `mako events spool`.
#[derive(Subcommand)]
pub(crate) enum SpoolAction {
    /// Lists what was put aside and what waits for the database; exit code 1 if anything was put aside
    List,
    /// Has what was put aside tried again by the service
    Retry {
        /// Names as `list` shows them; all without
        names: Vec<String>,
    },
}

/// Which events.
#[derive(Args)]
pub(crate) struct EventSelection {
    /// What became of them
    #[arg(long, value_parser = ["received", "processed", "failed", "ignored", "unrouted"])]
    pub(crate) status: Option<String>,
    /// Who delivered them
    #[arg(long, value_parser = ["twilio", "vapi", "make"])]
    pub(crate) source: Option<String>,
    /// The user's id
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
    /// Recorded at this time (2026-11-24T09:30:00Z) or within this span (2h, 7days)
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    pub(crate) since: Option<chrono::DateTime<chrono::Utc>>,
}

/// Between one time and the next.
fn parse_distance(text: &str) -> Result<Duration, String> {
    let distance = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if distance.is_zero() {
        return Err("must be more than nothing".to_owned());
    }
    Ok(distance)
}

fn parse_source(name: &str) -> Result<webhooks::Source, String> {
    name.parse()
        .map_err(|_| "must be twilio, vapi or make".to_owned())
}

fn parse_since(text: &str) -> Result<chrono::DateTime<chrono::Utc>, String> {
    if let Ok(span) = humantime::parse_duration(text) {
        #[expect(clippy::disallowed_methods, reason = "the clock at the edge")]
        let now = chrono::Utc::now();
        return chrono::Duration::from_std(span)
            .ok()
            .and_then(|span| now.checked_sub_signed(span))
            .ok_or_else(|| "too long ago".to_owned());
    }
    text.parse()
        .map_err(|_| "must be a time such as 2026-11-24T09:30:00Z, or a span such as 2h".to_owned())
}
