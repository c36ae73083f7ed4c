//! tower: a layer, as axum takes it.
//!
//! [`VerifierLayer`] lets nobody through without a good token, leaves the [`Verified`] among the request's extensions, and
//! refuses with `WWW-Authenticate` (RFC 6750 §3) and a problem document. It knows `http`'s requests and answers and no
//! framework: any body that can be made of a `String` will do.
//!
//! ```no_run
//! use axum::{Extension, Router, routing::get};
//! use signet_verifier::tower::VerifierLayer;
//! use signet_verifier::{Verified, Verifier};
//!
//! async fn me(Extension(session): Extension<Verified>) -> String {
//!     format!("You are {}.\n", session.claims().sub)
//! }
//!
//! # async fn serve() -> Result<Router, Box<dyn std::error::Error>> {
//! let connect = Verifier::connect("https://auth.example").audience("api").credentials("orders", "its secret");
//! let verifier = connect.start().await?;
//! let app: Router = Router::new().route("/me", get(me)).layer(VerifierLayer::new(verifier).scope("orders:read"));
//! # Ok(app)
//! # }
//! ```

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use tower_layer::Layer;
use tower_service::Service;

use crate::admission::{Admission, bearer};
use crate::rejection::Rejection;
use crate::sync::{Check, LiveVerifier};
#[cfg(doc)]
use crate::verifier::Verified;

/// Lets nobody through without a good token.
#[derive(Clone)]
pub struct VerifierLayer {
    verifier: LiveVerifier,
    admission: Admission,
}

impl VerifierLayer {
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
}

impl<S> Layer<S> for VerifierLayer {
    type Service = VerifierService<S>;

    fn layer(&self, inner: S) -> VerifierService<S> {
        VerifierService { inner, door: Arc::new(self.clone()) }
    }
}

/// [`VerifierLayer`] around a service.
#[derive(Clone)]
pub struct VerifierService<S> {
    inner: S,
    door: Arc<VerifierLayer>,
}

impl<S, B, R> Service<Request<B>> for VerifierService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let door = Arc::clone(&self.door);
        // The one that said it was ready serves; its clone waits for its own turn.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        // Cut off from the body, which need not be shareable between threads.
        let token = bearer(request.headers().get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes));
        let token = token.map(str::to_owned);
        Box::pin(async move {
            let admitted = match token {
                Ok(token) => door.admission.admit(&door.verifier, &token).await,
                Err(cause) => Err(door.admission.reject(cause)),
            };
            match admitted {
                Ok(verified) => {
                    request.extensions_mut().insert(verified);
                    inner.call(request).await
                }
                Err(rejection) => Ok(answer(&rejection)),
            }
        })
    }
}

fn answer<R: From<String>>(rejection: &Rejection) -> Response<R> {
    let mut response = Response::new(R::from(rejection.body()));
    *response.status_mut() =
        StatusCode::from_u16(rejection.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in rejection.headers() {
        // Values are visible ASCII: `quoted` sees to it.
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}
