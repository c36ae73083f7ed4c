//! What a token is checked against: a verifier with its denylist, and what the service publishes of its tokens.

use std::sync::Arc;

use super::state::Settings;
use crate::denylist::{Denylist, Succession};
use crate::expected::{AudienceRule, Expected, ExpiryRule};
use crate::feed::Limits;
use crate::key_source::CachedKeys;
use crate::verifier::Verifier;

/// Replaced whole when the service publishes other limits.
pub(super) struct Knowledge {
    pub(super) verifier: Arc<Verifier>,
    pub(super) expected: Expected,
    /// `None` before the first snapshot.
    pub(super) limits: Option<Arc<Limits>>,
}

impl Knowledge {
    /// What is known before anything was heard: no token is believed by it, and bad ones are known as such.
    pub(super) fn before_all(settings: &Settings, keys: &Arc<CachedKeys>) -> (Self, Arc<Succession>) {
        let denylist = Arc::new(Denylist::default());
        let succession = Arc::new(Succession::new(Arc::clone(&denylist)));
        let verifier = verifier(settings, keys, denylist, &succession);
        let expected = Expected {
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            typ: "at+jwt",
            leeway: settings.leeway.unwrap_or(Expected::DEFAULT_LEEWAY),
            max_lifetime: None,
            expiry: ExpiryRule::Enforced,
        };
        (Self { verifier, expected, limits: None }, succession)
    }

    /// The same denylist under other limits.
    pub(super) fn under(&self, limits: &Limits, settings: &Settings) -> Self {
        let leeway = settings.leeway.map_or(limits.leeway, |asked| asked.min(limits.leeway));
        let max_lifetime = Some(limits.longest_access_ttl);
        Self {
            verifier: Arc::clone(&self.verifier),
            expected: Expected { leeway, max_lifetime, ..self.expected.clone() },
            limits: Some(Arc::new(limits.clone())),
        }
    }

    /// Another denylist in place of this one, filled, for other revocable claims. What was remembered of tokens is looked up
    /// by the old one's keys and is left behind with it.
    pub(super) fn with_denylist(
        self,
        denylist: Arc<Denylist>,
        settings: &Settings,
        keys: &Arc<CachedKeys>,
        succession: &Arc<Succession>,
    ) -> Self {
        Self { verifier: verifier(settings, keys, denylist, succession), ..self }
    }

    /// Whether the denylist looks tokens up by these claims.
    pub(super) fn can_revoke_by(&self, limits: &Limits) -> bool {
        let known = self.limits.as_ref().map_or(&[][..], |known| &known.revocable_claims);
        let each_in = |some: &[String], all: &[String]| some.iter().all(|name| all.contains(name));
        each_in(known, &limits.revocable_claims) && each_in(&limits.revocable_claims, known)
    }

    /// Whether more leeway is allowed than entries have been kept for.
    pub(super) fn forgets_too_soon_for(&self, limits: &Limits) -> bool {
        self.limits.as_ref().is_some_and(|known| known.leeway < limits.leeway)
    }

    /// What a caller expects that is another audience.
    pub(super) fn expected_by(&self, audience: &AudienceRule) -> Expected {
        Expected { audience: audience.clone(), ..self.expected.clone() }
    }

    pub(super) fn denylist(&self) -> &Arc<Denylist> {
        self.verifier.denylist()
    }
}

fn verifier(
    settings: &Settings,
    keys: &Arc<CachedKeys>,
    denylist: Arc<Denylist>,
    succession: &Arc<Succession>,
) -> Arc<Verifier> {
    let keys = Arc::clone(keys);
    let verifier = Verifier::remembering(keys, denylist, settings.remembered);
    Arc::new(verifier.watched(Arc::clone(succession)))
}
