//! Which files make a project's database, and in which order: as the Supabase CLI reads them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::ProjectError;

/// A folder with a Supabase project's migrations, or with the schemas that it declares instead.
#[derive(Debug)]
pub struct Project {
    folder: PathBuf,
    schemas: Vec<PathBuf>,
    seeds: Vec<PathBuf>,
    model: Option<PathBuf>,
    config_file: Option<PathBuf>,
    config: Config,
}

/// A file, to be applied.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Script {
    pub(super) file: PathBuf,
    pub(super) text: String,
    pub(super) is_seed: bool,
}

/// What `config.toml` says of the database.
#[derive(Debug, Default, Deserialize)]
struct Config {
    #[serde(default)]
    api: Api,
    #[serde(default)]
    db: Database,
}

#[derive(Debug, Default, Deserialize)]
struct Api {
    #[serde(default)]
    schemas: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Database {
    major_version: Option<u32>,
    #[serde(default)]
    migrations: Migrations,
    #[serde(default)]
    seed: Seed,
}

#[derive(Debug, Default, Deserialize)]
struct Migrations {
    #[serde(default)]
    schema_paths: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
struct Seed {
    enabled: bool,
    sql_paths: Vec<String>,
}

impl Default for Seed {
    fn default() -> Self {
        Self {
            enabled: true,
            sql_paths: vec!["./seed.sql".to_owned()],
        }
    }
}

/// What every project's database has, whoever made it: nothing that the project would have to answer for.
const OF_SUPABASE: [&str; 3] = ["graphql_public", "storage", "realtime"];

impl Project {
    /// The project in a folder: one of `.sql` files, or one with a folder `migrations` or `schemas`, itself or in its
    /// `supabase`.
    pub fn at(folder: &Path) -> Result<Self, ProjectError> {
        let of_project = [
            folder.join("supabase"),
            folder.to_owned(),
            folder
                .parent()
                .filter(|_| folder.ends_with("migrations"))
                .map_or_else(PathBuf::new, Path::to_owned),
        ];
        let mut of_project = of_project.into_iter().filter(|path| !path.as_os_str().is_empty());
        let home = of_project.find(|path| path.join("migrations").is_dir() || path.join("schemas").is_dir());
        let project = match home {
            Some(home) => Self::of_supabase(home)?,
            // What stands beside a folder of mere files may be anybody's.
            None => Self {
                folder: folder.to_owned(),
                schemas: sql_files(folder)?,
                seeds: Vec::new(),
                model: None,
                config_file: None,
                config: Config::default(),
            },
        };
        if project.schemas.is_empty() {
            return Err(ProjectError::Empty(folder.display().to_string()));
        }
        Ok(project)
    }

    fn of_supabase(folder: PathBuf) -> Result<Self, ProjectError> {
        let of_project = |name: &str| Some(folder.join(name)).filter(|file| file.is_file());
        let config_file = of_project("config.toml");
        let config = config_file
            .as_deref()
            .map_or_else(|| Ok(Config::default()), Config::read)?;
        let migrations = folder.join("migrations");
        let mut schemas = if migrations.is_dir() {
            sql_files(&migrations)?
        } else {
            Vec::new()
        };
        if schemas.is_empty() {
            schemas = match config.db.migrations.schema_paths.as_slice() {
                [] => matching(&folder, &["schemas/**/*.sql".to_owned()])?,
                paths => matching(&folder, paths)?,
            };
        }
        let seed = &config.db.seed;
        let seeds = if seed.enabled {
            matching(&folder, &seed.sql_paths)?
        } else {
            Vec::new()
        };
        let model = of_project("tenancy.toml");
        Ok(Self {
            folder,
            schemas,
            seeds,
            model,
            config_file,
            config,
        })
    }

    /// The project's own model, `supabase/tenancy.toml`, if it has one.
    #[must_use]
    pub fn model(&self) -> Option<&Path> {
        self.model.as_deref()
    }

    /// Where its files are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Every file of it that decides what is proven.
    #[must_use]
    pub fn files(&self) -> Vec<&Path> {
        let files = self
            .schemas
            .iter()
            .chain(&self.seeds)
            .chain(&self.model)
            .chain(&self.config_file);
        files.map(PathBuf::as_path).collect()
    }

    /// Every folder that such a file is in, or may come to.
    #[must_use]
    pub fn folders(&self) -> BTreeSet<&Path> {
        let files = self.files().into_iter();
        files.filter_map(Path::parent).chain([self.folder()]).collect()
    }

    /// Schemas that it has made and that its API offers, `public` first.
    #[must_use]
    pub fn api_schemas(&self) -> Vec<String> {
        let others = self.config.api.schemas.iter().map(String::as_str);
        let others = others.filter(|schema| *schema != "public" && !OF_SUPABASE.contains(schema));
        std::iter::once("public")
            .chain(others)
            .map(str::to_owned)
            .collect()
    }

    /// The version of PostgreSQL that it is for, if it says so.
    #[must_use]
    pub fn postgres_version(&self) -> Option<u32> {
        self.config.db.major_version
    }

    /// What is to be applied, in this order.
    pub(super) fn scripts(&self) -> Result<Vec<Script>, ProjectError> {
        let schemas = self.schemas.iter().map(|file| (file, false));
        let seeds = self.seeds.iter().map(|file| (file, true));
        schemas
            .chain(seeds)
            .map(|(file, is_seed)| {
                Ok(Script {
                    text: read(file, |path| std::fs::read_to_string(path))?,
                    file: file.clone(),
                    is_seed,
                })
            })
            .collect()
    }
}

impl Config {
    fn read(file: &Path) -> Result<Self, ProjectError> {
        let text = read(file, |path| std::fs::read_to_string(path))?;
        toml::from_str(&text).map_err(|error| ProjectError::Config {
            path: file.display().to_string(),
            error,
        })
    }
}

/// In the order of their names, which begin with the time at which they were made.
fn sql_files(folder: &Path) -> Result<Vec<PathBuf>, ProjectError> {
    let mut files = Vec::new();
    for entry in read(folder, |path| std::fs::read_dir(path))? {
        let path = read(folder, |_| entry)?.path();
        if path.extension().is_some_and(|extension| extension == "sql") && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The files of each pattern in the order of their names; one that two match, at the first.
fn matching(folder: &Path, patterns: &[String]) -> Result<Vec<PathBuf>, ProjectError> {
    let mut files: Vec<PathBuf> = Vec::new();
    for pattern in patterns {
        let whole = format!("{}/{pattern}", glob::Pattern::escape(&folder.to_string_lossy()));
        let found = glob::glob(&whole).map_err(|error| ProjectError::Pattern {
            pattern: pattern.clone(),
            error,
        })?;
        let mut found: Vec<PathBuf> = found.flatten().filter(|path| path.is_file()).collect();
        found.sort();
        for file in found {
            if !files.contains(&file) {
                files.push(file);
            }
        }
    }
    Ok(files)
}

fn read<T>(path: &Path, how: impl FnOnce(&Path) -> std::io::Result<T>) -> Result<T, ProjectError> {
    how(path).map_err(|error| ProjectError::Unreadable {
        path: path.display().to_string(),
        error,
    })
}
