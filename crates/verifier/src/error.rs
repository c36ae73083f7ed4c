//! Every reason to refuse a token, one variant a reason.

use crate::cutoff::ScopeKind;

/// Why a token was refused. The order of the variants is the order of the checks.
///
/// No variant carries text of the token: it may be logged and shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// Longer than [`CompactJws::MAX_BYTES`](crate::CompactJws::MAX_BYTES).
    #[error("the token is too long")]
    TooLong,
    /// Not three segments of base64url separated by dots (RFC 7515 §7.1).
    #[error("the token does not have three segments")]
    Segments,
    /// A segment is not canonical base64url without padding (RFC 7515 §2, RFC 4648 §3.5).
    #[error("a segment is not canonical base64url")]
    Base64,
    /// The header is not a JSON object with string members where strings belong.
    #[error("the header is malformed")]
    HeaderMalformed,
    /// A member name occurs twice in the header (RFC 7515 §4).
    #[error("the header has a duplicate member")]
    HeaderDuplicate,
    /// The header says something that is not honoured: key references (`jwk`, `jku`, `x5u`, …), `crit`, `b64`, `zip`, `enc`.
    #[error("the header member {member} is not accepted")]
    HeaderForbidden {
        /// The member's name.
        member: &'static str,
    },
    /// `typ` is missing or not the expected one (RFC 9068 §4, RFC 8725 §3.11).
    #[error("the token is of another type")]
    Type,
    /// `alg` is missing, unknown, or not among those allowed; `none` and every HMAC end here (RFC 8725 §3.1).
    #[error("the algorithm is not allowed")]
    Algorithm,
    /// `kid` is missing.
    #[error("the token names no key")]
    KeyIdMissing,
    /// No published key has this `kid`. A verifier that caches keys may fetch them anew.
    #[error("the key is unknown")]
    KeyUnknown,
    /// The key is there, and for another algorithm (RFC 8725 §3.1).
    #[error("the key is for another algorithm")]
    KeyAlgorithm,
    /// The signature does not fit.
    #[error("the signature is invalid")]
    Signature,
    /// The payload is not a JSON object, or nests too deeply.
    #[error("the claims are malformed")]
    ClaimsMalformed,
    /// A member name occurs twice in the payload, at any depth (RFC 7519 §4).
    #[error("the claims have a duplicate member")]
    ClaimsDuplicate,
    /// A required claim is missing (RFC 9068 §2.2).
    #[error("the claim {claim} is missing")]
    ClaimMissing {
        /// The claim's name.
        claim: &'static str,
    },
    /// A claim has the wrong type or form.
    #[error("the claim {claim} is malformed")]
    ClaimInvalid {
        /// The claim's name.
        claim: &'static str,
    },
    /// `iss` is another (RFC 9068 §4).
    #[error("the token is from another issuer")]
    Issuer,
    /// `aud` does not contain the expected audience (RFC 7519 §4.1.3).
    #[error("the token is for another audience")]
    Audience,
    /// `exp` has passed, leeway included (RFC 7519 §4.1.4: on or after is expired).
    #[error("the token has expired")]
    Expired,
    /// `iat` is in the future beyond the leeway.
    #[error("the token is from the future")]
    IssuedInFuture,
    /// `exp` − `iat` is not positive or is over the ceiling that the issuer publishes: not of its making.
    #[error("the token's lifetime is over the ceiling")]
    Lifetime,
    /// Taken back: a cutoff denies it.
    #[error("the token has been revoked")]
    Revoked {
        /// What kind of cutoff matched.
        by: ScopeKind,
    },
}

impl VerifyError {
    /// The name that all verifiers share: docs/feed.md, "Checks and their names".
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Segments => "segments",
            Self::Base64 => "base64",
            Self::HeaderMalformed => "header_malformed",
            Self::HeaderDuplicate => "header_duplicate",
            Self::HeaderForbidden { .. } => "header_forbidden",
            Self::Type => "type",
            Self::Algorithm => "algorithm",
            Self::KeyIdMissing => "key_id_missing",
            Self::KeyUnknown => "key_unknown",
            Self::KeyAlgorithm => "key_algorithm",
            Self::Signature => "signature",
            Self::ClaimsMalformed => "claims_malformed",
            Self::ClaimsDuplicate => "claims_duplicate",
            Self::ClaimMissing { .. } => "claim_missing",
            Self::ClaimInvalid { .. } => "claim_invalid",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Expired => "expired",
            Self::IssuedInFuture => "issued_in_future",
            Self::Lifetime => "lifetime",
            Self::Revoked { .. } => "revoked",
        }
    }
}

#[cfg(test)]
mod tests {
    /// The words in backquotes after "Checks and their names", but for those of the sentence on what lies beside them.
    fn documented() -> Vec<String> {
        let page = include_str!("../../../docs/feed.md");
        let (_, checks) = page.split_once("## Checks and their names").unwrap();
        let (checks, _) = checks.split_once("Beside these").unwrap();
        checks.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    /// The arms of `code`, in their order: the compiler sees to it that there is one a variant.
    fn coded() -> Vec<(String, String)> {
        let (_, arms) = include_str!("error.rs").split_once("match self {").unwrap();
        let (arms, _) = arms.split_once("}\n    }").unwrap();
        let arm = |line: &str| {
            let (variant, code) = line.trim().strip_prefix("Self::")?.split_once(" => ")?;
            let variant = variant.split(' ').next()?;
            Some((variant.to_owned(), code.trim_matches(['"', ',']).to_owned()))
        };
        arms.lines().filter_map(arm).collect()
    }

    /// The variants of the enum, in their order.
    fn declared() -> Vec<String> {
        let (_, variants) = include_str!("error.rs").split_once("pub enum VerifyError {").unwrap();
        let (variants, _) = variants.split_once("\n}\n").unwrap();
        let is_variant = |line: &&str| {
            line.strip_prefix("    ").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
        };
        let name = |line: &str| line.trim().trim_end_matches(['{', ',', ' ']).to_owned();
        variants.lines().filter(is_variant).map(name).collect()
    }

    #[test]
    fn the_names_are_those_of_the_page_in_the_order_of_the_checks() {
        let (variants, codes): (Vec<_>, Vec<_>) = coded().into_iter().unzip();
        assert_eq!(variants, declared());
        assert_eq!(codes, documented());
        assert_eq!(codes.len(), 22);
    }
}
