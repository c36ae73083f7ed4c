//! The contract: put together from the handlers' annotations and the wire types, committed as `openapi.yaml`.

mod feed;
mod links;
mod refusals;
mod schemas;

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, RefOr};
use utoipa::{Modify, OpenApi};

pub(crate) use feed::{AcknowledgementBody, FeedSnapshot};
use links::Links;
pub(crate) use refusals::{
    BodyRefusals, ClientRefusals, Conflict, HolderRefusals, NotAcceptable, NotFound, NotReady, OAuthRefusals,
    ProxyRefusals,
};
pub(crate) use schemas::{algorithm, audience, effect, instant, methods, scope};

use super::problem::{OAuthErrorBody, ProblemDocument};
use super::{
    forward_auth, health, introspection, jwks, keys, metadata, metrics, revocation, revocations, sessions,
    token,
};

/// The contract of the HTTP interface.
pub fn openapi() -> Document {
    Contract::openapi()
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Signet",
        description = "A stateless session service: it signs sessions that the client holds, and can take them back.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    paths(
        sessions::issue::issue,
        sessions::refresh::refresh,
        sessions::logout::logout,
        sessions::revoke::revoke,
        revocations::revoke::revoke,
        revocations::snapshot::snapshot,
        revocations::stream::follow,
        revocations::ack::acknowledge,
        forward_auth::ask,
        keys::list::list,
        keys::rotate::rotate,
        keys::import::import,
        keys::revoke::revoke,
        token::token,
        introspection::introspect,
        revocation::revoke,
        jwks::jwks,
        metadata::metadata,
        metadata::openid_configuration,
        health::livez,
        health::readyz,
        metrics::metrics,
        health::openapi_yaml
    ),
    components(schemas(ProblemDocument, OAuthErrorBody)),
    modifiers(&Security, &OptionalBody, &Links),
    tags(
        (name = "sessions", description = "Issue, refresh, log out"),
        (name = "revocations", description = "Take tokens back, and follow what is taken back"),
        (name = "proxies", description = "Forward-auth"),
        (name = "keys", description = "Key administration"),
        (name = "oauth2", description = "OAuth 2.0 endpoints"),
        (name = "metadata", description = "What verifiers and clients need to know"),
        (name = "operations", description = "For those who run the service")
    )
)]
struct Contract;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut Document) {
        let scheme = |scheme, description| {
            let http = HttpBuilder::new().scheme(scheme).description(Some(description));
            SecurityScheme::Http(http.build())
        };
        let components = document.components.get_or_insert_default();
        for (name, described) in [
            ("basic", scheme(HttpAuthScheme::Basic, "A client's id and secret")),
            ("clientToken", scheme(HttpAuthScheme::Bearer, "A client's own token, from client_credentials")),
            ("accessToken", scheme(HttpAuthScheme::Bearer, "An access token of the session")),
        ] {
            components.security_schemes.insert(name.to_owned(), described.into());
        }
    }
}

/// Logging out takes a body only where there is no access token.
struct OptionalBody;

impl Modify for OptionalBody {
    fn modify(&self, document: &mut Document) {
        let logout =
            document.paths.paths.get_mut("/v1/sessions/current").and_then(|item| item.delete.as_mut());
        if let Some(RefOr::T(body)) = logout.and_then(|operation| operation.request_body.as_mut()) {
            body.required = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::health::OPENAPI_YAML;

    #[test]
    fn the_committed_contract_is_the_one_in_the_code() {
        let current = openapi().to_yaml().unwrap();
        assert!(
            current == OPENAPI_YAML,
            "openapi.yaml is out of date; regenerate it: cargo run -- openapi > openapi.yaml"
        );
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_operation_says_who_may_use_it() {
        let document = serde_json::to_value(openapi()).unwrap();
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(document.pointer(reference).is_some(), "{reference}");
        }
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                assert!(operation["security"].is_array(), "{method} {path}");
                assert!(
                    operation["responses"].as_object().is_some_and(|all| !all.is_empty()),
                    "{method} {path}"
                );
            }
        }
    }

    #[test]
    fn every_json_request_states_that_unknown_members_are_refused() {
        let document = serde_json::to_value(openapi()).unwrap();
        let items = document["paths"].as_object().unwrap().values();
        let schemas =
            items.filter_map(|item| item.pointer("/post/requestBody/content/application~1json/schema/$ref"));
        let names: Vec<&str> = schemas.map(|reference| reference.as_str().unwrap()).collect();
        assert_eq!(names.len(), 7, "{names:?}");
        for name in names {
            let schema = document.pointer(&name[1..]).unwrap();
            assert_eq!(schema["additionalProperties"], false, "{name}");
        }
    }
}
