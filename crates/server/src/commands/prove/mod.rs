//! `mako prove`: looks whether a tenant of this database, or of a project that isn't deployed, reaches another.

mod project;

use std::path::Path;
use std::process::ExitCode;

use ::prove::{Client, Model, Options, Report, Verdict};
use devdb::Cancel;
use project::ProjectDatabase;

use super::progress::ProofProgress;
use super::{Failure, print, say};
use crate::cli::{Prove, ReportFormat};
use crate::config::Environment;

/// Where the model is looked for.
const MODEL_FILE: &str = "policies/tenancy.toml";
/// Mako's own, for where that file isn't.
const MODEL: &str = include_str!("../../../../../policies/tenancy.toml");

/// Attacks the database and prints the report, or drafts a model.
pub(crate) async fn run(options: Prove) -> Result<ExitCode, Failure> {
    let environment = Environment::read()?;
    crate::log::start(&environment.log()?);
    let Some(folder) = &options.project else {
        let target = match &options.database_url {
            Some(url) => environment.target_of(url)?,
            None => environment.admin_target()?,
        };
        let client = store::admin::attacker(&target).await?;
        return attack(client, &options, None).await;
    };
    let mut stop = std::pin::pin!(super::serve::stop_signal()?);
    let cancel = Cancel::default();
    let database = tokio::select! {
        started = ProjectDatabase::start(folder, cancel.clone()) => started?,
        () = &mut stop => {
            cancel.cancel();
            return Ok(ExitCode::from(2));
        }
    };
    let proven = tokio::select! {
        proven = attack_project(&environment, &options, &database) => proven,
        () = &mut stop => Ok(ExitCode::from(2)),
    };
    database.stop().await?;
    proven
}

async fn attack_project(
    environment: &Environment,
    options: &Prove,
    database: &ProjectDatabase,
) -> Result<ExitCode, Failure> {
    let client = store::admin::attacker(&environment.target_of(&database.url())?).await?;
    let is_whole = database.apply(&client).await?;
    let attacked = attack(client, options, Some(database)).await?;
    // What was refused may have closed, or opened, what was found open or closed.
    Ok(if is_whole || options.init {
        attacked
    } else {
        ExitCode::from(2)
    })
}

async fn attack(
    mut client: Client,
    options: &Prove,
    database: Option<&ProjectDatabase>,
) -> Result<ExitCode, Failure> {
    if options.init {
        print(Model::draft(&client).await?.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    let model = match (&options.model, database) {
        (Some(file), _) => read_model(file)?,
        (None, Some(database)) => database.model(&client).await?,
        (None, None) => default_model()?,
    };
    let progress = ProofProgress::new();
    let watched = Options {
        progress: Some(&|step| progress.tell(step)),
    };
    let report = ::prove::run(&mut client, &model, &watched).await?;
    drop(progress);
    print(rendered(&report, options.format).trim_end())?;
    Ok(match report.verdict {
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

fn rendered(report: &Report, format: ReportFormat) -> String {
    match format {
        ReportFormat::Text => report.to_text(),
        ReportFormat::Json => report.to_json(),
        ReportFormat::Sarif => report.to_sarif(),
        ReportFormat::Html => report.to_html(),
    }
}
