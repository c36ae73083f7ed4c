//! The layers of a configuration, and who said what.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::error::Kind;
use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::error::{ConfigError, Origin};

const PREFIX: &str = "SIGNET_";

/// A secret that a variable holds itself. It never enters a layer, so nothing can print it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Secret {
    /// The key-encryption key.
    EncryptionKey,
    /// The agent's client secret.
    ClientSecret,
}

impl Secret {
    const ALL: [Self; 2] = [Self::EncryptionKey, Self::ClientSecret];

    /// The variable's name.
    pub(super) const fn variable(self) -> &'static str {
        match self {
            Self::EncryptionKey => "SIGNET_KEYS__ENCRYPTION_KEY",
            Self::ClientSecret => "SIGNET_AGENT__CLIENT_SECRET",
        }
    }
}

/// The shape of a program's configuration: the service's, the agent's.
pub(super) trait Shape: Default + Serialize + DeserializeOwned {
    /// Sections of the other program's. One environment may be given to both, so each leaves the other's variables alone.
    const FOREIGN: &[&str];
}

/// The variables of a process, taken once.
#[derive(Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Those of this process. Variables that are not Unicode are none of ours.
    #[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
    pub fn of_process() -> Self {
        let variables = std::env::vars_os();
        Self(
            variables
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
        )
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// The merged layers.
pub(super) struct Sources {
    figment: Figment,
    secrets: BTreeMap<Secret, Zeroizing<String>>,
}

impl Sources {
    /// Reads the file, if there is one, and the variables; variables win.
    pub(super) fn read<S: Shape>(
        file: Option<&Path>,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        let mut figment = Figment::new();
        if let Some(path) = file {
            figment = figment.merge(read_file(path)?);
        }
        for (name, value) in &environment.0 {
            if let Some(layer) = read_variable::<S>(name, value)? {
                figment = figment.merge(layer);
            }
        }
        let secrets = Secret::ALL.into_iter().filter_map(|secret| {
            let text = environment.get(secret.variable())?;
            Some((secret, Zeroizing::new(text.to_owned())))
        });
        Ok(Self { figment, secrets: secrets.collect() })
    }

    /// The raw values, names and kinds checked.
    pub(super) fn raw<S: Shape>(&self) -> Result<S, ConfigError> {
        self.figment.extract().map_err(|error| refuse(&error))
    }

    /// A secret, if the environment holds it.
    pub(super) fn secret(&self, secret: Secret) -> Option<Zeroizing<String>> {
        self.secrets.get(&secret).cloned()
    }

    /// An error of this key, with the place that set it.
    pub(super) fn error(&self, key: &str, problem: impl Into<String>) -> ConfigError {
        ConfigError::Key { key: key.into(), problem: problem.into(), origin: self.origin(key) }
    }

    /// An error of a member of a list, which only the file can have.
    pub(super) fn list_error(&self, list: &str, member: &str, problem: impl Into<String>) -> ConfigError {
        ConfigError::Key {
            key: format!("{list}.{member}"),
            problem: problem.into(),
            origin: self.origin(list),
        }
    }

    /// Whether nobody set this key.
    pub(super) fn is_default(&self, key: &str) -> bool {
        self.origin(key) == Origin::Default
    }

    fn origin(&self, key: &str) -> Origin {
        origin(self.figment.find_metadata(key))
    }
}

/// One layer with the name of its source: a file or a single variable.
struct Layer {
    metadata: Metadata,
    values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

fn read_file(path: &Path) -> Result<Layer, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError::File { path: path.into(), problem: error.to_string() })?;
    let values = Toml::from_str(&text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = 1 + text.bytes().take(start).filter(|byte| *byte == b'\n').count();
        // Only the message: the error's full text repeats the line, which may hold a password.
        let problem = match error.message().trim() {
            "" => "a value is missing".to_owned(),
            message => message.replace('\n', ", "),
        };
        ConfigError::Syntax { path: path.into(), line, problem }
    })?;
    Ok(Layer { metadata: Metadata::from("file", path), values })
}

/// The layer of one variable: `SIGNET_SECTION__KEY`. Other variables are none of ours: a cluster that runs a service
/// called `signet` sets `SIGNET_PORT` and `SIGNET_SERVICE_HOST` for everybody.
fn read_variable<S: Shape>(name: &str, value: &str) -> Result<Option<Layer>, ConfigError> {
    let is_secret = Secret::ALL.iter().any(|secret| secret.variable() == name);
    let Some(key) = name.strip_prefix(PREFIX).filter(|_| !is_secret) else { return Ok(None) };
    let key = key.to_ascii_lowercase();
    let path: Vec<&str> = key.split("__").collect();
    if path.first().is_some_and(|section| path.len() > 1 && S::FOREIGN.contains(section)) {
        return Ok(None);
    }
    if path.len() < 2 {
        return single_underscore::<S>(&key).map_or(Ok(None), |meant| {
            let problem = format!("section and key are joined by two underscores: {meant}");
            Err(ConfigError::Key { key, problem, origin: Origin::Variable(name.into()) })
        });
    }
    if let Some(list) = path.first().filter(|section| ["clients", "forward_auth"].contains(section)) {
        let problem = "lists of tables come from the configuration file only".to_owned();
        return Err(ConfigError::Key { key: (*list).into(), problem, origin: Origin::Variable(name.into()) });
    }
    let nested = path
        .iter()
        .rev()
        .fold(Value::from(value), |inner, part| Value::from(Dict::from([((*part).to_owned(), inner)])));
    let values = nested.into_dict().unwrap_or_default();
    Ok(Some(Layer { metadata: Metadata::from("variable", name), values }))
}

/// `SIGNET_SERVER_LISTEN` would be ignored in silence: what its author meant, if a key of that name exists.
fn single_underscore<S: Shape>(key: &str) -> Option<String> {
    let defaults = serde_json::to_value(S::default()).ok()?;
    let sections = defaults.as_object()?;
    let (section, rest) =
        sections.keys().find_map(|s| Some((s, key.strip_prefix(s.as_str())?.strip_prefix('_')?)))?;
    sections.get(section)?.get(rest)?;
    Some(format!("{PREFIX}{}__{}", section.to_ascii_uppercase(), rest.to_ascii_uppercase()))
}

fn origin(metadata: Option<&Metadata>) -> Origin {
    let Some(metadata) = metadata else { return Origin::Default };
    match metadata.source.as_ref() {
        Some(source) => match source.file_path() {
            Some(path) => Origin::File(PathBuf::from(path)),
            None => Origin::Variable(source.to_string()),
        },
        None => Origin::Default,
    }
}

/// The library's error in our words: the key, what is expected there, and never the value found.
fn refuse(error: &figment::Error) -> ConfigError {
    let mut path = error.path.clone();
    let problem = match &error.kind {
        Kind::UnknownField(name, known) => {
            if path.last() != Some(name) {
                path.push(name.clone());
            }
            let known =
                if known.is_empty() { String::new() } else { format!("; known here: {}", known.join(", ")) };
            format!("unknown key{known}")
        }
        Kind::MissingField(name) => {
            path.push(name.clone().into_owned());
            "required".to_owned()
        }
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => format!("expected {expected}"),
        Kind::InvalidLength(..) => "has the wrong length".to_owned(),
        Kind::Message(message) => message.clone(),
        Kind::UnknownVariant(_, known) => format!("expected one of: {}", known.join(", ")),
        Kind::DuplicateField(_) => "is there twice".to_owned(),
        Kind::ISizeOutOfRange(_) | Kind::USizeOutOfRange(_) => "out of range".to_owned(),
        Kind::Unsupported(_) | Kind::UnsupportedKey(..) => "of a kind that does not belong here".to_owned(),
    };
    ConfigError::Key { key: path.join("."), problem, origin: origin(error.metadata.as_ref()) }
}
