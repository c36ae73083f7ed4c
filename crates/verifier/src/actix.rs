//! actix-web: an extractor and a middleware.
//!
//! [`Session`] in a handler's signature lets nobody in without a good token. [`RequireSession`] around a scope or a resource
//! does so for everything in it, before anything of it runs. Both find the verifier that the application was given and
//! refuse with `WWW-Authenticate` (RFC 6750 §3) and a problem document.
//!
//! ```no_run
//! use actix_web::{App, HttpServer, web};
//! use signet_verifier::Verifier;
//! use signet_verifier::actix::{RequireSession, Session};
//!
//! async fn me(session: Session) -> String {
//!     format!("You are {}.\n", session.claims().sub)
//! }
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let connect = Verifier::connect("https://auth.example").audience("api").credentials("orders", "its secret");
//! let verifier = connect.start().await?;
//! HttpServer::new(move || {
//!     App::new()
//!         .app_data(web::Data::new(verifier.clone()))
//!         .route("/me", web::get().to(me))
//!         .service(
//!             web::scope("/orders")
//!                 .wrap(RequireSession::new(verifier.clone()).scope("orders:read"))
//!                 .route("", web::get().to(me)),
//!         )
//! });
//! # Ok(())
//! # }
//! ```

mod extractor;
mod middleware;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use actix_web::{HttpResponse, ResponseError};

pub use extractor::{Session, SessionConfig};
pub use middleware::{RequireSession, RequireSessionMiddleware};

use crate::admission::bearer;
use crate::rejection::{Cause, Rejection};

impl ResponseError for Rejection {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = HttpResponse::build(self.status_code());
        for header in self.headers() {
            response.insert_header(header);
        }
        response.body(self.body())
    }
}

/// The token of a request.
fn token(headers: &HeaderMap) -> Result<&str, Cause> {
    bearer(headers.get_all(AUTHORIZATION).map(HeaderValue::as_bytes))
}
