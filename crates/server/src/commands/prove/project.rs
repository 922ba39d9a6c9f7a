//! `mako prove supabase/`: attacks the database that a project's migrations make, on a Postgres of its own.

use std::path::Path;
use std::process::ExitCode;

use ::prove::{Applied, Client, Model, Project, Report};
use devdb::{Cancel, Data, Options, Postgres, Search};

use super::super::{Failure, print, say};
use super::earlier::Earlier;
use crate::cli::Prove;
use crate::config::Environment;

/// Proves a project once.
pub(super) async fn run(
    environment: &Environment,
    options: &Prove,
    folder: &Path,
) -> Result<ExitCode, Failure> {
    let project = Project::at(folder)?;
    let mut stop = std::pin::pin!(super::super::serve::stop_signal()?);
    let cancel = Cancel::default();
    let server = tokio::select! {
        started = ProjectServer::start(environment, cancel.clone()) => started?,
        () = &mut stop => {
            cancel.cancel();
            return Ok(ExitCode::from(2));
        }
    };
    let proven = tokio::select! {
        proven = prove(options, &project, &server) => proven,
        () = &mut stop => Ok(ExitCode::from(2)),
    };
    server.stop().await?;
    proven
}

async fn prove(options: &Prove, project: &Project, server: &ProjectServer<'_>) -> Result<ExitCode, Failure> {
    let mut since = None;
    if let Some(reference) = &options.changed_since {
        let earlier = Earlier::at(reference, project)?;
        say(&format!("as at {reference}:"));
        let made = server.make(&earlier.project).await?;
        since = Some((reference, made.attack(options).await?));
        say("and now:");
    }
    let made = server.make(project).await?;
    if options.init {
        print(Model::draft(&made.client).await?.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    let is_whole = made.is_whole();
    let mut report = made.attack(options).await?;
    if let Some((reference, earlier)) = since {
        report.change(&earlier, reference);
    }
    let answer = super::conclude(report, options)?;
    // What was refused may have closed, or opened, what was found open or closed.
    Ok(if is_whole { answer } else { ExitCode::from(2) })
}

/// A Postgres for projects, one after the other; it ends with this.
struct ProjectServer<'e> {
    environment: &'e Environment,
    postgres: Postgres,
}

/// A project's database.
struct Made<'p> {
    client: Client,
    project: &'p Project,
    applied: Applied,
}

/// Called as on Supabase: migrations may name it.
const DATABASE: &str = "postgres";
/// From where that is made anew.
const ELSEWHERE: &str = "template1";

impl<'e> ProjectServer<'e> {
    /// Starts a Postgres that vanishes afterwards.
    async fn start(environment: &'e Environment, cancel: Cancel) -> Result<Self, Failure> {
        let options = Options {
            data: Data::Ephemeral,
            search: Search::from_env(),
            settings: Vec::new(),
            cancel,
        };
        let starting =
            tokio::task::spawn_blocking(|| devdb::start(options, &mut |step| say(&step.to_string())));
        Ok(Self {
            environment,
            postgres: starting.await??,
        })
    }

    async fn connect(&self, database: &str) -> Result<Client, Failure> {
        let target = self
            .environment
            .target_of(&self.postgres.superuser_url(database))?;
        Ok(store::admin::attacker(&target).await?)
    }

    /// Makes the project's database in place of the one before; says what was refused.
    async fn make<'p>(&self, project: &'p Project) -> Result<Made<'p>, Failure> {
        ::prove::empty_database(&self.connect(ELSEWHERE).await?, DATABASE).await?;
        let client = self.connect(DATABASE).await?;
        let applied = project.apply(&client).await?;
        for refusal in &applied.refused {
            say(&refusal.to_string());
        }
        if !applied.stand_ins.is_empty() {
            say(&format!(
                "stood in for, because not installed: {}",
                applied.stand_ins.join(", ")
            ));
        }
        let made = Made {
            client,
            project,
            applied,
        };
        made.sum_up();
        Ok(made)
    }

    async fn stop(self) -> Result<(), Failure> {
        Ok(tokio::task::spawn_blocking(|| self.postgres.stop()).await?)
    }
}

impl Made<'_> {
    fn sum_up(&self) {
        let Applied {
            statements, refused, ..
        } = &self.applied;
        say(&format!(
            "{} of {statements} statements applied; of the others {} may decide who reaches what",
            statements - refused.len(),
            self.that_matter()
        ));
    }

    /// Refused statements on which tenancy may depend.
    fn that_matter(&self) -> usize {
        self.applied
            .refused
            .iter()
            .filter(|refusal| refusal.matters)
            .count()
    }

    /// Whether all that tenancy may depend on was applied.
    fn is_whole(&self) -> bool {
        self.that_matter() == 0
    }

    /// Attacks it by the model that is given, the project's own, or a draft of one.
    async fn attack(mut self, options: &Prove) -> Result<Report, Failure> {
        let model = if let Some(file) = options.model.as_deref().or(self.project.model()) {
            super::read_model(file)?
        } else {
            say("there is no tenancy.toml beside the migrations; taking the draft that --init prints");
            Model::parse(&Model::draft(&self.client).await?)?
        };
        let mut report = super::attack(&mut self.client, &model).await?;
        report.locate(&self.applied.origins);
        Ok(report)
    }
}
