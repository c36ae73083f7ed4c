//! The refusals that endpoints have in common, for their documentation.

use std::collections::BTreeMap;

use utoipa::openapi::{
    ContentBuilder, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Type,
};
use utoipa::{IntoResponses, ToSchema};

use crate::http::problem::{OAuthErrorBody, ProblemDocument};

type Responses = BTreeMap<String, RefOr<Response>>;

/// Of endpoints for clients that authenticate.
pub(crate) enum ClientRefusals {}
/// Of endpoints for holders of a token.
pub(crate) enum HolderRefusals {}
/// Of endpoints with a body.
pub(crate) enum BodyRefusals {}
/// Of endpoints under `/oauth2`.
pub(crate) enum OAuthRefusals {}
/// Of forward-auth.
pub(crate) enum ProxyRefusals {}
/// Where the path names something that must exist.
pub(crate) enum NotFound {}
/// Where the client may take none of our content codings.
pub(crate) enum NotAcceptable {}
/// Where the ring may not be changed like that.
pub(crate) enum Conflict {}
/// Where it is too early, or too late.
pub(crate) enum NotReady {}

const MALFORMED: (u16, &str) = (400, "The request is not understood; the detail names the member");
const UNAUTHORIZED: (u16, &str) = (401, "Credentials are missing or wrong");
const FORBIDDEN: (u16, &str) = (403, "The client may not do this");
const TOO_SLOW: (u16, &str) = (408, "The body did not arrive in time");
const TOO_LARGE: (u16, &str) = (413, "The body is longer than 64 KiB");
const MEDIA_TYPE: (u16, &str) = (415, "The body is of another type");
const TOO_MANY: (u16, &str) = (429, "Too many failed attempts to authenticate from this network");
const OUR_FAULT: (u16, &str) = (500, "Something failed in the service");
const UNAVAILABLE: (u16, &str) = (503, "Not now; the same request later");

impl IntoResponses for ClientRefusals {
    fn responses() -> Responses {
        problems(&[MALFORMED, UNAUTHORIZED, FORBIDDEN, TOO_MANY, OUR_FAULT, UNAVAILABLE])
    }
}

impl IntoResponses for HolderRefusals {
    fn responses() -> Responses {
        problems(&[MALFORMED, UNAUTHORIZED, OUR_FAULT, UNAVAILABLE])
    }
}

impl IntoResponses for BodyRefusals {
    fn responses() -> Responses {
        problems(&[MALFORMED, TOO_SLOW, TOO_LARGE, MEDIA_TYPE])
    }
}

impl IntoResponses for OAuthRefusals {
    fn responses() -> Responses {
        let statuses =
            [MALFORMED, UNAUTHORIZED, TOO_SLOW, TOO_LARGE, MEDIA_TYPE, TOO_MANY, OUR_FAULT, UNAVAILABLE];
        statuses.into_iter().map(|row| document(row, "application/json", &OAuthErrorBody::name())).collect()
    }
}

impl IntoResponses for ProxyRefusals {
    fn responses() -> Responses {
        let forbidden = (403, "The token is good and lacks a scope");
        let unknown = (404, "There is no such profile");
        problems(&[UNAUTHORIZED, forbidden, unknown, OUR_FAULT, UNAVAILABLE])
    }
}

impl IntoResponses for NotFound {
    fn responses() -> Responses {
        problems(&[(404, "There is no such thing")])
    }
}

impl IntoResponses for NotAcceptable {
    fn responses() -> Responses {
        problems(&[(406, "`Accept-Encoding` takes no coding that there is")])
    }
}

impl IntoResponses for Conflict {
    fn responses() -> Responses {
        problems(&[(409, "The key ring cannot be changed like that now")])
    }
}

impl IntoResponses for NotReady {
    fn responses() -> Responses {
        problems(&[UNAVAILABLE])
    }
}

fn problems(rows: &[(u16, &str)]) -> Responses {
    let schema = ProblemDocument::name();
    rows.iter().map(|row| document(*row, "application/problem+json", &schema)).collect()
}

fn document((status, text): (u16, &str), media_type: &str, schema: &str) -> (String, RefOr<Response>) {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
    let mut response = ResponseBuilder::new().description(text).content(media_type, content);
    for (name, kind) in headers(status) {
        let header =
            HeaderBuilder::new().schema(Some(ObjectBuilder::new().schema_type(kind.clone()).build()));
        response = response.header(*name, header.build());
    }
    (status.to_string(), response.build().into())
}

fn headers(status: u16) -> &'static [(&'static str, Type)] {
    match status {
        401 => &[("WWW-Authenticate", Type::String)],
        429 | 503 => &[("Retry-After", Type::Integer)],
        _ => &[],
    }
}
