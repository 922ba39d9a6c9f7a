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
    /// Sealing keys: make, count, rotate, take over
    #[command(subcommand)]
    Keys(Keys),
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
