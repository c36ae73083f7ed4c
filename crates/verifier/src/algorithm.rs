//! The signature algorithms, one table row each. Nothing below this file matches on the text of `alg`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A signature algorithm that Signet signs with (RFC 7518 §3.1, RFC 8037 §3.1). A closed set: anything else is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256; the default: every verifier tried accepts it.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519 under the name that deployed verifiers know; the fastest.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSASSA-PSS with SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
}

struct Row {
    algorithm: Algorithm,
    name: &'static str,
    jose: jsonwebtoken::Algorithm,
    signature_bytes: Option<usize>,
}

const TABLE: [Row; 4] = [
    Row {
        algorithm: Algorithm::Es256,
        name: "ES256",
        jose: jsonwebtoken::Algorithm::ES256,
        signature_bytes: Some(64),
    },
    Row {
        algorithm: Algorithm::EdDsa,
        name: "EdDSA",
        jose: jsonwebtoken::Algorithm::EdDSA,
        signature_bytes: Some(64),
    },
    Row {
        algorithm: Algorithm::Rs256,
        name: "RS256",
        jose: jsonwebtoken::Algorithm::RS256,
        signature_bytes: None,
    },
    Row {
        algorithm: Algorithm::Ps256,
        name: "PS256",
        jose: jsonwebtoken::Algorithm::PS256,
        signature_bytes: None,
    },
];

impl Algorithm {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 4] = [Self::Es256, Self::EdDsa, Self::Rs256, Self::Ps256];

    /// Finds the algorithm by its exact name: case matters (RFC 7515 §4.1.1).
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.name == name).map(|row| row.algorithm)
    }

    /// The registered name.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// How long every signature is; `None` where the key decides.
    pub(crate) fn signature_bytes(self) -> Option<usize> {
        self.row().signature_bytes
    }

    pub(crate) fn jose(self) -> jsonwebtoken::Algorithm {
        self.row().jose
    }

    fn row(self) -> &'static Row {
        let [es256, eddsa, rs256, ps256] = &TABLE;
        match self {
            Self::Es256 => es256,
            Self::EdDsa => eddsa,
            Self::Rs256 => rs256,
            Self::Ps256 => ps256,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_stands_in_its_own_row() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.row().algorithm, algorithm);
            assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
            assert_eq!(serde_json::to_value(algorithm).unwrap(), algorithm.name());
        }
    }

    #[test]
    fn names_are_exact() {
        for name in ["", "none", "None", "nOnE", "HS256", "es256", "ES256 ", "Ed25519", "ES512", "RS1"] {
            assert_eq!(Algorithm::from_name(name), None, "{name}");
        }
    }
}
