//! What is wrong with a configuration: which key, who said so, and what would be right.

use std::fmt;
use std::path::PathBuf;

/// Who set a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody: it is the default.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// A variable of the environment, by its full name.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// A refused configuration. Names keys, files and variables; never a value that might be secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{}: cannot be read: {problem}", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        problem: String,
    },
    /// The file is not TOML.
    #[error("{}, line {line}: not TOML: {problem}", .path.display())]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// Where in it.
        line: usize,
        /// What was expected.
        problem: String,
    },
    /// A key is wrong.
    #[error("{key}: {problem} (from {origin})")]
    Key {
        /// The key, `section.name`.
        key: String,
        /// What is wrong and what would be right.
        problem: String,
        /// Who said so.
        origin: Origin,
    },
}
