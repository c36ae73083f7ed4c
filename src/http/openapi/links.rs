//! Where an answer leads: what it says that the next request needs. People read it; the test tools walk along it.

use serde_json::{Value, json};
use utoipa::Modify;
use utoipa::openapi::link::Link;
use utoipa::openapi::{OpenApi as Document, RefOr, Response};

/// From the answers of one operation to the requests of another.
struct Hop {
    /// The path that answers `POST`.
    from: &'static str,
    status: &'static str,
    name: &'static str,
    to: &'static str,
    /// What the next request takes from the answer.
    takes: Takes,
}

enum Takes {
    /// The path parameter from the member of the answer.
    Path(&'static str, &'static str),
    /// The member of the body from the member of the answer.
    Body(&'static str, &'static str),
}

const fn hop(
    from: &'static str,
    status: &'static str,
    name: &'static str,
    to: &'static str,
    takes: Takes,
) -> Hop {
    Hop { from, status, name, to, takes }
}

const HOPS: [Hop; 9] = [
    hop(ISSUE, "201", "refresh", "refreshSession", Takes::Body("refresh_token", "refresh_token")),
    hop(ISSUE, "201", "logOut", "logOut", Takes::Body("refresh_token", "refresh_token")),
    hop(ISSUE, "201", "revokeSession", "revokeSession", Takes::Path("sid", "session_id")),
    hop(ISSUE, "201", "introspect", "introspect", Takes::Body("token", "access_token")),
    hop(ISSUE, "201", "revokeToken", "revokeToken", Takes::Body("token", "refresh_token")),
    hop(REFRESH, "200", "refresh", "refreshSession", Takes::Body("refresh_token", "refresh_token")),
    hop(REFRESH, "200", "introspect", "introspect", Takes::Body("token", "refresh_token")),
    hop(TOKEN, "200", "introspect", "introspect", Takes::Body("token", "access_token")),
    hop(TOKEN, "200", "revokeToken", "revokeToken", Takes::Body("token", "access_token")),
];

const ISSUE: &str = "/v1/sessions";
const REFRESH: &str = "/v1/sessions/refresh";
const TOKEN: &str = "/oauth2/token";

/// Writes the links into the contract.
pub(super) struct Links;

impl Modify for Links {
    fn modify(&self, document: &mut Document) {
        for hop in &HOPS {
            if let Some(answer) = answer(document, hop) {
                answer.links.insert(hop.name.to_owned(), RefOr::T(link(hop)));
            }
        }
    }
}

fn answer<'a>(document: &'a mut Document, hop: &Hop) -> Option<&'a mut Response> {
    let operation = document.paths.paths.get_mut(hop.from)?.post.as_mut()?;
    match operation.responses.responses.get_mut(hop.status)? {
        RefOr::T(answer) => Some(answer),
        RefOr::Ref(_) => None,
    }
}

fn link(hop: &Hop) -> Link {
    let said = |member: &str| format!("$response.body#/{member}");
    let link = Link::builder().operation_id(hop.to);
    match hop.takes {
        Takes::Path(parameter, member) => link.parameter(parameter, said(member)),
        Takes::Body(parameter, member) => {
            link.request_body(Some::<Value>(json!({ parameter: said(member) })))
        }
    }
    .build()
}

#[cfg(test)]
mod tests {
    use crate::http::openapi;

    #[test]
    fn every_link_is_in_the_contract_and_leads_to_an_operation() {
        let document = serde_json::to_value(openapi()).unwrap();
        let operations: Vec<_> = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .flat_map(|item| item.as_object().unwrap())
            .collect();
        let links: Vec<_> = operations
            .iter()
            .flat_map(|(_, operation)| operation["responses"].as_object().unwrap().values())
            .filter_map(|answer| answer["links"].as_object())
            .flat_map(|links| links.values())
            .collect();
        assert_eq!(links.len(), super::HOPS.len());
        for link in links {
            let leads =
                |(_, operation): &(_, &serde_json::Value)| operation["operationId"] == link["operationId"];
            assert!(operations.iter().any(leads), "{link}");
        }
    }
}
