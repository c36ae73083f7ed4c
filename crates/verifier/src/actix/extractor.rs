//! `Session` in a handler's signature.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use serde::de::DeserializeOwned;

use super::token;
use crate::admission::Admission;
use crate::rejection::{Cause, Rejection};
use crate::sync::{Check, LiveVerifier, Refusal};
use crate::verifier::Verified;

/// The session of a request: its token has been verified. `C` is your type for the custom claims; a token whose custom claims
/// do not fit it is refused.
///
/// It needs `web::Data<LiveVerifier>` among the application's data, unless a [`RequireSession`](super::RequireSession) around
/// the handler has verified the token already; what it asks beyond that is in [`SessionConfig`].
#[derive(Clone)]
pub struct Session<C = ()>(Verified<C>);

impl<C> Session<C> {
    /// What has been verified.
    pub fn into_verified(self) -> Verified<C> {
        self.0
    }
}

impl<C> Deref for Session<C> {
    type Target = Verified<C>;

    fn deref(&self) -> &Verified<C> {
        &self.0
    }
}

impl<C> fmt::Debug for Session<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Session").field(&self.0.claims().jti).finish()
    }
}

/// What the extractor asks of a token, as `app_data` of an application, a scope or a resource; the innermost counts.
#[derive(Clone, Debug, Default)]
pub struct SessionConfig(Admission);

impl SessionConfig {
    /// Asks for one more scope, or for several separated by spaces.
    #[must_use]
    pub fn scope(self, scope: &str) -> Self {
        Self(self.0.scope(scope))
    }

    /// As what the protected space is known (default: `signet`).
    #[must_use]
    pub fn realm(self, realm: &str) -> Self {
        Self(self.0.realm(realm))
    }

    /// Other audiences, or another bound on staleness, than the verifier's own.
    #[must_use]
    pub fn check(self, check: Check) -> Self {
        Self(self.0.check(check))
    }
}

impl<C: DeserializeOwned + 'static> FromRequest for Session<C> {
    type Error = Rejection;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Rejection>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let admission =
                request.app_data::<SessionConfig>().map_or_else(Admission::default, |c| c.0.clone());
            let verified = verified(&request, &admission).await?;
            let typed = verified.typed().map_err(|error| admission.reject(Refusal::Token(error)))?;
            Ok(Self(typed))
        })
    }
}

/// What a middleware has verified, unless more is asked for here; else verified here.
async fn verified(request: &HttpRequest, admission: &Admission) -> Result<Verified, Rejection> {
    let known = request.extensions().get::<Verified>().cloned();
    if let Some(verified) = known.filter(|_| !admission.is_particular()) {
        admission.allow(&verified)?;
        return Ok(verified);
    }
    let verifier = request.app_data::<Data<LiveVerifier>>();
    let verifier = verifier.ok_or_else(|| admission.reject(Cause::NotWired))?;
    let token = token(request.headers()).map_err(|cause| admission.reject(cause))?;
    admission.admit(verifier, token).await
}
