//! `mako prove`: looks whether a tenant of this database, or of a project that isn't deployed, reaches another.

mod earlier;
mod every;
mod known;
mod outputs;
mod project;
mod watch;

use std::path::Path;
use std::process::ExitCode;

use ::prove::{Client, Dial, Model, Node, Options, Report, Verdict};
use futures_util::future::BoxFuture;
use store::Target;

pub(crate) use outputs::Output;

use super::progress::ProofProgress;
use super::{Failure, print, say};
use crate::cli::Prove;
use crate::config::Environment;

/// Where the model is looked for.
const MODEL_FILE: &str = "policies/tenancy.toml";
/// Mako's own, for where that file isn't.
const MODEL: &str = include_str!("../../../../../policies/tenancy.toml");

/// Attacks the database and writes the report, or drafts a model.
pub(crate) async fn run(options: Prove) -> Result<ExitCode, Failure> {
    let environment = Environment::read()?;
    crate::log::start(&environment.log()?);
    if let Some(folder) = &options.project {
        return project::run(&environment, &options, folder).await;
    }
    if options.init {
        let client = store::admin::attacker(&target(&environment, &options)?).await?;
        print(Model::draft(&client, &["public".to_owned()]).await?.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(every) = options.every {
        return every::run(&environment, &options, every).await;
    }
    conclude(of_database(&environment, &options).await?, &options)
}

fn target(environment: &Environment, options: &Prove) -> Result<Target, Failure> {
    Ok(match &options.database_url {
        Some(url) => environment.target_of(url)?,
        None => environment.admin_target()?,
    })
}

/// Attacks the database that is there.
async fn of_database(environment: &Environment, options: &Prove) -> Result<Report, Failure> {
    let target = target(environment, options)?;
    let mut client = store::admin::attacker(&target).await?;
    let model = match &options.model {
        Some(file) => read_model(file)?,
        None => default_model()?,
    };
    attack(&mut client, Some(&target), &model).await
}

/// Attacks; `target` leads to other nodes of a database that is spread over several.
async fn attack(client: &mut Client, target: Option<&Target>, model: &Model) -> Result<Report, Failure> {
    let progress = ProofProgress::new();
    let dial = target.map(|target| dialling(target.clone()));
    let watched = Options {
        progress: Some(&|step| progress.tell(step)),
        dial: dial.as_ref().map(|dial| dial as &Dial<'_>),
    };
    Ok(::prove::run(client, model, &watched).await?)
}

/// Connects to other nodes, with what leads to this one.
fn dialling(
    target: Target,
) -> impl Fn(&Node, Option<&str>) -> BoxFuture<'static, Result<Client, String>> + Sync {
    move |node, role| {
        let (target, host, port) = (target.clone(), node.host.clone(), node.port);
        let role = role.map(str::to_owned);
        Box::pin(async move { store::admin::attacker_elsewhere(&target, &host, port, role.as_deref()).await })
    }
}

/// Writes the report, and answers by what isn't known.
fn conclude(mut report: Report, options: &Prove) -> Result<ExitCode, Failure> {
    known::hold_against(&mut report, options)?;
    outputs::write(&report, &options.format)?;
    Ok(match report.verdict_on_new() {
        Verdict::Proven => ExitCode::SUCCESS,
        Verdict::Leak => ExitCode::from(1),
        Verdict::Incomplete | Verdict::NotTested => ExitCode::from(2),
    })
}

fn read_model(file: &Path) -> Result<Model, Failure> {
    let text =
        std::fs::read_to_string(file).map_err(|error| format!("--model {}: {error}", file.display()))?;
    Ok(Model::parse(&text)?)
}

fn default_model() -> Result<Model, Failure> {
    let text = std::fs::read_to_string(MODEL_FILE).unwrap_or_else(|_| {
        say(&format!("{MODEL_FILE} isn't here; taking Mako's own model"));
        MODEL.to_owned()
    });
    Ok(Model::parse(&text)?)
}
