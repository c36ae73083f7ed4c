//! Where an answer leads: what it says that the next request needs. People read it; the test tools walk along it.

use serde_json::{Value, json};
use utoipa::Modify;
use utoipa::openapi::link::Link;
use utoipa::openapi::{OpenApi as Document, RefOr, Response};

#[derive(Clone, Copy)]
enum Method {
    Get,
    Post,
}

/// From the answers of one operation to the requests of another.
struct Hop {
    /// The method and the path that answer.
    from: (Method, &'static str),
    status: &'static str,
    name: &'static str,
    to: &'static str,
    /// What the next request takes from the answer.
    takes: Takes,
}

enum Takes {
    /// The parameter, of the path or the query, from the member of the answer.
    Parameter(&'static str, &'static str),
    /// The member of the body from the member of the answer.
    Body(&'static str, &'static str),
}

const fn hop(
    from: (Method, &'static str),
    status: &'static str,
    name: &'static str,
    to: &'static str,
    takes: Takes,
) -> Hop {
    Hop { from, status, name, to, takes }
}

const HOPS: [Hop; 10] = [
    hop(ISSUE, "201", "refresh", "refreshSession", Takes::Body("refresh_token", "refresh_token")),
    hop(ISSUE, "201", "logOut", "logOut", Takes::Body("refresh_token", "refresh_token")),
    hop(ISSUE, "201", "revokeSession", "revokeSession", Takes::Parameter("sid", "session_id")),
    hop(ISSUE, "201", "introspect", "introspect", Takes::Body("token", "access_token")),
    hop(ISSUE, "201", "revokeToken", "revokeToken", Takes::Body("token", "refresh_token")),
    hop(REFRESH, "200", "refresh", "refreshSession", Takes::Body("refresh_token", "refresh_token")),
    hop(REFRESH, "200", "introspect", "introspect", Takes::Body("token", "refresh_token")),
    hop(TOKEN, "200", "introspect", "introspect", Takes::Body("token", "access_token")),
    hop(TOKEN, "200", "revokeToken", "revokeToken", Takes::Body("token", "access_token")),
    hop(FEED, "200", "follow", "followRevocations", Takes::Parameter("cursor", "cursor")),
];

const ISSUE: (Method, &str) = (Method::Post, "/v1/sessions");
const REFRESH: (Method, &str) = (Method::Post, "/v1/sessions/refresh");
const TOKEN: (Method, &str) = (Method::Post, "/oauth2/token");
const FEED: (Method, &str) = (Method::Get, "/v1/revocations");

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
    let (method, path) = hop.from;
    let item = document.paths.paths.get_mut(path)?;
    let operation = match method {
        Method::Get => item.get.as_mut(),
        Method::Post => item.post.as_mut(),
    }?;
    match operation.responses.responses.get_mut(hop.status)? {
        RefOr::T(answer) => Some(answer),
        RefOr::Ref(_) => None,
    }
}

fn link(hop: &Hop) -> Link {
    let said = |member: &str| format!("$response.body#/{member}");
    let link = Link::builder().operation_id(hop.to);
    match hop.takes {
        Takes::Parameter(parameter, member) => link.parameter(parameter, said(member)),
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
