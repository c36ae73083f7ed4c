//! Client authentication: which credentials a request carries, and whether they are right.
//!
//! An unknown client and a wrong secret take the same steps and end in the same refusal.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use signet_verifier::{UnixMs, VerifyError};

use super::form::Form;
use super::gate::{Gate, Suspect};
use crate::session::{Client, ClientRegistry, Credential, Permission};
use crate::telemetry::audit;

/// Why a caller was not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AccessError {
    /// No client credentials where a client has to say who it is.
    #[error("client authentication is needed: HTTP Basic, or a bearer token from client_credentials")]
    NoCredentials,
    /// No access token where its holder is asked for.
    #[error("an access token or a refresh token is needed")]
    NoToken,
    /// Unknown client, wrong secret, or credentials that cannot be read.
    #[error("client authentication failed")]
    InvalidClient,
    /// The bearer token is not good.
    #[error("{0}")]
    InvalidToken(VerifyError),
    /// The bearer token is good, and not a token of a client for itself.
    #[error("the access token is not one that a client got for itself at this issuer")]
    NotClientToken,
    /// Two ways of authentication at once (RFC 6749 §2.3).
    #[error("more than one client authentication method in one request")]
    TwoMethods,
    /// `client_id` names another client than the credentials.
    #[error("client_id: not the client that authenticated")]
    OtherClientId,
    /// A public client where only confidential ones may come.
    #[error("a public client may not use this grant")]
    PublicClient,
    /// The client may not do this.
    #[error("insufficient permission: {} is needed", .permission.name())]
    NotPermitted {
        /// What it lacks.
        permission: Permission,
        /// How it authenticated.
        scheme: Scheme,
    },
    /// Too many failed attempts from there for that client.
    #[error("too many failed attempts: wait {} s", .0.as_secs().max(1))]
    TooManyFailures(Duration),
}

/// How a client authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// By its id and secret.
    Basic,
    /// By an access token of its own.
    Bearer,
}

/// What the `Authorization` header holds. Does not print.
pub(crate) enum Authorization<'a> {
    /// There is none.
    Absent,
    /// HTTP Basic (RFC 7617).
    Basic(ClientSecret),
    /// A bearer token (RFC 6750 §2.1).
    Bearer(&'a str),
    /// Something else, or unreadable.
    Unusable,
}

impl<'a> Authorization<'a> {
    /// Reads the header; more than one is unusable.
    pub(crate) fn of(headers: &'a HeaderMap) -> Self {
        let mut lines = headers.get_all(AUTHORIZATION);
        let (Some(line), None) = (lines.next(), lines.next()) else {
            return if headers.contains_key(AUTHORIZATION) { Self::Unusable } else { Self::Absent };
        };
        let Some((scheme, value)) = line.to_str().ok().and_then(|line| line.trim().split_once(' ')) else {
            return Self::Unusable;
        };
        let value = value.trim_start();
        if scheme.eq_ignore_ascii_case("bearer") {
            Self::Bearer(value)
        } else if scheme.eq_ignore_ascii_case("basic") {
            ClientSecret::from_basic(value).map_or(Self::Unusable, Self::Basic)
        } else {
            Self::Unusable
        }
    }
}

/// A client's name and, where it gave one, its secret. Does not print.
pub(crate) struct ClientSecret {
    id: String,
    /// Spellings of the secret: form-decoded and, from HTTP Basic, as it stands.
    secrets: Vec<String>,
}

impl ClientSecret {
    /// Reads the value of HTTP Basic. Both halves are form-encoded (RFC 6749 §2.3.1), and many clients forget it: the
    /// secret is tried in both readings. Ids need no escapes.
    fn from_basic(value: &str) -> Option<Self> {
        let decoded = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
        let (id, secret) = decoded.split_once(':')?;
        let secrets =
            if secret.is_empty() { Vec::new() } else { vec![form_decode(secret), secret.to_owned()] };
        Some(Self { id: form_decode(id), secrets })
    }

    /// Finds the client, authenticated or, if it is public, named.
    pub(crate) fn authenticate(&self, door: &Door<'_>) -> Result<Arc<Client>, AccessError> {
        let client = door.clients.find(&self.id);
        if self.secrets.is_empty() {
            let public = client.filter(|client| !client.credential.is_confidential());
            return public.cloned().ok_or(AccessError::InvalidClient);
        }
        let suspect = Suspect::new(door.address, client.map(|client| &client.id));
        door.gate.check(&suspect, door.now).map_err(AccessError::TooManyFailures)?;
        let confidential = client.filter(|client| client.credential.is_confidential());
        // Nobody's secret has this hash: whom we do not know costs as much time as a wrong secret.
        let nobody = Credential::SecretSha256([0; 32]);
        let credential = confidential.map_or(&nobody, |client| &client.credential);
        let right = self.secrets.iter().filter(|secret| credential.accepts(secret)).count();
        match confidential {
            Some(client) if right > 0 => Ok(Arc::clone(client)),
            Some(_) | None => {
                audit::client_refused(client.map(|client| &client.id), door.address);
                door.gate.failed(&suspect, door.now).map_err(AccessError::TooManyFailures)?;
                Err(AccessError::InvalidClient)
            }
        }
    }
}

/// Where a client knocks, from where, and when.
pub(crate) struct Door<'a> {
    /// Who is known.
    pub(crate) clients: &'a ClientRegistry,
    /// Counts failures.
    pub(crate) gate: &'a Gate,
    /// The peer.
    pub(crate) address: Option<IpAddr>,
    /// The present.
    pub(crate) now: UnixMs,
}

/// The client behind a request to an OAuth endpoint: HTTP Basic, or parameters in the form, never both.
pub(crate) fn oauth_client(
    authorization: &Authorization<'_>,
    form: &Form,
    door: &Door<'_>,
) -> Result<Arc<Client>, AccessError> {
    let (id, secret) = (form.get("client_id"), form.get("client_secret"));
    let given = match (authorization, secret, form.get("client_assertion")) {
        (Authorization::Absent, None, None) => {
            let id = id.ok_or(AccessError::NoCredentials)?;
            return ClientSecret { id: id.to_owned(), secrets: Vec::new() }.authenticate(door);
        }
        (Authorization::Absent, Some(secret), None) => {
            let id = id.ok_or(AccessError::InvalidClient)?.to_owned();
            return ClientSecret { id, secrets: vec![secret.to_owned()] }.authenticate(door);
        }
        (Authorization::Basic(given), None, None) => given,
        (Authorization::Absent, None, Some(_))
        | (Authorization::Bearer(_) | Authorization::Unusable, None, None) => {
            return Err(AccessError::InvalidClient);
        }
        (_, _, _) => return Err(AccessError::TwoMethods),
    };
    if id.is_some_and(|id| id != given.id) {
        return Err(AccessError::OtherClientId);
    }
    given.authenticate(door)
}

/// Decodes one value of `application/x-www-form-urlencoded`. Only `+` and `%XX` change.
fn form_decode(text: &str) -> String {
    let pair = format!("={}", text.replace('&', "%26"));
    form_urlencoded::parse(pair.as_bytes()).map(|(_, value)| value.into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
    use signet_verifier::ClientId;

    use super::*;

    const NOW: UnixMs = UnixMs::from_secs(1_800_000_000);
    const SECRET: &str = "s3cret+/%";

    struct World {
        clients: ClientRegistry,
        gate: Gate,
        address: IpAddr,
        now: UnixMs,
    }

    impl World {
        fn new() -> Self {
            let hash = crate::crypto::digest::digest(&crate::crypto::digest::SHA256, SECRET.as_bytes());
            let confidential = Credential::SecretSha256(hash.as_ref().try_into().unwrap());
            let client = |id: &str, credential| Client {
                id: ClientId::parse(id).unwrap(),
                credential,
                permissions: BTreeSet::new(),
                audiences: Vec::new(),
                scopes: None,
                max_access_ttl: None,
                algorithm: None,
            };
            let clients = [client("app", confidential), client("spa", Credential::Public)];
            Self {
                clients: ClientRegistry::new(clients),
                gate: Gate::new(),
                address: [192, 0, 2, 1].into(),
                now: NOW,
            }
        }

        fn ask(&self, basic: Option<&str>, body: &str) -> Result<String, AccessError> {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
            if let Some(userpass) = basic {
                headers.insert(AUTHORIZATION, basic_header(userpass));
            }
            let form = Form::parse(&headers, body.as_bytes()).ok().unwrap();
            let door =
                Door { clients: &self.clients, gate: &self.gate, address: Some(self.address), now: self.now };
            oauth_client(&Authorization::of(&headers), &form, &door).map(|client| client.id.to_string())
        }
    }

    fn basic_header(userpass: &str) -> HeaderValue {
        HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(userpass))).unwrap()
    }

    #[test]
    fn a_secret_in_basic_is_right_form_encoded_and_as_it_stands() {
        let world = World::new();
        assert_eq!(world.ask(Some("app:s3cret%2B%2F%25"), "x=y"), Ok("app".into()));
        assert_eq!(world.ask(Some("a%70p:s3cret+/%"), "x=y"), Ok("app".into()));
        assert_eq!(world.ask(Some("app:s3cret"), "x=y"), Err(AccessError::InvalidClient));
        assert_eq!(world.ask(Some("app"), "x=y"), Err(AccessError::InvalidClient), "no colon");
    }

    #[test]
    fn a_secret_in_the_form_is_right_and_two_methods_are_refused() {
        let world = World::new();
        let post = "client_id=app&client_secret=s3cret%2B%2F%25";
        assert_eq!(world.ask(None, post), Ok("app".into()));
        assert_eq!(world.ask(Some("app:s3cret+/%"), post), Err(AccessError::TwoMethods));
        assert_eq!(world.ask(Some("app:s3cret+/%"), "client_id=app"), Ok("app".into()));
        assert_eq!(world.ask(Some("app:s3cret+/%"), "client_id=spa"), Err(AccessError::OtherClientId));
        assert_eq!(world.ask(None, "client_assertion=x"), Err(AccessError::InvalidClient));
    }

    #[test]
    fn a_name_alone_is_enough_for_public_clients_only() {
        let world = World::new();
        assert_eq!(world.ask(None, "client_id=spa"), Ok("spa".into()));
        assert_eq!(world.ask(Some("spa:"), "x=y"), Ok("spa".into()));
        assert_eq!(world.ask(None, "client_id=app"), Err(AccessError::InvalidClient));
        assert_eq!(world.ask(Some("app:"), "x=y"), Err(AccessError::InvalidClient));
        assert_eq!(world.ask(None, "client_id=nobody"), Err(AccessError::InvalidClient));
        assert_eq!(world.ask(None, "x=y"), Err(AccessError::NoCredentials));
        assert_eq!(world.ask(Some("spa:guess"), "x=y"), Err(AccessError::InvalidClient));
    }

    #[test]
    fn after_twenty_failures_even_the_right_secret_waits_but_only_from_there() {
        let mut world = World::new();
        for _ in 0..20 {
            assert_eq!(world.ask(Some("app:wrong"), "x=y"), Err(AccessError::InvalidClient));
        }
        let waits = Err(AccessError::TooManyFailures(Duration::from_mins(1)));
        assert_eq!(world.ask(Some("app:s3cret+/%"), "x=y"), waits);
        assert_eq!(world.ask(None, "client_id=app&client_secret=wrong"), waits);
        world.address = [192, 0, 2, 2].into();
        assert_eq!(world.ask(Some("app:s3cret+/%"), "x=y"), Ok("app".into()));
    }

    #[test]
    fn names_nobody_registered_share_one_counter() {
        let world = World::new();
        for attempt in 0..20 {
            assert_eq!(world.ask(Some(&format!("n{attempt}:x")), "x=y"), Err(AccessError::InvalidClient));
        }
        assert!(matches!(world.ask(Some("new:x"), "x=y"), Err(AccessError::TooManyFailures(_))));
        assert_eq!(world.ask(Some("app:s3cret+/%"), "x=y"), Ok("app".into()));
    }

    #[test]
    fn a_guesser_hears_the_same_for_a_registered_name_and_for_any_other() {
        let heard = |name: &str| {
            let mut world = World::new();
            let mut answers = Vec::new();
            for step in 0_u64..60 {
                // Junk before, between and after, over two windows.
                let id = if step % 7 < 2 { "junk" } else { name };
                answers.push(world.ask(Some(&format!("{id}:guess")), "x=y"));
                world.now = NOW.after(Duration::from_secs(step * 2));
            }
            answers
        };
        let answers = heard("app");
        assert_eq!(answers, heard("nobody"));
        assert_eq!(answers, heard("spa"));
        assert!(answers.iter().any(|answer| matches!(answer, Err(AccessError::TooManyFailures(_)))));
    }

    #[test]
    fn the_authorization_header_is_read_leniently_in_case_and_strictly_in_number() {
        let mut headers = HeaderMap::new();
        assert!(matches!(Authorization::of(&headers), Authorization::Absent));
        headers.append(AUTHORIZATION, HeaderValue::from_static("bearer  a.b.c"));
        assert!(matches!(Authorization::of(&headers), Authorization::Bearer("a.b.c")));
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer a.b.c"));
        assert!(matches!(Authorization::of(&headers), Authorization::Unusable));
        let other = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Digest x"))]);
        assert!(matches!(Authorization::of(&other), Authorization::Unusable));
    }
}
