//! What can be run? Commands and flags; what they do is in `commands/`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A thin OpenAPI service that lets Postgres row-level security decide who sees which rows.
#[derive(Parser)]
#[command(name = "mako", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Exit codes: 0 done, 1 the answer is no, 2 usage or environment.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// A private Postgres, roles, migrations, policies, demo tenants and the service: all that it takes to try
    Dev(Dev),
    /// The service alone, from the environment
    Serve(Serve),
    /// Brings the database to the schema and policies of this version, under a lock
    Migrate {
        /// Change nothing; exit 1 if something is pending
        #[arg(long)]
        check: bool,
    },
    /// Attacks the database in a transaction that is rolled back: can a tenant reach another? Exit code 0 proven, 1 a
    /// leak, 2 incomplete
    Prove(Prove),
    /// Mints a token with `JWT_SECRET`, for development
    Token(Token),
    /// Prints the OpenAPI document
    Openapi,
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

/// Options of `mako serve`.
#[derive(Args)]
pub(crate) struct Serve {
    /// A report of `mako prove --format json`: refuse to start unless it says proven, of this very catalog
    #[arg(long, value_name = "FILE")]
    pub(crate) require_proof: Option<PathBuf>,
}

/// Options of `mako prove`.
#[derive(Args)]
pub(crate) struct Prove {
    /// Whose is which relation; default policies/tenancy.toml, or Mako's own where that isn't there
    #[arg(long, value_name = "FILE")]
    pub(crate) model: Option<PathBuf>,
    /// How to write the report
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub(crate) format: ReportFormat,
    /// The database, instead of `ADMIN_DATABASE_URL`
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// Draft a model from the catalog, to be reviewed, instead
    #[arg(long)]
    pub(crate) init: bool,
}

/// Forms of a report.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people
    Text,
    /// For programs, and for `mako serve --require-proof`
    Json,
    /// For code scanning
    Sarif,
    /// One page to file
    Html,
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
