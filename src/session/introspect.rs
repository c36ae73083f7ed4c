//! Introspection (RFC 7662): what a token says, if it is believed now.

use std::sync::Arc;

use serde::Serialize;
use signet_verifier::{
    Audience, AudienceRule, Claims, ClientId, Expected, ExpiryRule, IssuerUrl, NumericDate, Scope,
    ScopeTokens, SessionId, Subject, UnixMs, Verifier,
};

use super::history::{History, Verdict};
use super::policy::{Client, Permission, TokenPolicy};
use super::sealed::{SealedSession, TokenSealer};
use crate::store::Journal;

/// The answer (RFC 7662 §2.2). Inactive is `{"active":false}` and nothing else.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum IntrospectionResponse {
    /// Believed.
    Active(Box<ActiveToken>),
    /// Not, for whatever reason.
    Inactive {
        /// Always false.
        active: bool,
    },
}

/// What is said of a token that is believed.
#[derive(Clone, Debug, Serialize)]
pub struct ActiveToken {
    /// Always true.
    pub active: bool,
    /// `Bearer`, or `refresh_token`.
    pub token_type: &'static str,
    /// What the token says.
    #[serde(flatten)]
    pub says: Says,
}

/// What a token says.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Says {
    /// An access token: its claims.
    Access(Claims),
    /// A refresh token: the session that it holds.
    Refresh(RefreshSays),
}

/// What a refresh token says of its session.
#[derive(Clone, Debug, Serialize)]
pub struct RefreshSays {
    /// Who issued it.
    pub iss: IssuerUrl,
    /// Whom the session is for.
    pub sub: Subject,
    /// Which services may take its access tokens.
    pub aud: Audience,
    /// The session.
    pub sid: SessionId,
    /// Which client it belongs to.
    pub client_id: ClientId,
    /// What it allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeTokens>,
    /// When it was made.
    pub iat: NumericDate,
    /// When it expires unless used.
    pub exp: NumericDate,
}

/// Introspects tokens.
pub struct Introspector {
    verifier: Arc<Verifier>,
    sealer: Arc<TokenSealer>,
    journal: Arc<dyn Journal>,
    tokens: Arc<TokenPolicy>,
    expected: Expected,
}

impl Introspector {
    /// An introspector over the one verification path.
    pub fn new(
        verifier: Arc<Verifier>,
        sealer: Arc<TokenSealer>,
        journal: Arc<dyn Journal>,
        tokens: Arc<TokenPolicy>,
    ) -> Self {
        let expected = Expected {
            issuer: tokens.issuer.clone(),
            audience: AudienceRule::Any,
            typ: "at+jwt",
            leeway: tokens.leeway,
            max_lifetime: Some(tokens.longest_access_ttl),
            expiry: ExpiryRule::Enforced,
        };
        Self { verifier, sealer, journal, tokens, expected }
    }

    /// What the token says, for this caller: its own tokens, or any with `tokens:introspect`.
    pub fn introspect(&self, token: &str, caller: &Client, now: UnixMs) -> IntrospectionResponse {
        let says = if token.starts_with(TokenSealer::PREFIX) {
            self.live_session(token, now).map(|session| Says::Refresh(self.refresh_says(session)))
        } else {
            let verified = self.verifier.verify_at(token, &self.expected, now).ok();
            verified.map(|verified| Says::Access(verified.claims().clone()))
        };
        match says.filter(|says| may_see(caller, says.client_id())) {
            Some(says) => IntrospectionResponse::active(says),
            None => IntrospectionResponse::Inactive { active: false },
        }
    }

    /// What to revoke when this client asks for it (RFC 7009): its own tokens only, verified, expired ones included. An
    /// access token by itself; a refresh token with its whole session.
    pub fn revocable(&self, token: &str, caller: &Client, now: UnixMs) -> Option<Scope> {
        if token.starts_with(TokenSealer::PREFIX) {
            let session = self.sealer.open(token, now).ok()?;
            return (session.grant.client_id == caller.id).then_some(Scope::Sid(session.sid));
        }
        let expected = Expected { expiry: ExpiryRule::Ignored, ..self.expected.clone() };
        let verified = self.verifier.verify_at(token, &expected, now).ok()?;
        let claims = verified.claims();
        (claims.client_id == caller.id).then_some(Scope::Jti(claims.jti))
    }

    /// What to revoke when the holder of a refresh token logs out.
    pub fn sealed_session(&self, refresh_token: &str, now: UnixMs) -> Option<Scope> {
        self.sealer.open(refresh_token, now).ok().map(|session| Scope::Sid(session.sid))
    }

    fn live_session(&self, token: &str, now: UnixMs) -> Option<SealedSession> {
        let session = self.sealer.open(token, now).ok()?;
        let history = History::read(&*self.journal, &session, &self.tokens.revocable_claims).ok()?;
        let live = history.verdict(&session) == Verdict::Live;
        (live && now < session.idle_expires_at && now < session.absolute_expires_at).then_some(session)
    }

    fn refresh_says(&self, session: SealedSession) -> RefreshSays {
        let grant = session.grant;
        RefreshSays {
            iss: self.tokens.issuer.clone(),
            sub: grant.subject,
            aud: grant.audience,
            sid: session.sid,
            client_id: grant.client_id,
            scope: grant.scope,
            iat: NumericDate::from_ms(session.presented.minted),
            exp: NumericDate::from_ms(session.idle_expires_at.min(session.absolute_expires_at)),
        }
    }
}

impl IntrospectionResponse {
    fn active(says: Says) -> Self {
        let token_type = match says {
            Says::Access(_) => "Bearer",
            Says::Refresh(_) => "refresh_token",
        };
        Self::Active(Box::new(ActiveToken { active: true, token_type, says }))
    }
}

impl Says {
    fn client_id(&self) -> &ClientId {
        match self {
            Self::Access(claims) => &claims.client_id,
            Self::Refresh(says) => &says.client_id,
        }
    }
}

fn may_see(caller: &Client, owner: &ClientId) -> bool {
    caller.credential.is_confidential()
        && (caller.id == *owner || caller.permissions.contains(&Permission::TokensIntrospect))
}
