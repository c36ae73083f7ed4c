//! Extractors: authorisation is a type in the handler's signature. Where one appears before the body, it is settled
//! before the body is read.

use std::future::{Future, Ready, ready};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use signet_verifier::{AudienceRule, KeyId, SessionId, UnixMs, VerifyError};

use super::Services;
use super::credentials::{AccessError, Authorization, Door, Scheme, oauth_client};
use super::error::ApiError;
use super::form::Form;
use super::json::whole;
use super::peer;
use super::problem::{OAuthRefusal, Problem};
use super::routes::RouteError;
use crate::session::{Client, Permission, RefreshCaller, Seen};

/// A permission as a type.
pub(crate) trait Needs: 'static {
    /// Which one.
    const PERMISSION: Permission;
}

macro_rules! permission {
    ($name:ident) => {
        #[doc = concat!("`Permission::", stringify!($name), "`.")]
        pub(crate) struct $name;

        impl Needs for $name {
            const PERMISSION: Permission = Permission::$name;
        }
    };
}

permission!(SessionsIssue);
permission!(SessionsRevoke);
permission!(RevocationsWrite);
permission!(RevocationsRead);
permission!(KeysManage);

/// A client that authenticated and has the permission.
pub(crate) struct Authorised<P> {
    /// Who it is.
    pub(crate) client: Arc<Client>,
    permission: PhantomData<P>,
}

impl<P: Needs> FromRequest for Authorised<P> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(authorise::<P>(request).map_err(Problem::from))
    }
}

fn authorise<P: Needs>(request: &HttpRequest) -> Result<Authorised<P>, ApiError> {
    let (client, scheme) = api_client(request, services(request)?)?.ok_or(AccessError::NoCredentials)?;
    if client.permissions.contains(&P::PERMISSION) {
        Ok(Authorised { client, permission: PhantomData })
    } else {
        Err(AccessError::NotPermitted { permission: P::PERMISSION, scheme }.into())
    }
}

/// Who presents a refresh token: its holder, or a client that authenticated.
pub(crate) struct Presenter(pub(crate) RefreshCaller);

impl FromRequest for Presenter {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(present(request).map_err(Problem::from))
    }
}

fn present(request: &HttpRequest) -> Result<Presenter, ApiError> {
    let client = api_client(request, services(request)?)?;
    Ok(Presenter(client.map_or(RefreshCaller::Holder, |(client, _)| RefreshCaller::Client(client))))
}

/// The bearer token of a request, not yet verified; `None` if there are no credentials at all.
pub(crate) struct Bearer(pub(crate) Option<String>);

impl FromRequest for Bearer {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match Authorization::of(request.headers()) {
            Authorization::Absent => Ok(Self(None)),
            Authorization::Bearer(token) => Ok(Self(Some(token.to_owned()))),
            Authorization::Basic(_) | Authorization::Unusable => {
                Err(ApiError::from(AccessError::NoToken).into())
            }
        })
    }
}

/// Which clients an OAuth endpoint takes.
pub(crate) trait Admits: 'static {
    /// Whether public clients, which only name themselves, are among them.
    const PUBLIC: bool;
}

/// Confidential clients, and public ones by their name.
pub(crate) struct AnyClient;
/// Only clients that prove who they are.
pub(crate) struct Confidential;

impl Admits for AnyClient {
    const PUBLIC: bool = true;
}

impl Admits for Confidential {
    const PUBLIC: bool = false;
}

/// A form and the client that sent it: its credentials may be among the parameters.
pub(crate) struct ClientForm<A> {
    /// Who it is.
    pub(crate) client: Arc<Client>,
    /// What it says.
    pub(crate) form: Form,
    admits: PhantomData<A>,
}

impl<A: Admits> FromRequest for ClientForm<A> {
    type Error = OAuthRefusal;
    type Future = Pin<Box<dyn Future<Output = Result<Self, OAuthRefusal>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, body) = (request.clone(), whole(request, payload));
        Box::pin(async move { Ok(client_form(&request, &body.await?)?) })
    }
}

fn client_form<A: Admits>(request: &HttpRequest, body: &[u8]) -> Result<ClientForm<A>, ApiError> {
    let form = Form::parse(request.headers(), body)?;
    let services = services(request)?;
    let client = oauth_client(&Authorization::of(request.headers()), &form, &door(request, services))?;
    if A::PUBLIC || client.credential.is_confidential() {
        Ok(ClientForm { client, form, admits: PhantomData })
    } else {
        Err(AccessError::InvalidClient.into())
    }
}

/// The present, read once for the whole request.
pub(crate) struct Now(pub(crate) UnixMs);

impl FromRequest for Now {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(services(request).map(|services| Self(services.clock.now())).map_err(Problem::from))
    }
}

/// What the request shows of its sender.
pub(crate) struct Sender(pub(crate) Seen);

impl FromRequest for Sender {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(services(request).map(|services| Self(peer::seen(request, services))).map_err(Problem::from))
    }
}

/// `{sid}` in the path.
pub(crate) struct SidInPath(pub(crate) SessionId);

impl FromRequest for SidInPath {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let sid = request.match_info().get("sid").and_then(|text| SessionId::parse(text).ok());
        ready(sid.map(Self).ok_or_else(|| ApiError::from(RouteError::SessionId).into()))
    }
}

/// `{kid}` in the path.
pub(crate) struct KidInPath(pub(crate) KeyId);

impl FromRequest for KidInPath {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let kid = request.match_info().get("kid").and_then(|text| KeyId::parse(text).ok());
        ready(kid.map(Self).ok_or_else(|| ApiError::from(RouteError::KeyId).into()))
    }
}

fn services(request: &HttpRequest) -> Result<&Services, RouteError> {
    request.app_data::<Data<Services>>().map(|data| &***data).ok_or(RouteError::NotWired)
}

fn door<'a>(request: &HttpRequest, services: &'a Services) -> Door<'a> {
    Door {
        clients: &services.clients,
        gate: &services.gate,
        address: peer::address(request, services),
        now: services.clock.now(),
    }
}

/// The client behind a request to the API; `None` without any credentials.
fn api_client(
    request: &HttpRequest,
    services: &Services,
) -> Result<Option<(Arc<Client>, Scheme)>, AccessError> {
    match Authorization::of(request.headers()) {
        Authorization::Absent => Ok(None),
        Authorization::Basic(secret) => {
            let client = secret.authenticate(&door(request, services))?;
            // A name alone is no authentication.
            let proven = client.credential.is_confidential();
            if proven { Ok(Some((client, Scheme::Basic))) } else { Err(AccessError::InvalidClient) }
        }
        Authorization::Bearer(token) => {
            client_of_token(token, services).map(|client| Some((client, Scheme::Bearer)))
        }
        Authorization::Unusable => Err(AccessError::InvalidClient),
    }
}

/// The client that got this token for itself (RFC 6749 §4.4) at this issuer, for this issuer.
fn client_of_token(token: &str, services: &Services) -> Result<Arc<Client>, AccessError> {
    let issuer = services.tokens.issuer.as_str();
    let expected = services.expected(AudienceRule::AnyOf(vec![issuer.into()]));
    let verified = services.verifier.verify_at(token, &expected, services.clock.now());
    let verified = verified.map_err(|error| {
        if error == VerifyError::Audience {
            AccessError::NotClientToken
        } else {
            AccessError::InvalidToken(error)
        }
    })?;
    let claims = verified.claims();
    let own = claims.sid.is_none() && claims.sub.as_str() == claims.client_id.as_str();
    let client = services.clients.find(claims.client_id.as_str());
    let client = client.filter(|client| own && client.credential.is_confidential());
    client.cloned().ok_or(AccessError::NotClientToken)
}
