//! Makes one project after the other; what two of them begin with is copied rather than applied again.

use tokio_postgres::Client;

use super::files::{Project, Script};
use super::origins::Timeline;
use super::{Applied, ProjectError, cluster};

/// A cluster that is there for nothing else.
pub trait Cluster {
    /// Opens a session of its superuser.
    fn connect(&self, database: &str) -> impl Future<Output = Result<Client, ConnectError>>;
}

/// Why there is no session.
pub type ConnectError = Box<dyn std::error::Error + Send + Sync>;

/// Called as on Supabase: migrations may name it.
const DATABASE: &str = "postgres";
/// From where that is made anew.
const ELSEWHERE: &str = "template1";
/// So many beginnings are kept at most.
const KEPT: usize = 3;

/// Where projects' databases are made.
#[derive(Debug)]
pub struct Workbench<C> {
    cluster: C,
    /// What is in the database.
    made: Option<Stage>,
    /// Each longer than the one before.
    kept: Vec<Kept>,
    copies: usize,
}

/// How far a project is applied.
#[derive(Clone, Debug)]
struct Stage {
    scripts: Vec<Script>,
    applied: Applied,
    timeline: Timeline,
}

/// A copy of the database as it was.
#[derive(Debug)]
struct Kept {
    database: String,
    stage: Stage,
    /// What it takes for granted of the cluster.
    shared: String,
}

impl<C: Cluster> Workbench<C> {
    /// In this cluster.
    pub fn new(cluster: C) -> Self {
        Self {
            cluster,
            made: None,
            kept: Vec::new(),
            copies: 0,
        }
    }

    /// The cluster.
    pub fn into_cluster(self) -> C {
        self.cluster
    }

    /// Makes the project's database in place of the one before; nobody else may be in that.
    ///
    /// Whoever changes a file will change it again: what comes before it is kept.
    pub async fn make(&mut self, project: &Project) -> Result<(Client, Applied), ProjectError> {
        let scripts = project.scripts()?;
        let made = self.made.take();
        let unchanged = made.as_ref().map(|made| made.common(&scripts));
        let admin = self.connect(ELSEWHERE).await?;
        let begun = match made {
            Some(made) if made.is_beginning_of(&scripts) => Some(made),
            _ => self.begin(&admin, &scripts).await?,
        };
        let mut client = self.connect(DATABASE).await?;
        let mut stage = match begun {
            Some(stage) => stage,
            None => Stage::ground(&client).await?,
        };
        if let Some(unchanged) = unchanged
            && (1..scripts.len()).contains(&unchanged)
            && self
                .kept
                .last()
                .is_none_or(|kept| kept.stage.scripts.len() < unchanged)
        {
            stage.apply(&client, &scripts, unchanged).await?;
            drop(client);
            self.keep(&admin, stage.clone()).await?;
            client = self.connect(DATABASE).await?;
        }
        stage.apply(&client, &scripts, scripts.len()).await?;
        // One that has the settings that the project gave its database.
        let client = self.connect(DATABASE).await?;
        stage.applied.origins = stage.timeline.origins(&client).await?;
        let applied = stage.applied.clone();
        self.made = Some(stage);
        Ok((client, applied))
    }

    async fn connect(&self, database: &str) -> Result<Client, ProjectError> {
        self.cluster
            .connect(database)
            .await
            .map_err(ProjectError::Connect)
    }

    /// Makes the database of what is kept, if that holds; else it is empty.
    async fn begin(&mut self, admin: &Client, scripts: &[Script]) -> Result<Option<Stage>, ProjectError> {
        cluster::drop_database(admin, DATABASE).await?;
        let (kept, outdated) = std::mem::take(&mut self.kept)
            .into_iter()
            .partition(|kept| kept.stage.is_beginning_of(scripts));
        self.kept = kept;
        forget(admin, outdated).await?;
        if let Some(longest) = self.kept.last()
            && longest.shared == cluster::shared(admin).await?
        {
            cluster::copy(admin, &longest.database, DATABASE).await?;
            return Ok(Some(longest.stage.clone()));
        }
        // What the rest of the project did to roles stays: only without them all it begins as it did.
        forget(admin, std::mem::take(&mut self.kept)).await?;
        cluster::empty(admin, DATABASE).await?;
        Ok(None)
    }

    async fn keep(&mut self, admin: &Client, stage: Stage) -> Result<(), ProjectError> {
        if self.kept.len() == KEPT {
            forget(admin, vec![self.kept.remove(0)]).await?;
        }
        self.copies += 1;
        let database = format!("mako_kept_{}", self.copies);
        cluster::copy(admin, DATABASE, &database).await?;
        let shared = cluster::shared(admin).await?;
        self.kept.push(Kept {
            database,
            stage,
            shared,
        });
        Ok(())
    }
}

async fn forget(admin: &Client, kept: Vec<Kept>) -> Result<(), ProjectError> {
    for kept in kept {
        cluster::drop_database(admin, &kept.database).await?;
    }
    Ok(())
}

impl Stage {
    /// What every project begins with.
    async fn ground(client: &Client) -> Result<Self, ProjectError> {
        Ok(Self {
            scripts: Vec::new(),
            applied: Applied::ground(client).await?,
            timeline: Timeline::begin(client).await?,
        })
    }

    /// How many of these it begins with.
    fn common(&self, scripts: &[Script]) -> usize {
        let pairs = self.scripts.iter().zip(scripts);
        pairs.take_while(|(applied, script)| applied == script).count()
    }

    fn is_beginning_of(&self, scripts: &[Script]) -> bool {
        self.common(scripts) == self.scripts.len()
    }

    /// Goes on to where so many of them are applied.
    async fn apply(&mut self, client: &Client, scripts: &[Script], to: usize) -> Result<(), ProjectError> {
        for script in scripts.iter().take(to).skip(self.scripts.len()) {
            self.applied
                .apply_script(client, script, &mut self.timeline)
                .await?;
            self.scripts.push(script.clone());
        }
        Ok(())
    }
}
