//! What can be run? Commands and flags; what they do is in `commands/`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

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
    Serve,
    /// Brings the database to the schema and policies of this version, under a lock
    Migrate {
        /// Change nothing; exit 1 if something is pending
        #[arg(long)]
        check: bool,
    },
    /// Takes over a live CRM's database: without a flag says what would be done, and changes nothing
    Adopt(Adopt),
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

/// Options of `mako adopt`.
#[derive(Args)]
pub(crate) struct Adopt {
    /// Bring tenancy in, without refusing any write of the present writers; may be repeated
    #[arg(long, conflicts_with = "enforce")]
    pub(crate) apply: bool,
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
