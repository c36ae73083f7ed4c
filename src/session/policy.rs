//! Who may ask for what, and how long things live: the configuration in the domain's words.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use signet_verifier::{Algorithm, ClientId, IssuerUrl, ScopeTokens};
use subtle::ConstantTimeEq;

use crate::crypto::digest;

/// What a client may do besides presenting its own tokens. A closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Issue sessions, and set claims when refreshing on a user's behalf.
    SessionsIssue,
    /// Revoke single sessions.
    SessionsRevoke,
    /// Write any cutoff.
    RevocationsWrite,
    /// Read the revocation feed.
    RevocationsRead,
    /// List, rotate, import and revoke keys.
    KeysManage,
    /// Introspect tokens of other clients.
    TokensIntrospect,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::SessionsIssue,
        Self::SessionsRevoke,
        Self::RevocationsWrite,
        Self::RevocationsRead,
        Self::KeysManage,
        Self::TokensIntrospect,
    ];

    /// The name in the configuration and in errors.
    pub fn name(self) -> &'static str {
        match self {
            Self::SessionsIssue => "sessions:issue",
            Self::SessionsRevoke => "sessions:revoke",
            Self::RevocationsWrite => "revocations:write",
            Self::RevocationsRead => "revocations:read",
            Self::KeysManage => "keys:manage",
            Self::TokensIntrospect => "tokens:introspect",
        }
    }

    /// Finds a permission by its exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.name() == name)
    }
}

/// How a client proves who it is.
#[derive(Clone)]
pub enum Credential {
    /// By a secret, of which the SHA-256 is kept.
    SecretSha256([u8; 32]),
    /// Not at all: a public client (RFC 6749 §2.1).
    Public,
}

impl Credential {
    /// Whether this is the secret; in constant time, and never for a public client.
    pub fn accepts(&self, secret: &str) -> bool {
        match self {
            Self::SecretSha256(known) => {
                let given = digest::digest(&digest::SHA256, secret.as_bytes());
                known.as_slice().ct_eq(given.as_ref()).into()
            }
            Self::Public => false,
        }
    }

    /// Whether the client can keep a secret.
    pub fn is_confidential(&self) -> bool {
        match self {
            Self::SecretSha256(_) => true,
            Self::Public => false,
        }
    }
}

/// A registered client.
#[derive(Clone)]
pub struct Client {
    /// Its name.
    pub id: ClientId,
    /// How it proves who it is.
    pub credential: Credential,
    /// What it may do.
    pub permissions: BTreeSet<Permission>,
    /// The audiences that it may ask for; empty: those of [`TokenPolicy::audiences`].
    pub audiences: Vec<Arc<str>>,
    /// The scopes that it may ask for; `None`: any.
    pub scopes: Option<ScopeTokens>,
    /// The longest access token life that it may ask for; `None`: the default life.
    pub max_access_ttl: Option<Duration>,
    /// The algorithm that its tokens are signed with; `None`: the default one.
    pub algorithm: Option<Algorithm>,
}

/// All registered clients.
#[derive(Default)]
pub struct ClientRegistry(HashMap<ClientId, Arc<Client>>);

impl ClientRegistry {
    /// A registry of these; of two with one id the later.
    pub fn new(clients: impl IntoIterator<Item = Client>) -> Self {
        Self(clients.into_iter().map(|client| (client.id.clone(), Arc::new(client))).collect())
    }

    /// The client of this id.
    pub fn find(&self, id: &str) -> Option<&Arc<Client>> {
        self.0.get(id)
    }

    /// Every audience that tokens are issued for, each once. The service itself is not among them: its tokens are not for others.
    pub fn audiences(&self, tokens: &TokenPolicy) -> Vec<Arc<str>> {
        let of_clients = self.iter().flat_map(|client| client.audiences.iter());
        let distinct: BTreeSet<&Arc<str>> = of_clients.chain(&tokens.audiences).collect();
        distinct.into_iter().cloned().collect()
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Client>> {
        self.0.values()
    }
}

/// What tokens are like.
#[derive(Clone, Debug)]
pub struct TokenPolicy {
    /// `iss`.
    pub issuer: IssuerUrl,
    /// The life of an access token where nobody asks for another.
    pub access_ttl: Duration,
    /// The longest life of an access token over all clients: what the feed publishes and verifiers enforce.
    pub longest_access_ttl: Duration,
    /// How far clocks may be apart when tokens are verified.
    pub leeway: Duration,
    /// The greatest length of an access token in bytes.
    pub max_bytes: usize,
    /// The audiences of clients that list none.
    pub audiences: Vec<Arc<str>>,
    /// Custom claims by which cutoffs may name tokens.
    pub revocable_claims: Vec<String>,
    /// The algorithm of clients that name none.
    pub default_algorithm: Algorithm,
}

/// What happens to a session of which a copied token was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnTheft {
    /// The session ends.
    #[default]
    RevokeSession,
    /// All sessions of the subject end.
    RevokeSubject,
    /// It is refused, reported and counted; nothing ends.
    Report,
}

impl OnTheft {
    /// The name in the configuration and in audit events.
    pub fn name(self) -> &'static str {
        match self {
            Self::RevokeSession => "revoke_session",
            Self::RevokeSubject => "revoke_subject",
            Self::Report => "report",
        }
    }
}

/// What a refresh does when the store cannot be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenStoreDown {
    /// It gives an access token and leaves the refresh token as it is.
    #[default]
    Degrade,
    /// It is refused for now (503).
    Refuse,
}

/// How refresh works.
#[derive(Clone, Debug)]
pub struct RefreshPolicy {
    /// How long a session lives without refreshing.
    pub idle_ttl: Duration,
    /// How long a session lives at all.
    pub absolute_ttl: Duration,
    /// W: requests this close together are one client's concurrency.
    pub window: Duration,
    /// What theft leads to.
    pub on_theft: OnTheft,
    /// What a lost store leads to.
    pub when_store_down: WhenStoreDown,
    /// How long degraded refreshes go on.
    pub max_degraded: Duration,
}

/// How revocation works.
#[derive(Clone, Debug)]
pub struct RevocationPolicy {
    /// How far nodes' clocks may be apart.
    pub max_skew: Duration,
}
