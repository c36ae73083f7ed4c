//! What a caller expects of a token, beyond its signature.

use std::sync::Arc;
use std::time::Duration;

use crate::claims::Claims;
use crate::clock::UnixMs;
use crate::error::VerifyError;
use crate::header::Header;
use crate::id::{IdError, IssuerUrl};

/// Which audiences will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudienceRule {
    /// At least one of these must be in `aud`: what a service asks of tokens for itself.
    AnyOf(Vec<Arc<str>>),
    /// Any: for the issuer's own endpoints, which speak of tokens for others.
    Any,
}

/// Whether an expired token will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpiryRule {
    /// It is refused.
    Enforced,
    /// It is taken: one may ask to revoke what has just expired (RFC 7009 §2.2).
    Ignored,
}

/// What is expected of a token.
#[derive(Clone, Debug)]
pub struct Expected {
    /// `iss`, byte for byte.
    pub issuer: IssuerUrl,
    /// `aud`.
    pub audience: AudienceRule,
    /// `typ`, without `application/`.
    pub typ: &'static str,
    /// How far clocks may be apart.
    pub leeway: Duration,
    /// The longest life (`exp` − `iat`) that the issuer gives; `None` if it is not known.
    pub max_lifetime: Option<Duration>,
    /// Whether an expired token will do.
    pub expiry: ExpiryRule,
}

impl Expected {
    /// The leeway where the caller names none.
    pub const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);

    /// An access token (RFC 9068) from this issuer for this audience, 30 s of leeway.
    pub fn access_token(issuer: &str, audience: &str) -> Result<Self, IdError> {
        Ok(Self {
            issuer: IssuerUrl::parse(issuer)?,
            audience: AudienceRule::AnyOf(vec![audience.into()]),
            typ: "at+jwt",
            leeway: Self::DEFAULT_LEEWAY,
            max_lifetime: None,
            expiry: ExpiryRule::Enforced,
        })
    }

    /// `typ` of the header.
    pub(crate) fn check_header(&self, header: &Header) -> Result<(), VerifyError> {
        if header.is_type(self.typ) { Ok(()) } else { Err(VerifyError::Type) }
    }

    /// Lets a token's claims share the texts that they are compared with, so that checking a remembered token again reads
    /// what is in the cache already, and memory holds them once.
    pub(crate) fn share_texts(&self, claims: &mut Claims) {
        if claims.iss == self.issuer {
            claims.iss = self.issuer.clone();
        }
        if let AudienceRule::AnyOf(wanted) = &self.audience {
            for audience in wanted {
                claims.aud.share(audience);
            }
        }
    }

    /// `iss`, `aud`, `exp` and `iat`, in this order.
    pub(crate) fn check_claims(&self, claims: &Claims, now: UnixMs) -> Result<(), VerifyError> {
        if claims.iss != self.issuer {
            return Err(VerifyError::Issuer);
        }
        if let AudienceRule::AnyOf(wanted) = &self.audience
            && !wanted.iter().any(|audience| claims.aud.contains(audience))
        {
            return Err(VerifyError::Audience);
        }
        self.check_times(claims, now)
    }

    fn check_times(&self, claims: &Claims, now: UnixMs) -> Result<(), VerifyError> {
        // "On or after" `exp` is expired (RFC 7519 §4.1.4): at exp + leeway it is no longer good.
        if self.expiry == ExpiryRule::Enforced && now >= claims.exp.as_ms().after(self.leeway) {
            return Err(VerifyError::Expired);
        }
        if claims.iat.as_ms() > now.after(self.leeway) {
            return Err(VerifyError::IssuedInFuture);
        }
        let lifetime = claims.exp.as_ms().since(claims.iat.as_ms());
        if lifetime.is_zero() || self.max_lifetime.is_some_and(|ceiling| lifetime > ceiling) {
            return Err(VerifyError::Lifetime);
        }
        Ok(())
    }
}
