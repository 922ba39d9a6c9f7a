//! `docker-compose.yml` as processes: each gets what its container would see, at other paths and other ports.
//!
//! Nothing is taken on trust that can be tried: a secret that a service isn't granted is not there, a socket lies in
//! the volume that the file names, a file keeps the mode that the container would find.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::process::Command;

use crate::process::free_port;

/// The file, and a folder that stands for the machine that it runs on.
pub struct Compose {
    file: Value,
    folder: PathBuf,
    /// Where what listens on a port of a container listens here.
    ports: BTreeMap<(String, String), u16>,
}

impl Compose {
    /// Reads the file, with an `--env-file` of the repository's or none, and has `crates/server/deploy/secrets` make the secrets.
    #[must_use]
    pub fn read(env_file: Option<&str>) -> Self {
        let folder = std::env::temp_dir().join(format!("mako-compose-{}", free_port()));
        std::fs::create_dir_all(folder.join("crates/server/deploy")).expect("a temporary folder");
        let script = folder.join("crates/server/deploy/secrets");
        std::fs::copy(repository("crates/server/deploy/secrets"), &script).expect("the script is there");
        let made = std::process::Command::new("sh").arg(&script).status();
        assert!(made.expect("sh is there").success(), "the secrets are made");
        let variables = env_file.map(assignments).unwrap_or_default();
        let text = std::fs::read_to_string(repository("docker-compose.yml")).expect("the file is there");
        let mut yaml: serde_yaml_ng::Value =
            serde_yaml_ng::from_str(&interpolated(&text, &variables)).expect("it is YAML");
        yaml.apply_merge().expect("its merges are maps");
        let mut compose = Self {
            file: serde_json::to_value(yaml).expect("its keys are texts"),
            folder,
            ports: BTreeMap::new(),
        };
        let profiles = variables.get("COMPOSE_PROFILES").cloned().unwrap_or_default();
        compose.leave_out(&profiles);
        compose
    }

    /// Services whose profile isn't asked for are not there.
    fn leave_out(&mut self, profile: &str) {
        let services = self.file["services"].as_object_mut().expect("services");
        services.retain(|_, service| {
            service["profiles"]
                .as_array()
                .is_none_or(|all| all.iter().any(|one| one == profile))
        });
    }

    /// A service as the file has it.
    #[must_use]
    pub fn service(&self, name: &str) -> &Value {
        &self.file["services"][name]
    }

    /// The services, each after those that it waits for, with what it waits for.
    #[must_use]
    pub fn order(&self) -> Vec<(String, Vec<(String, String)>)> {
        let services = self.file["services"].as_object().expect("services");
        let mut ordered: Vec<(String, Vec<(String, String)>)> = Vec::new();
        while ordered.len() < services.len() {
            let next = services.iter().find_map(|(name, service)| {
                let waits = waits_for(service, |other| services.contains_key(other));
                let started = |name: &str| ordered.iter().any(|(other, _)| other == name);
                (!started(name) && waits.iter().all(|(other, _)| started(other)))
                    .then(|| (name.clone(), waits))
            });
            ordered.push(next.expect("no service waits for itself"));
        }
        ordered
    }

    /// What a secret holds.
    #[must_use]
    pub fn secret(&self, name: &str) -> String {
        std::fs::read_to_string(self.source("secrets", name)).expect("a secret")
    }

    /// The folder that stands for a volume; anybody may write, as the images arrange it for their users.
    #[must_use]
    pub fn volume(&self, name: &str) -> PathBuf {
        assert!(
            self.file["volumes"].get(name).is_some(),
            "there is no volume {name}"
        );
        let folder = self.folder.join("volumes").join(name);
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).expect("it is ours");
        folder
    }

    /// A program in a service's place: with its arguments and its environment, and nothing else.
    pub fn process(&mut self, name: &str, program: &Path, arguments: &[String]) -> Command {
        let mounts = self.mounts(name);
        let mut command = Command::new(program);
        command.current_dir(&self.folder).env_clear();
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command.args(arguments.iter().map(|argument| here(argument, &mounts)));
        let environment = self.service(name)["environment"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        for (key, value) in environment {
            let value = value
                .as_str()
                .unwrap_or_else(|| panic!("{name}: {key} is a text"));
            command.env(&key, self.listening(name, &key, &here(value, &mounts)));
        }
        command
    }

    /// Where a service's published port is reached here; the file must publish the port that the service listens on.
    pub fn published(&mut self, name: &str) -> u16 {
        let published = self.service(name)["ports"][0]
            .as_str()
            .expect("a port")
            .to_owned();
        let (address, inside) = published.rsplit_once(':').expect("address:port:port");
        assert!(
            address.starts_with("127.0.0.1:"),
            "{name} is published to everybody"
        );
        self.port(name, inside)
    }

    /// The port here that stands for one of a service's.
    pub fn port(&mut self, name: &str, inside: &str) -> u16 {
        let key = (name.to_owned(), inside.to_owned());
        *self.ports.entry(key).or_insert_with(free_port)
    }

    /// Addresses and ports to listen on: in a container any, here one that is free on loopback.
    fn listening(&mut self, name: &str, key: &str, value: &str) -> String {
        match key {
            "LISTEN" => {
                let inside = value
                    .strip_prefix("0.0.0.0:")
                    .expect("or nobody outside the container is heard");
                format!("127.0.0.1:{}", self.port(name, inside))
            }
            "PGRST_SERVER_HOST" => {
                assert_eq!(
                    value, "0.0.0.0",
                    "or nobody outside the container is heard, or --ready refuses"
                );
                "127.0.0.1".to_owned()
            }
            "PGRST_SERVER_PORT" | "PGRST_ADMIN_SERVER_PORT" => self.port(name, value).to_string(),
            _ => value.to_owned(),
        }
    }

    /// Paths in the container, and what stands for them here; the longest first.
    fn mounts(&self, name: &str) -> Vec<(String, PathBuf)> {
        let service = self.service(name);
        let list = |key: &str| service[key].as_array().cloned().unwrap_or_default();
        let mut mounts: Vec<(String, PathBuf)> = list("volumes")
            .iter()
            .map(|volume| {
                volume
                    .as_str()
                    .and_then(|text| text.split_once(':'))
                    .expect("volume:path")
            })
            .map(|(volume, path)| (path.to_owned(), self.volume(volume)))
            .collect();
        let volumes = mounts.clone();
        for kind in ["secrets", "configs"] {
            for granted in list(kind) {
                let source = granted
                    .as_str()
                    .or(granted["source"].as_str())
                    .expect("a name")
                    .to_owned();
                let target = granted["target"]
                    .as_str()
                    .map_or_else(|| format!("/run/secrets/{source}"), str::to_owned);
                mounts.push((target, self.folder.join("mounts").join(name).join(source)));
            }
        }
        mounts.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        for (_, file) in mounts.iter().filter(|mount| !volumes.contains(mount)) {
            self.mount(file, &mounts);
        }
        mounts
    }

    /// Lays a file where a process finds it, with its mode, and its paths as they are here.
    fn mount(&self, file: &Path, mounts: &[(String, PathBuf)]) {
        let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
        let kind = if self.file["secrets"].get(name).is_some() {
            "secrets"
        } else {
            "configs"
        };
        let source = self.source(kind, name);
        let text = std::fs::read_to_string(&source).expect("the file is there");
        drop(std::fs::remove_file(file));
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a temporary folder");
        std::fs::write(file, here(&text, mounts)).expect("it can be written");
        let mode = source.metadata().expect("the file is there").permissions();
        std::fs::set_permissions(file, mode).expect("it is ours");
    }

    fn source(&self, kind: &str, name: &str) -> PathBuf {
        let file = self.file[kind][name]["file"].as_str();
        let file = file.unwrap_or_else(|| panic!("{name} is not among the {kind}"));
        match kind {
            "secrets" => self.folder.join(file),
            _ => repository(file),
        }
    }
}

impl Drop for Compose {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

fn waits_for(service: &Value, is_there: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let waits = service["depends_on"].as_object().cloned().unwrap_or_default();
    let waits = waits
        .into_iter()
        .filter(|(other, how)| is_there(other) || how["required"] != false);
    waits
        .map(|(other, how)| (other, how["condition"].as_str().expect("a condition").to_owned()))
        .collect()
}

/// A text with the container's paths replaced by ours, also where a URL has them percent-encoded.
fn here(text: &str, mounts: &[(String, PathBuf)]) -> String {
    mounts.iter().fold(text.to_owned(), |text, (path, file)| {
        let file = file.to_str().expect("a path in UTF-8");
        text.replace(path, file)
            .replace(&path.replace('/', "%2F"), &file.replace('/', "%2F"))
    })
}

/// A file of the repository.
#[must_use]
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn assignments(file: &str) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(repository(file)).expect("the file is there");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// `${NAME:-default}`, the only form that the file uses.
fn interpolated(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut parts = text.split("${");
    let mut done = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (inside, after) = part.split_once('}').expect("${ has its }");
        let (name, default) = inside.split_once(":-").expect("every variable has a default");
        done.push_str(variables.get(name).map_or(default, String::as_str));
        done.push_str(after);
    }
    done
}
