//! Reads settings as they were given: the environment, files that it names, and `mako.toml` beneath.

use std::collections::HashMap;
use std::ffi::OsString;

use config::{Config as Layers, File, FileFormat, Map, Source as _, Value};

use super::error::{ConfigError, refused};
use super::settings::{RawSettings, SETTINGS};

impl RawSettings {
    /// Defaults, over them what `mako.toml` says, over it `vars`.
    pub(super) fn read(toml: Option<&str>, vars: &HashMap<String, String>) -> Result<Self, ConfigError> {
        let mut builder = Layers::builder();
        for setting in SETTINGS {
            if let Some(default) = setting.default {
                builder = builder.set_default(setting.name, default())?;
            }
        }
        for (name, value) in toml.map(filed).transpose()?.unwrap_or_default() {
            builder = builder
                .set_default(path(&name), value)
                .or_else(|_| refused("mako.toml has a key with an unusual name"))?;
        }
        for (name, value) in named(vars)? {
            builder = builder
                .set_override(path(&name), value)
                .or_else(|_| refused(format!("{}: can't be used", name.to_uppercase())))?;
        }
        Ok(builder.build()?.try_deserialize()?)
    }
}

/// Where a setting lies in [`RawSettings`]: one of a service's in the map of all services'.
fn path(name: &str) -> String {
    SETTINGS
        .iter()
        .find_map(|setting| Some(format!("{}.{}", setting.field, setting.service_in(name)?)))
        .unwrap_or_else(|| name.to_owned())
}

/// What stands under a name.
#[derive(Clone, Copy)]
enum Key<'a> {
    /// `name`: the value of this setting.
    Value(&'a str),
    /// `name_file`: the path of a file that holds it.
    File(&'a str),
}

/// The setting that a name in lower case means. Some settings' own names end in `_file`.
fn key(name: &str) -> Option<Key<'_>> {
    let is_setting = |name: &str| {
        SETTINGS
            .iter()
            .any(|setting| setting.name == name || setting.service_in(name).is_some())
    };
    match name.strip_suffix("_file") {
        Some(by_file) if is_setting(by_file) => Some(Key::File(by_file)),
        _ => is_setting(name).then_some(Key::Value(name)),
    }
}

/// The variables that can be ours. Others may hold anything; one of ours that isn't UTF-8 is a mistake.
pub(super) fn variables(
    vars: impl Iterator<Item = (OsString, OsString)>,
) -> Result<HashMap<String, String>, ConfigError> {
    let mut known = HashMap::new();
    for (name, value) in vars {
        let Ok(name) = name.into_string() else { continue };
        let lower = name.to_lowercase();
        if name != lower.to_uppercase() || key(&lower).is_none() {
            continue;
        }
        match value.into_string() {
            Ok(value) => known.insert(name, value),
            Err(_) => return refused(format!("{name} is not UTF-8")),
        };
    }
    Ok(known)
}

/// The keys of `mako.toml`; for `name_file` what that file holds, as `name`.
fn filed(toml: &str) -> Result<Map<String, Value>, ConfigError> {
    let keys = File::from_str(toml, FileFormat::Toml).collect()?;
    let mut values = Map::new();
    for (given, value) in &keys {
        let Some(Key::File(name)) = key(given) else {
            values.insert(given.clone(), value.clone());
            continue;
        };
        if keys.contains_key(name) {
            return refused(format!("mako.toml: {name} and {given} are both set; remove one"));
        }
        let path = value
            .clone()
            .into_string()
            .or_else(|_| refused(format!("mako.toml: {given} must be the path of a file")))?;
        values.insert(name.to_owned(), contents(given, &path)?.into());
    }
    Ok(values)
}

/// What a file holds, without its final line break.
fn contents(name: &str, path: &str) -> Result<String, ConfigError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
        Err(_) => refused(format!("the file that {name} names can't be read")),
    }
}

/// The settings among the variables, which are in upper case; for `NAME_FILE` what that file holds, as `NAME`.
fn named(vars: &HashMap<String, String>) -> Result<Map<String, String>, ConfigError> {
    let is_set = |variable: &str| vars.get(variable).is_some_and(|value| !value.is_empty());
    let mut values = Map::new();
    for (variable, value) in vars.iter().filter(|(variable, _)| is_set(variable)) {
        let lower = variable.to_lowercase();
        let (name, value) = match key(&lower) {
            Some(Key::File(name)) => {
                let upper = name.to_uppercase();
                if is_set(&upper) {
                    return refused(format!("{upper} and {variable} are both set; unset one"));
                }
                (name, contents(variable, value)?)
            }
            Some(Key::Value(name)) => (name, value.clone()),
            None => continue,
        };
        // A file without content is as good as none: where secrets are mounted, one of them may not be there yet.
        if !value.is_empty() {
            values.insert(name.to_owned(), value);
        }
    }
    Ok(values)
}

impl From<config::ConfigError> for ConfigError {
    fn from(error: config::ConfigError) -> Self {
        Self(explain(&error))
    }
}

/// The setting and the kind of mistake; a TOML error would quote the line, secret included.
fn explain(error: &config::ConfigError) -> String {
    use config::ConfigError as E;
    match error {
        E::FileParse { .. } => "mako.toml is not valid TOML".to_owned(),
        E::Type {
            key: Some(key),
            expected,
            ..
        } => format!("{}: expected {expected}", key.to_uppercase()),
        E::At {
            error,
            key: Some(key),
            ..
        } => format!("{}: {}", key.to_uppercase(), explain(error)),
        E::At { error, .. } => explain(error),
        // serde's own texts name fields and variants, which are ours: "unknown field `x`, expected …".
        E::Message(text) if text.starts_with("unknown field") || text.starts_with("missing field") => {
            format!("mako.toml: {text}")
        }
        _ => "a setting has the wrong type".to_owned(),
    }
}
