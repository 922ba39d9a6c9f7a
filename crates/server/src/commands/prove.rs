//! `mako prove`: looks whether a tenant of this database reaches another.

use std::path::Path;
use std::process::ExitCode;

use ::prove::{Model, Options, Report, Verdict};

use super::progress::ProofProgress;
use super::{Failure, print, say};
use crate::cli::{Prove, ReportFormat};
use crate::config::Environment;

/// Where the model is looked for.
const MODEL_FILE: &str = "policies/tenancy.toml";
/// Mako's own, for where that file isn't.
const MODEL: &str = include_str!("../../../../policies/tenancy.toml");

/// Attacks the database and prints the report, or drafts a model.
pub(crate) async fn run(options: Prove) -> Result<ExitCode, Failure> {
    let environment = Environment::read()?;
    crate::log::start(&environment.log()?);
    let target = match &options.database_url {
        Some(url) => environment.target_of(url)?,
        None => environment.admin_target()?,
    };
    let mut client = store::admin::attacker(&target).await?;
    if options.init {
        print(Model::draft(&client).await?.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    let model = model(options.model.as_deref())?;
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

fn model(file: Option<&Path>) -> Result<Model, Failure> {
    let text = match file {
        Some(file) => {
            std::fs::read_to_string(file).map_err(|error| format!("--model {}: {error}", file.display()))?
        }
        None => std::fs::read_to_string(MODEL_FILE).unwrap_or_else(|_| {
            say(&format!("{MODEL_FILE} isn't here; taking Mako's own model"));
            MODEL.to_owned()
        }),
    };
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
