//! The one path from a token's text to a token that is believed.
//!
//! `split → header (typ, crit, alg, kid) → key by kid, key.alg == alg → signature → claims → iss → aud → exp/iat →
//! denied?`, in this order. Issuer, introspection, proxies and embedders all walk it. What does not depend on the caller
//! (the signature's verdict and the parsed claims) is remembered under the token's SHA-256 and the key set's version;
//! everything else is checked on every call.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::algorithm::Algorithm;
use crate::claims::{Claims, CustomClaims};
use crate::clock::UnixMs;
use crate::crypto::sha256;
#[cfg(feature = "client")]
use crate::denylist::Succession;
use crate::denylist::{Denylist, ScopeKeys};
use crate::error::VerifyError;
use crate::expected::Expected;
use crate::header::Header;
#[cfg(feature = "client")]
use crate::id::KeyId;
use crate::jws::CompactJws;
use crate::key_source::KeySource;
use crate::known_headers::{KnownHeader, KnownHeaders};
use crate::token_cache::TokenCache;

/// A token that has been believed. Only [`Verifier`] makes one.
///
/// `C` is the caller's type for the custom claims: see [`Verified::typed`].
#[derive(Clone, Debug)]
pub struct Verified<C = ()> {
    token: Arc<CheckedToken>,
    custom: C,
}

impl<C> Verified<C> {
    /// The claims.
    pub fn claims(&self) -> &Claims {
        &self.token.claims
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.token.header
    }

    /// The custom claims in the caller's type.
    pub fn custom(&self) -> &C {
        &self.custom
    }

    /// Reads the custom claims into a type of the caller's; what does not fit is `ClaimsMalformed`. Any fit `()`.
    pub fn typed<T: DeserializeOwned>(self) -> Result<Verified<T>, VerifyError> {
        let custom = CustomClaims(self.token.claims.custom.clone());
        let custom = T::deserialize(custom).map_err(|_| VerifyError::ClaimsMalformed)?;
        Ok(Verified { token: self.token, custom })
    }
}

#[cfg(feature = "client")]
impl<C> Verified<C> {
    /// The denylists by which a live verifier would take it back.
    pub(crate) fn succession(&self) -> Option<&Arc<Succession>> {
        self.token.succession.as_ref()
    }

    /// The key that its signature fits.
    pub(crate) fn kid(&self) -> &KeyId {
        &self.token.kid
    }
}

/// A token whose signature fits a key of ours: remembered, not yet believed.
#[derive(Debug)]
pub(crate) struct CheckedToken {
    pub(crate) header: Arc<Header>,
    pub(crate) claims: Claims,
    pub(crate) scopes: ScopeKeys,
    #[cfg(feature = "client")]
    pub(crate) kid: KeyId,
    /// With the token, not with each answer: there it costs nothing a call.
    #[cfg(feature = "client")]
    pub(crate) succession: Option<Arc<Succession>>,
}

/// Verifies access tokens.
pub struct Verifier {
    keys: Arc<dyn KeySource>,
    denylist: Arc<Denylist>,
    headers: KnownHeaders,
    remembered: TokenCache,
    #[cfg(feature = "client")]
    succession: Option<Arc<Succession>>,
}

impl Verifier {
    /// How many tokens are remembered unless said otherwise.
    pub const DEFAULT_REMEMBERED: usize = 16_384;

    /// A verifier over these keys and this denylist.
    pub fn new(keys: Arc<dyn KeySource>, denylist: Arc<Denylist>) -> Self {
        Self::remembering(keys, denylist, Self::DEFAULT_REMEMBERED)
    }

    /// A verifier that remembers about `capacity` tokens (0: none).
    pub fn remembering(keys: Arc<dyn KeySource>, denylist: Arc<Denylist>, capacity: usize) -> Self {
        Self {
            keys,
            denylist,
            headers: KnownHeaders::default(),
            remembered: TokenCache::new(capacity),
            #[cfg(feature = "client")]
            succession: None,
        }
    }

    /// The same, its tokens knowing by which denylists they may be taken back later.
    #[cfg(feature = "client")]
    pub(crate) fn watched(self, succession: Arc<Succession>) -> Self {
        Self { succession: Some(succession), ..self }
    }

    /// The denylist that it consults.
    pub fn denylist(&self) -> &Arc<Denylist> {
        &self.denylist
    }

    /// Checks a token against what the caller expects of it, as of `now`.
    ///
    /// # Errors
    /// The first check that fails, in the order of [`VerifyError`]'s variants.
    pub fn verify_at(&self, token: &str, expected: &Expected, now: UnixMs) -> Result<Verified, VerifyError> {
        let token = self.checked(token, expected)?;
        expected.check_claims(&token.claims, now)?;
        match self.denylist.denies(&token.scopes) {
            Some(by) => Err(VerifyError::Revoked { by }),
            None => Ok(Verified { token, custom: () }),
        }
    }

    /// The steps up to the parsed claims, or their remembered outcome. Refusals are not remembered: they are cheap to
    /// repeat, and strangers could fill the memory with them.
    fn checked(&self, token: &str, expected: &Expected) -> Result<Arc<CheckedToken>, VerifyError> {
        if token.len() > CompactJws::MAX_BYTES {
            return Err(VerifyError::TooLong);
        }
        // Read before the key is looked up: a swap in between makes what is remembered void, never wrong.
        let version = self.keys.version();
        if self.remembered.is_off() {
            return self.check(token, expected, version).map(Arc::new);
        }
        let digest = sha256(token.as_bytes());
        if let Some(known) = self.remembered.get(&digest, version) {
            expected.check_header(&known.header)?;
            return Ok(known);
        }
        let checked = Arc::new(self.check(token, expected, version)?);
        self.remembered.insert(digest, version, Arc::clone(&checked));
        Ok(checked)
    }

    fn check(&self, token: &str, expected: &Expected, version: u64) -> Result<CheckedToken, VerifyError> {
        let jws = CompactJws::split(token)?;
        let known = if let Some(known) = self.headers.find(&jws.header, version) {
            expected.check_header(&known.header)?;
            jws.verify(&known.key)?;
            known
        } else {
            let new = Arc::new(self.read_header(&jws, expected, version)?);
            jws.verify(&new.key)?;
            self.headers.insert(&new);
            new
        };
        let mut claims = Claims::parse(&jws.payload)?;
        expected.share_texts(&mut claims);
        let scopes = self.denylist.keys_of(&claims, known.key.kid());
        Ok(CheckedToken {
            header: Arc::clone(&known.header),
            claims,
            scopes,
            #[cfg(feature = "client")]
            kid: known.key.kid().clone(),
            #[cfg(feature = "client")]
            succession: self.succession.clone(),
        })
    }

    fn read_header(
        &self,
        jws: &CompactJws<'_>,
        expected: &Expected,
        version: u64,
    ) -> Result<KnownHeader, VerifyError> {
        let header = Header::parse(&jws.header)?;
        expected.check_header(&header)?;
        let algorithm = header.alg.as_deref().and_then(Algorithm::from_name).ok_or(VerifyError::Algorithm)?;
        let kid = header.kid.as_deref().ok_or(VerifyError::KeyIdMissing)?;
        let key = self.keys.find(kid).ok_or(VerifyError::KeyUnknown)?;
        if key.algorithm() != algorithm {
            return Err(VerifyError::KeyAlgorithm);
        }
        Ok(KnownHeader { bytes: jws.header.clone(), version, header: Arc::new(header), key })
    }
}
