//! The table: method, path, handler. What is not in it is 404, or 405 with `Allow` where the path is known.

use actix_web::http::Method;
use actix_web::web::{self, Data, PayloadConfig, ServiceConfig};
use actix_web::{HttpResponse, Resource, ResponseError, Route, guard};

use super::json::MAX_BODY_BYTES;
use super::metadata::{metadata, openid_configuration, paths_of_issuer};
use super::problem::{OAuthRefusal, Problem};
use super::{
    Services, forward_auth, health, introspection, jwks, keys, metrics, revocation, revocations, sessions,
    token,
};

/// What is wrong with where a request went.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RouteError {
    /// No such path.
    #[error("there is nothing at this path")]
    NotFound,
    /// The path is known, the method is not.
    #[error("this path takes {0}")]
    Method(String),
    /// `{sid}` is not a session id.
    #[error("sid: not a UUIDv7 in lower case")]
    SessionId,
    /// `{kid}` is not a key id.
    #[error("no key has this kid")]
    KeyId,
    /// Not ready to serve; says why.
    #[error("{0}")]
    NotReady(String),
    /// The process is ending and takes no work.
    #[error("the service is shutting down")]
    Stopping,
    /// The routes were mounted without their services.
    #[error("the service is not set up")]
    NotWired,
}

/// One row. Rows of one path stand together.
pub(super) struct Endpoint {
    method: Method,
    path: &'static str,
    handler: fn() -> Route,
}

pub(super) const fn on(method: Method, path: &'static str, handler: fn() -> Route) -> Endpoint {
    Endpoint { method, path, handler }
}

/// A fixed path stands before a pattern that it would match.
const TABLE: [Endpoint; 22] = [
    on(Method::POST, "/v1/sessions", || web::to(sessions::issue::issue)),
    on(Method::POST, "/v1/sessions/refresh", || web::to(sessions::refresh::refresh)),
    on(Method::DELETE, "/v1/sessions/current", || web::to(sessions::logout::logout)),
    on(Method::DELETE, "/v1/sessions/{sid}", || web::to(sessions::revoke::revoke)),
    on(Method::POST, "/v1/revocations", || web::to(revocations::revoke::revoke)),
    on(Method::GET, "/v1/revocations", || web::to(revocations::snapshot::snapshot)),
    on(Method::GET, "/v1/revocations/stream", || web::to(revocations::stream::follow)),
    on(Method::POST, "/v1/revocations/ack", || web::to(revocations::ack::acknowledge)),
    on(Method::GET, "/v1/keys", || web::to(keys::list::list)),
    on(Method::POST, "/v1/keys/rotate", || web::to(keys::rotate::rotate)),
    on(Method::POST, "/v1/keys/import", || web::to(keys::import::import)),
    on(Method::POST, "/v1/keys/{kid}/revoke", || web::to(keys::revoke::revoke)),
    on(Method::POST, "/oauth2/token", || web::to(token::token)),
    on(Method::POST, "/oauth2/introspect", || web::to(introspection::introspect)),
    on(Method::POST, "/oauth2/revoke", || web::to(revocation::revoke)),
    on(Method::GET, "/.well-known/jwks.json", || web::to(jwks::jwks)),
    on(Method::GET, "/.well-known/oauth-authorization-server", || web::to(metadata)),
    on(Method::GET, "/.well-known/openid-configuration", || web::to(openid_configuration)),
    on(Method::GET, "/livez", || web::to(health::livez)),
    on(Method::GET, "/readyz", || web::to(health::readyz)),
    on(Method::GET, "/metrics", || web::to(metrics::metrics)),
    on(Method::GET, "/openapi.yaml", || web::to(health::openapi_yaml)),
];

/// Beside the table: any method, and any path below it.
const FORWARD_AUTH: &str = "/v1/forward-auth";

/// Mounts the table on an actix application; called once per worker, and everything shared comes in through `services`.
pub fn routes(services: Data<Services>) -> impl Fn(&mut ServiceConfig) + Clone + Send {
    let more = paths_of_issuer(services.tokens.issuer.as_str());
    move |config| {
        config.app_data(services.clone());
        // First: proxies ask it for each request that they get, and rows are tried in turn.
        forward_auth::mount(FORWARD_AUTH, services.forward_auth.clone())(config);
        mount(config, &more);
    }
}

fn mount(config: &mut ServiceConfig, metadata_paths: &[String]) {
    config.app_data(PayloadConfig::new(MAX_BODY_BYTES));
    mount_table(config, &TABLE);
    for path in metadata_paths {
        let row = on(Method::GET, "", || web::to(metadata));
        config.service(answering(path, &row.allows().join(", ")).route(route(&row)));
    }
}

/// Mounts rows, and a refusal for whatever is in none.
pub(super) fn mount_table(config: &mut ServiceConfig, table: &[Endpoint]) {
    for rows in table.chunk_by(|a, b| a.path == b.path) {
        config.service(rows.iter().fold(resource(rows), |resource, row| resource.route(route(row))));
    }
    config.default_service(web::to(|| async { refuse(RouteError::NotFound) }));
}

fn resource(rows: &[Endpoint]) -> Resource {
    let path = rows.first().map_or("", |row| row.path);
    let allowed: Vec<&str> = rows.iter().flat_map(Endpoint::allows).copied().collect();
    answering(path, &allowed.join(", "))
}

/// A path that refuses every method but those to be added.
fn answering(path: &str, allowed: &str) -> Resource {
    let (oauth, allowed) = (path.starts_with("/oauth2/"), allowed.to_owned());
    web::resource(path).default_service(web::to(move || {
        let error = RouteError::Method(allowed.clone());
        async move { if oauth { refuse_oauth(error) } else { refuse(error) } }
    }))
}

fn route(row: &Endpoint) -> Route {
    let allowed = row.allows();
    (row.handler)().guard(guard::fn_guard(move |context| allowed.contains(&context.head().method.as_str())))
}

impl Endpoint {
    /// HEAD works wherever GET does (RFC 9110 §9.1); the server leaves the body out.
    fn allows(&self) -> &'static [&'static str] {
        match self.method {
            Method::GET => &["GET", "HEAD"],
            Method::POST => &["POST"],
            Method::DELETE => &["DELETE"],
            _ => &[],
        }
    }
}

fn refuse(error: RouteError) -> HttpResponse {
    Problem::from(error).error_response()
}

fn refuse_oauth(error: RouteError) -> HttpResponse {
    OAuthRefusal::from(error).error_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use actix_web::http::header::{ALLOW, CONTENT_TYPE};
    use actix_web::test::{TestRequest, call_service, init_service};
    use actix_web::{App, http::StatusCode};
    use utoipa::openapi::OpenApi;

    use super::*;
    use crate::http::openapi::openapi;

    /// Method and path of every operation.
    fn operations(document: &OpenApi) -> BTreeSet<(String, String)> {
        let json = serde_json::to_value(&document.paths).unwrap();
        let paths = json.as_object().unwrap().iter();
        let of_path = |(path, item): (&String, &serde_json::Value)| {
            let methods: Vec<String> =
                item.as_object().unwrap().keys().map(|key| key.to_uppercase()).collect();
            methods.into_iter().map(|method| (method, path.clone())).collect::<Vec<_>>()
        };
        paths
            .flat_map(of_path)
            .filter(|(method, _)| method.parse::<Method>().is_ok_and(|m| m.as_str().len() < 8))
            .collect()
    }

    #[test]
    fn the_table_and_the_contract_know_the_same_operations() {
        let table: BTreeSet<_> =
            TABLE.iter().map(|row| (row.method.to_string(), row.path.to_owned())).collect();
        assert_eq!(table.len(), TABLE.len(), "no row twice");
        let mut contract = operations(&openapi());
        assert!(
            contract.remove(&("GET".into(), format!("{FORWARD_AUTH}/{{profile}}"))),
            "stands for every method"
        );
        assert_eq!(contract, table);
    }

    #[tokio::test]
    async fn a_known_path_refuses_other_methods_and_says_which_it_takes() {
        let app = init_service(App::new().configure(|config| mount(config, &[]))).await;
        for rows in TABLE.chunk_by(|a, b| a.path == b.path) {
            let row = rows.first().unwrap();
            let allowed: Vec<&str> = rows.iter().flat_map(Endpoint::allows).copied().collect();
            let path =
                row.path.replace("{sid}", "019a6b3c-7f00-7abc-8def-0123456789ab").replace("{kid}", "k");
            for method in [
                Method::GET,
                Method::POST,
                Method::PUT,
                Method::DELETE,
                Method::PATCH,
                Method::OPTIONS,
                Method::TRACE,
            ] {
                if allowed.contains(&method.as_str()) {
                    continue;
                }
                let request = TestRequest::with_uri(&path).method(method.clone()).to_request();
                let response = call_service(&app, request).await;
                assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
                assert_eq!(
                    response.headers().get(ALLOW).unwrap().to_str().unwrap(),
                    allowed.join(", "),
                    "{path}"
                );
                let oauth = path.starts_with("/oauth2/");
                let kind = if oauth { "application/json" } else { "application/problem+json" };
                assert_eq!(response.headers().get(CONTENT_TYPE).unwrap(), kind);
            }
        }
    }

    #[tokio::test]
    async fn an_unknown_path_is_a_problem() {
        let app = init_service(App::new().configure(|config| mount(config, &[]))).await;
        for path in [
            "/",
            "/v1",
            "/v1/sessions/",
            "/v2/sessions",
            "/oauth2/authorize",
            "/v1/keys/a/b/revoke",
            "/v1/revocations/stream/",
        ] {
            let response = call_service(&app, TestRequest::with_uri(path).to_request()).await;
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
            assert_eq!(response.headers().get(CONTENT_TYPE).unwrap(), "application/problem+json");
        }
    }

    #[tokio::test]
    async fn head_works_where_get_does_and_further_metadata_paths_are_known() {
        let app =
            init_service(App::new().configure(|config| mount(config, &["/.well-known/x/tenant".into()])))
                .await;
        for path in ["/livez", "/openapi.yaml"] {
            let request = TestRequest::with_uri(path).method(Method::HEAD).to_request();
            assert_eq!(call_service(&app, request).await.status(), StatusCode::OK, "{path}");
        }
        let request = TestRequest::post().uri("/.well-known/x/tenant").to_request();
        assert_eq!(call_service(&app, request).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}
