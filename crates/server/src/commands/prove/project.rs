//! `mako prove supabase/`: attacks the database that a project's migrations make, on a Postgres of its own.

use std::path::Path;

use ::prove::{Applied, Client, Model, Project};
use devdb::{Cancel, Data, Options, Postgres, Search};

use super::super::{Failure, say};

/// A database made of a project's folder; it ends with this.
pub(super) struct ProjectDatabase {
    postgres: Postgres,
    project: Project,
}

const DATABASE: &str = "postgres";

impl ProjectDatabase {
    /// Starts a Postgres that vanishes afterwards.
    pub(super) async fn start(folder: &Path, cancel: Cancel) -> Result<Self, Failure> {
        let project = Project::at(folder)?;
        let options = Options {
            data: Data::Ephemeral,
            search: Search::from_env(),
            settings: Vec::new(),
            cancel,
        };
        let starting =
            tokio::task::spawn_blocking(|| devdb::start(options, &mut |step| say(&step.to_string())));
        Ok(Self {
            postgres: starting.await??,
            project,
        })
    }

    pub(super) fn url(&self) -> String {
        self.postgres.superuser_url(DATABASE)
    }

    /// Applies the project; says what was refused. True if all that tenancy may depend on was applied.
    pub(super) async fn apply(&self, client: &Client) -> Result<bool, Failure> {
        let Applied {
            statements,
            refused,
            stand_ins,
        } = self.project.apply(client).await?;
        for refusal in &refused {
            say(&refusal.to_string());
        }
        if !stand_ins.is_empty() {
            say(&format!(
                "stood in for, because not installed: {}",
                stand_ins.join(", ")
            ));
        }
        let matters = refused.iter().filter(|refusal| refusal.matters).count();
        say(&format!(
            "{} of {statements} statements applied; of the others {matters} may decide who reaches what",
            statements - refused.len()
        ));
        Ok(matters == 0)
    }

    /// The project's own model, or a draft of one.
    pub(super) async fn model(&self, client: &Client) -> Result<Model, Failure> {
        if let Some(file) = self.project.model() {
            return super::read_model(file);
        }
        say("there is no tenancy.toml beside the migrations; taking the draft that --init prints");
        Ok(Model::parse(&Model::draft(client).await?)?)
    }

    pub(super) async fn stop(self) -> Result<(), Failure> {
        Ok(tokio::task::spawn_blocking(|| self.postgres.stop()).await?)
    }
}
