//! `mako dev`: a private Postgres, the schema, two tenants and the service, in one command.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use devdb::{Cancel, Data, Options, Postgres, Progress, Search};
use identity::HmacSecret;
use serde::{Deserialize, Serialize};
use store::Target;
use store::admin::Admin;
use webhooks::Source;

use super::serve::{Service, stop_signal};
use super::{Failure, print, say};
use crate::cli::Dev;
use crate::config::{AuthSettings, Config, Environment};

/// After a signal everything ends within 5 s: running requests get this, Postgres at most 3 s.
const GRACE: Duration = Duration::from_millis(1500);
/// Long enough for a day's work with one pair of tokens.
const TOKEN_LIFETIME: Duration = Duration::from_hours(720);

/// The demo tenants, as `sql/demo.sql` makes them.
const TENANTS: [(&str, &str, &str, &str); 2] = [
    (
        "alice",
        "0a11ce00-0000-4000-8000-000000000001",
        "alice@example.com",
        "+15550100001",
    ),
    (
        "bob",
        "0b0b0000-0000-4000-8000-000000000002",
        "bob@example.com",
        "+15550100002",
    ),
];
const DEMO: &str = include_str!("../../../../sql/demo.sql");

/// Starts everything, says where it is, and serves until a signal.
pub(crate) async fn run(options: Dev) -> Result<ExitCode, Failure> {
    let environment = Environment::read()?;
    crate::log::start_for_development(&environment.log()?);
    let mut stop = Box::pin(stop_signal()?);
    let data = if options.ephemeral {
        Data::Ephemeral
    } else {
        Data::Kept(options.data_dir.clone())
    };
    let search = Search::from_env();
    let cancel = Cancel::default();
    let told = cancel.clone();
    let mut starting = tokio::task::spawn_blocking(move || start_postgres(data, search, told));
    let postgres = tokio::select! {
        started = &mut starting => started??,
        () = &mut stop => {
            // It may be npm that is running, for a minute.
            cancel.cancel();
            if let Ok(postgres) = starting.await? {
                tokio::task::spawn_blocking(move || postgres.stop()).await?;
            }
            return Ok(ExitCode::SUCCESS);
        }
    };
    let served = tokio::select! {
        () = &mut stop => Ok(()),
        ready = prepare(&postgres, &options, &environment) => match ready {
            Err(failure) => Err(failure),
            Ok((service, secrets)) => {
                announce(&options, &postgres, &service, &secrets)?;
                service.until(stop, Duration::ZERO, GRACE).await
            }
        },
    };
    tokio::task::spawn_blocking(move || postgres.stop()).await?;
    served.map(|()| ExitCode::SUCCESS)
}

fn start_postgres(data: Data, search: Search, cancel: Cancel) -> Result<Postgres, devdb::Error> {
    let options = Options {
        data,
        search,
        settings: Vec::new(),
        cancel,
    };
    devdb::start(options, &mut |step: Progress| say(&format!("  {step}")))
}

/// What the development environment keeps to itself between runs.
#[derive(Deserialize, Serialize)]
struct Secrets {
    jwt_secret: String,
    encryption_key: String,
    login_password: String,
    twilio_auth_token: String,
    vapi_secret: String,
    make_api_key: String,
}

impl Secrets {
    fn generate() -> Result<Self, Failure> {
        Ok(Self {
            jwt_secret: random_hex()?,
            encryption_key: random_hex()?,
            login_password: random_hex()?,
            twilio_auth_token: random_hex()?[..32].to_owned(),
            vapi_secret: random_hex()?,
            make_api_key: random_hex()?,
        })
    }

    /// The kept ones, or new ones that are kept if the data is.
    fn of(options: &Dev) -> Result<Self, Failure> {
        if options.ephemeral {
            return Self::generate();
        }
        let file = secrets_file(&options.data_dir);
        if let Ok(text) = std::fs::read(&file) {
            return serde_json::from_slice(&text).map_err(|_| {
                format!("{} can't be read; remove it to get new secrets", file.display()).into()
            });
        }
        let secrets = Self::generate()?;
        write_private(&file, &serde_json::to_vec_pretty(&secrets)?)?;
        Ok(secrets)
    }
}

fn secrets_file(data_dir: &Path) -> PathBuf {
    data_dir.join("secrets.json")
}

/// Readable by its owner alone from the moment it exists.
fn write_private(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?;
    file.write_all(bytes)
}

/// 32 random bytes.
fn random_hex() -> Result<String, Failure> {
    let mut bytes = [0_u8; 32];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes)
        .map_err(|_| "the operating system gives no random bytes")?;
    Ok(hex::encode(bytes))
}

const DATABASE: &str = "mako";

/// The login's URL: what `DATABASE_URL` would be.
fn login_url(postgres: &Postgres, secrets: &Secrets) -> String {
    format!(
        "postgres://mako:{}@127.0.0.1:{}/{DATABASE}",
        secrets.login_password,
        postgres.port()
    )
}

/// Brings the database up to date and takes the socket.
async fn prepare(
    postgres: &Postgres,
    options: &Dev,
    environment: &Environment,
) -> Result<(Service, Secrets), Failure> {
    let secrets = Secrets::of(options)?;
    create_database(postgres).await?;
    let login = Target::parse(&login_url(postgres, &secrets), None)?;
    let admin = Target::parse(&postgres.superuser_url(DATABASE), None)?;
    say("  Migrating");
    Admin::connect(&admin)
        .await?
        .migrate(Some(&login), &mut |_| ())
        .await?;
    if !options.no_demo {
        Admin::connect(&admin).await?.run("sql/demo.sql", DEMO).await?;
    }
    let service = Service::bind(config(login, options, environment, &secrets)?).await?;
    Ok((service, secrets))
}

/// CREATE DATABASE knows no IF NOT EXISTS.
async fn create_database(postgres: &Postgres) -> Result<(), Failure> {
    let admin = Admin::connect(&Target::parse(&postgres.superuser_url("postgres"), None)?).await?;
    if !admin.has_database(DATABASE).await? {
        admin
            .run("creating the database", &format!("create database {DATABASE}"))
            .await?;
    }
    Ok(())
}

fn config(
    target: Target,
    options: &Dev,
    environment: &Environment,
    secrets: &Secrets,
) -> Result<Config, Failure> {
    let auth = AuthSettings {
        verifier: identity::VerifierSettings {
            secret: Some(HmacSecret::new(secrets.jwt_secret.clone())?),
            audience: None,
            issuer: None,
            user_claim: "sub".to_owned(),
            size_limit: identity::SIZE_LIMIT,
        },
        jwks_url: None,
        cookie: None,
    };
    let sealing = crate::config::sealing_keys(
        Some(&secrets.encryption_key),
        None,
        Some(&secrets.jwt_secret),
        true,
    )?;
    let webhook_secrets = crate::config::platform_secrets(&[
        (
            Source::Twilio,
            "TWILIO_AUTH_TOKEN",
            Some(&secrets.twilio_auth_token),
        ),
        (Source::Vapi, "VAPI_SECRET", Some(&secrets.vapi_secret)),
        (Source::Make, "MAKE_API_KEY", Some(&secrets.make_api_key)),
    ])?;
    let config = Config::for_development(
        environment,
        target,
        options.listen,
        auth,
        sealing,
        webhook_secrets,
    )?;
    Ok(config)
}

/// The one line of `--json`; names as in the contract.
#[derive(Serialize)]
struct Announcement<'a> {
    api_url: &'a str,
    docs_url: String,
    database_url: String,
    admin_database_url: String,
    jwt_secret: &'a str,
    encryption_key: &'a str,
    public_base_url: &'a str,
    webhook_secrets: WebhookSecrets<'a>,
    tenants: Vec<Tenant>,
}

#[derive(Serialize)]
struct WebhookSecrets<'a> {
    twilio_auth_token: &'a str,
    vapi_secret: &'a str,
    make_api_key: &'a str,
}

#[derive(Serialize)]
struct Tenant {
    name: &'static str,
    user_id: &'static str,
    email: &'static str,
    token: String,
    phone: &'static str,
}

fn announce(options: &Dev, postgres: &Postgres, service: &Service, secrets: &Secrets) -> Result<(), Failure> {
    let api_url = format!("http://{}", service.address);
    let tenants = if options.no_demo {
        Vec::new()
    } else {
        tenants(secrets)?
    };
    let announcement = Announcement {
        docs_url: format!("{api_url}/docs"),
        database_url: login_url(postgres, secrets),
        admin_database_url: postgres.superuser_url(DATABASE),
        jwt_secret: &secrets.jwt_secret,
        encryption_key: &secrets.encryption_key,
        public_base_url: &api_url,
        webhook_secrets: WebhookSecrets {
            twilio_auth_token: &secrets.twilio_auth_token,
            vapi_secret: &secrets.vapi_secret,
            make_api_key: &secrets.make_api_key,
        },
        tenants,
        api_url: &api_url,
    };
    if options.json {
        print(&serde_json::to_string(&announcement)?)?;
    } else {
        print(&screen(&announcement))?;
    }
    Ok(())
}

fn tenants(secrets: &Secrets) -> Result<Vec<Tenant>, Failure> {
    let secret = HmacSecret::new(secrets.jwt_secret.clone())?;
    #[expect(clippy::disallowed_methods, reason = "the clock at the edge")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let token = |user_id, email| {
        let claims = serde_json::json!({
            "sub": user_id, "email": email, "role": "authenticated", "aud": "authenticated",
            "iat": now, "exp": now + TOKEN_LIFETIME.as_secs(),
        });
        identity::mint(&secret, &claims)
    };
    let tenant = |(name, user_id, email, phone)| Tenant {
        name,
        user_id,
        email,
        token: token(user_id, email),
        phone,
    };
    Ok(TENANTS.map(tenant).into_iter().collect())
}

/// What a newcomer needs: where it is, who they can be, what to try. The commands can be pasted into any shell: URLs are
/// quoted (zsh expands `?`), and tokens are variables, so that a command fits a line.
fn screen(it: &Announcement<'_>) -> String {
    let api = it.api_url;
    let mut text = format!(
        "\n  Mako is ready. Ctrl-C stops everything.\n\n  API       {api}\n  Docs      {}\n  Database  {}\n  Admin     {}\n",
        it.docs_url, it.database_url, it.admin_database_url
    );
    for tenant in &it.tenants {
        let _ = write!(
            text,
            "\n  {}  {}\n  TOKEN_{}={}\n",
            tenant.name,
            tenant.user_id,
            tenant.name.to_uppercase(),
            tenant.token
        );
    }
    if !it.tenants.is_empty() {
        let _ = write!(
            text,
            "\n  Try, with the two lines TOKEN_…=… pasted first:\n\n  \
             curl -s '{api}/v1/leads?limit=2' -H \"Authorization: Bearer $TOKEN_ALICE\"\n  \
             curl -s '{api}/v1/dashboard/stats' -H \"Authorization: Bearer $TOKEN_BOB\"\n  \
             curl -s -X POST '{api}/v1/leads' -H \"Authorization: Bearer $TOKEN_ALICE\" \\\n    \
             -H 'Content-Type: application/json' \\\n    \
             -d '{{\"name\":\"Jane Doe\",\"phone\":\"+1 (555) 010-0199\",\"status\":\"new\",\"source\":\"curl\"}}'\n",
        );
    }
    text
}
