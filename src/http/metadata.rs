//! `GET /.well-known/oauth-authorization-server` (RFC 8414), and the same document under `openid-configuration`, where
//! several clients look first.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

use super::Services;
use super::answer::public;

/// What this authorization server offers (RFC 8414 §2). Lists without entries are omitted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServerMetadata {
    /// The issuer, byte for byte as in `iss`.
    issuer: String,
    /// Where tokens come from.
    token_endpoint: String,
    /// Where the public keys are.
    jwks_uri: String,
    /// Required, though there is no authorization endpoint; `none` is the registered value that promises no response.
    #[schema(value_type = Vec<String>)]
    response_types_supported: [&'static str; 1],
    /// The grants of the token endpoint.
    #[schema(value_type = Vec<String>)]
    grant_types_supported: [&'static str; 2],
    /// How clients authenticate there.
    #[schema(value_type = Vec<String>)]
    token_endpoint_auth_methods_supported: [&'static str; 3],
    /// RFC 7662.
    introspection_endpoint: String,
    /// How clients authenticate there.
    #[schema(value_type = Vec<String>)]
    introspection_endpoint_auth_methods_supported: [&'static str; 2],
    /// RFC 7009.
    revocation_endpoint: String,
    /// How clients authenticate there.
    #[schema(value_type = Vec<String>)]
    revocation_endpoint_auth_methods_supported: [&'static str; 3],
    /// Where verifiers learn what has been taken back; the stream and its acknowledgements lie below it.
    revocation_feed_uri: String,
}

impl ServerMetadata {
    fn new(issuer: &str, public_url: &str) -> Self {
        let at = |path: &str| format!("{}{path}", public_url.trim_end_matches('/'));
        Self {
            issuer: issuer.to_owned(),
            token_endpoint: at("/oauth2/token"),
            jwks_uri: at("/.well-known/jwks.json"),
            response_types_supported: ["none"],
            grant_types_supported: ["client_credentials", "refresh_token"],
            token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post", "none"],
            introspection_endpoint: at("/oauth2/introspect"),
            introspection_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
            revocation_endpoint: at("/oauth2/revoke"),
            revocation_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post", "none"],
            revocation_feed_uri: at("/v1/revocations"),
        }
    }
}

/// Authorization server metadata
#[utoipa::path(
    get, path = "/.well-known/oauth-authorization-server", tag = "metadata", operation_id = "serverMetadata",
    security(()),
    responses((status = 200, description = "What this server offers", body = ServerMetadata))
)]
pub(crate) async fn metadata(services: Data<Services>) -> HttpResponse {
    answer(&services)
}

/// The same metadata
///
/// Under the name that OpenID Connect clients look for. There are no ID tokens here.
#[utoipa::path(
    get, path = "/.well-known/openid-configuration", tag = "metadata", operation_id = "openidConfiguration",
    security(()),
    responses((status = 200, description = "What this server offers", body = ServerMetadata))
)]
pub(crate) async fn openid_configuration(services: Data<Services>) -> HttpResponse {
    answer(&services)
}

fn answer(services: &Services) -> HttpResponse {
    let document = ServerMetadata::new(services.tokens.issuer.as_str(), &services.public_url);
    public(StatusCode::OK, services.jwks_max_age).json(document)
}

/// Where else the metadata of an issuer with a path is looked for: with the well-known string between host and path
/// (RFC 8414 §3.1) and, by OpenID Connect clients, after it.
pub(crate) fn paths_of_issuer(issuer: &str) -> Vec<String> {
    let after_scheme = issuer.split_once("://").map_or("", |(_, rest)| rest);
    let path = after_scheme.find('/').and_then(|slash| after_scheme.get(slash..)).unwrap_or_default();
    let path = path.trim_end_matches('/');
    // A brace would be a pattern to the router, and is no character of a URL's path (RFC 3986 §3.3).
    if path.is_empty() || path.contains(['{', '}', '?', '#']) {
        return Vec::new();
    }
    vec![
        format!("/.well-known/oauth-authorization-server{path}"),
        format!("/.well-known/openid-configuration{path}"),
        format!("{path}/.well-known/openid-configuration"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_lie_under_the_public_url_and_the_issuer_is_left_as_it_is() {
        let metadata = ServerMetadata::new("https://id.example/", "https://api.example/auth/");
        assert_eq!(metadata.issuer, "https://id.example/");
        assert_eq!(metadata.token_endpoint, "https://api.example/auth/oauth2/token");
        assert_eq!(metadata.jwks_uri, "https://api.example/auth/.well-known/jwks.json");
        assert_eq!(metadata.revocation_feed_uri, "https://api.example/auth/v1/revocations");
    }

    #[test]
    fn no_list_of_the_metadata_is_empty() {
        let metadata = serde_json::to_value(ServerMetadata::new("https://a", "https://a")).unwrap();
        for (name, value) in metadata.as_object().unwrap() {
            assert!(value.is_string() || !value.as_array().unwrap().is_empty(), "{name}");
        }
    }

    #[test]
    fn the_well_known_string_goes_between_host_and_path() {
        assert!(paths_of_issuer("https://id.example").is_empty());
        assert!(paths_of_issuer("https://id.example/").is_empty());
        let [oauth, openid, appended] = paths_of_issuer("https://id.example:8443/a/b/").try_into().unwrap();
        assert_eq!(oauth, "/.well-known/oauth-authorization-server/a/b");
        assert_eq!(openid, "/.well-known/openid-configuration/a/b");
        assert_eq!(appended, "/a/b/.well-known/openid-configuration");
    }
}
