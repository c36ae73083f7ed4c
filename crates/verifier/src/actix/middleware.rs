//! `RequireSession` around a scope or a resource.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::rc::Rc;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::{Error, HttpMessage, ResponseError};

use super::token;
use crate::admission::Admission;
use crate::rejection::Rejection;
use crate::sync::{Check, LiveVerifier};
use crate::verifier::Verified;

/// A middleware that lets nobody in without a good token, and leaves the [`Verified`] among the request's extensions, where
/// [`Session`](super::Session) finds it.
#[derive(Clone)]
pub struct RequireSession {
    verifier: LiveVerifier,
    admission: Admission,
}

impl RequireSession {
    /// Asks for a token that this verifier believes.
    pub fn new(verifier: LiveVerifier) -> Self {
        Self { verifier, admission: Admission::default() }
    }

    /// Asks for one more scope, or for several separated by spaces.
    #[must_use]
    pub fn scope(self, scope: &str) -> Self {
        Self { admission: self.admission.scope(scope), ..self }
    }

    /// As what the protected space is known (default: `signet`).
    #[must_use]
    pub fn realm(self, realm: &str) -> Self {
        Self { admission: self.admission.realm(realm), ..self }
    }

    /// Other audiences, or another bound on staleness, than the verifier's own.
    #[must_use]
    pub fn check(self, check: Check) -> Self {
        Self { admission: self.admission.check(check), ..self }
    }

    async fn admit(&self, request: &ServiceRequest) -> Result<Verified, Rejection> {
        let token = token(request.headers()).map_err(|cause| self.admission.reject(cause))?;
        self.admission.admit(&self.verifier, token).await
    }
}

impl<S, B> Transform<S, ServiceRequest> for RequireSession
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = RequireSessionMiddleware<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(RequireSessionMiddleware { inner: Rc::new(inner), door: Rc::new(self.clone()) }))
    }
}

/// [`RequireSession`] around a service.
pub struct RequireSessionMiddleware<S> {
    inner: Rc<S>,
    door: Rc<RequireSession>,
}

impl<S, B> Service<ServiceRequest> for RequireSessionMiddleware<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    forward_ready!(inner);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (inner, door) = (Rc::clone(&self.inner), Rc::clone(&self.door));
        Box::pin(async move {
            match door.admit(&request).await {
                Ok(verified) => {
                    request.extensions_mut().insert(verified);
                    Ok(inner.call(request).await?.map_into_left_body())
                }
                // An answer, not an error: what wraps us (logs, CORS) sees it as it is.
                Err(rejection) => Ok(request.into_response(rejection.error_response()).map_into_right_body()),
            }
        })
    }
}
