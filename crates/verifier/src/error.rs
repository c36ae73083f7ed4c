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
