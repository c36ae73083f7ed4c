//! Why a command failed, and the exit code that says so.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::output::sentence;
use crate::app::AppError;
use crate::config::ConfigError;
use crate::keys::{DirectoryError, SigningKeyError};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Something was left out or makes no sense.
    #[error("{0}")]
    Usage(String),
    /// A file could not be read.
    #[error("{}: cannot be read", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The service did not start or stopped.
    #[error(transparent)]
    App(#[from] AppError),
    /// The key directory.
    #[error("{source}{}", hint(.source))]
    Directory {
        /// Why.
        #[from]
        source: DirectoryError,
    },
    /// A key file.
    #[error("{}: {source}", .path.display())]
    Key {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: SigningKeyError,
    },
    /// TLS could not be set up.
    #[error("TLS could not be set up: {0}")]
    Tls(String),
    /// The service could not be asked.
    #[error("{url}: the service did not answer")]
    Unreachable {
        /// Where it should be.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The service refused.
    #[error("refused: {detail} ({code}, HTTP {status})")]
    Refused {
        /// The status code.
        status: u16,
        /// The problem's stable code.
        code: String,
        /// What the service says.
        detail: String,
    },
    /// The token is not believed.
    #[error("{0}")]
    Token(String),
    /// The runtime did not start.
    #[error("the runtime did not start")]
    Runtime(#[source] std::io::Error),
    /// The result could not be printed.
    #[error("the result could not be printed")]
    Output(#[source] std::io::Error),
}

/// The one cure that is always the same.
fn hint(error: &DirectoryError) -> &'static str {
    match error {
        DirectoryError::InUse(_) => ": stop the service first",
        DirectoryError::Io { .. }
        | DirectoryError::Unreadable(_)
        | DirectoryError::KeyEncryptionKey
        | DirectoryError::KeyFile(_) => "",
    }
}

impl CliError {
    /// 2 for a wrong call or configuration, else 1.
    pub(super) fn exit_code(&self) -> ExitCode {
        let usage = matches!(
            self,
            Self::Config(_)
                | Self::Usage(_)
                | Self::App(AppError::DevelopmentListen(_) | AppError::Connect(_))
        );
        if usage { ExitCode::from(2) } else { ExitCode::FAILURE }
    }

    /// For programs: the service's own code where it gave one.
    pub(super) fn to_json(&self) -> Value {
        if let Self::Refused { status, code, detail } = self {
            return json!({"error": {"code": code, "detail": detail, "status": status}});
        }
        json!({"error": {"detail": sentence(self)}})
    }
}
