//! `mako prove supabase/`: attacks the database that a project's migrations make, on a Postgres of its own.

use std::path::Path;
use std::process::ExitCode;

use ::prove::{Applied, Client, Cluster, ConnectError, Model, Project, Report, Workbench};
use devdb::{Cancel, Data, Options, Postgres, Search};

use super::super::{Failure, print, say};
use super::earlier::Earlier;
use super::watch;
use crate::cli::Prove;
use crate::config::Environment;

/// Proves a project once, or whenever it changes.
pub(super) async fn run(
    environment: &Environment,
    options: &Prove,
    folder: &Path,
) -> Result<ExitCode, Failure> {
    let project = Project::at(folder)?;
    let mut stop = std::pin::pin!(super::super::serve::stop_signal()?);
    let cancel = Cancel::default();
    let stopped = Ok(if options.watch {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(2)
    });
    let server = tokio::select! {
        started = ProjectServer::start(environment, cancel.clone()) => started?,
        () = &mut stop => {
            cancel.cancel();
            return stopped;
        }
    };
    let mut workbench = Workbench::new(server);
    let proving = async {
        if options.watch {
            watch::run(options, folder, &mut workbench).await
        } else {
            prove(options, &project, &mut workbench).await
        }
    };
    let proven = tokio::select! {
        proven = proving => proven,
        () = &mut stop => stopped,
    };
    workbench.into_cluster().stop().await?;
    proven
}

async fn prove(
    options: &Prove,
    project: &Project,
    workbench: &mut Workbench<ProjectServer<'_>>,
) -> Result<ExitCode, Failure> {
    let mut since = None;
    if let Some(reference) = &options.changed_since {
        let earlier = Earlier::at(reference, project)?;
        say(&format!("as at {reference}:"));
        let made = Made::of(&earlier.project, workbench).await?;
        since = Some((reference, made.attack(options).await?));
        say("and now:");
    }
    let made = Made::of(project, workbench).await?;
    if options.init {
        print(made.draft().await?.trim_end())?;
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
pub(super) struct ProjectServer<'e> {
    environment: &'e Environment,
    postgres: Postgres,
}

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

    async fn stop(self) -> Result<(), Failure> {
        Ok(tokio::task::spawn_blocking(|| self.postgres.stop()).await?)
    }
}

impl Cluster for ProjectServer<'_> {
    async fn connect(&self, database: &str) -> Result<Client, ConnectError> {
        let target = self
            .environment
            .target_of(&self.postgres.superuser_url(database))?;
        Ok(store::admin::attacker(&target).await?)
    }
}

/// A project's database.
pub(super) struct Made<'p> {
    client: Client,
    project: &'p Project,
    applied: Applied,
}

impl<'p> Made<'p> {
    /// Makes it in place of the one before; says what was refused.
    pub(super) async fn of(
        project: &'p Project,
        workbench: &mut Workbench<ProjectServer<'_>>,
    ) -> Result<Self, Failure> {
        let (client, applied) = workbench.make(project).await?;
        let made = Self {
            client,
            project,
            applied,
        };
        made.sum_up();
        made.compare_versions().await?;
        Ok(made)
    }

    fn sum_up(&self) {
        let Applied {
            statements,
            refused,
            stand_ins,
            ..
        } = &self.applied;
        for refusal in refused {
            say(&refusal.to_string());
        }
        if !stand_ins.is_empty() {
            say(&format!(
                "stood in for, because not installed: {}",
                stand_ins.join(", ")
            ));
        }
        say(&format!(
            "{} of {statements} statements applied; of the others {} may decide who reaches what",
            statements - refused.len(),
            self.that_matter()
        ));
    }

    async fn compare_versions(&self) -> Result<(), Failure> {
        let Some(wanted) = self.project.postgres_version() else {
            return Ok(());
        };
        let here: String = self
            .client
            .query_one("show server_version_num", &[])
            .await?
            .get(0);
        let here = here.parse::<u32>()? / 10_000;
        if here != wanted {
            say(&format!(
                "config.toml says PostgreSQL {wanted}, and this is {here}; MAKO_PG_BIN may name another"
            ));
        }
        Ok(())
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
    pub(super) fn is_whole(&self) -> bool {
        self.that_matter() == 0
    }

    async fn draft(&self) -> Result<String, Failure> {
        Ok(Model::draft(&self.client, &self.project.api_schemas()).await?)
    }

    /// Attacks it by the model that is given, the project's own, or a draft of one.
    pub(super) async fn attack(mut self, options: &Prove) -> Result<Report, Failure> {
        let model = if let Some(file) = options.model.as_deref().or(self.project.model()) {
            super::read_model(file)?
        } else {
            say("there is no tenancy.toml beside the migrations; taking the draft that --init prints");
            Model::parse(&self.draft().await?)?
        };
        for schema in self.project.api_schemas() {
            if !model.schemas.contains(&schema) {
                say(&format!(
                    "config.toml offers schema {schema} by the API, and the model doesn't name it"
                ));
            }
        }
        let mut report = super::attack(&mut self.client, None, &model).await?;
        report.locate(&self.applied.origins);
        Ok(report)
    }
}
