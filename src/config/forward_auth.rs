//! What proxies' requests must bring: `[[forward_auth]]`.

use std::collections::HashSet;
use std::sync::Arc;

use signet_verifier::{Audience, ScopeTokens};

use super::error::ConfigError;
use super::raw::RawForwardAuth;
use super::sources::Sources;
use crate::session::{Client, CookieName, ForwardAuthProfile, ProfileName, TokenPolicy};

const LIST: &str = "forward_auth";

/// Parses `[[forward_auth]]`, and adds the profile that always exists.
pub(super) fn parse(
    entries: &[RawForwardAuth],
    sources: &Sources,
) -> Result<Vec<ForwardAuthProfile>, ConfigError> {
    let mut seen = HashSet::new();
    let mut profiles = Vec::with_capacity(entries.len() + 1);
    for (index, entry) in entries.iter().enumerate() {
        let name = ProfileName::parse(&entry.profile)
            .map_err(|error| sources.list_error(LIST, &format!("{index}.profile"), error.to_string()))?;
        if !seen.insert(name.clone()) {
            return Err(sources.list_error(LIST, name.as_str(), "this profile is there twice"));
        }
        let refuse =
            |member: &str, problem: String| sources.list_error(LIST, &format!("{name}.{member}"), problem);
        profiles.push(ForwardAuthProfile {
            audience: audience(entry).map_err(|problem| refuse("audience", problem))?,
            scopes: scopes(entry).map_err(|problem| refuse("scopes", problem))?,
            cookie: cookie(entry).map_err(|problem| refuse("cookie", problem))?,
            name,
        });
    }
    if !seen.contains(ProfileName::DEFAULT) {
        profiles.push(ForwardAuthProfile::default());
    }
    Ok(profiles)
}

/// Profiles that let nobody through.
pub(super) fn warnings(
    profiles: &[ForwardAuthProfile],
    clients: &[Client],
    tokens: &TokenPolicy,
) -> Vec<String> {
    let issued = |audience: &Arc<str>| {
        clients
            .iter()
            .flat_map(|client| &client.audiences)
            .chain(&tokens.audiences)
            .any(|one| one == audience)
    };
    let unheard = profiles.iter().filter_map(|profile| {
        let audience = profile.audience.as_ref().filter(|audience| !issued(audience))?;
        Some(format!(
            "The forward-auth profile {} asks for the audience {audience:?}, which no client may ask for: it lets nobody through.",
            profile.name
        ))
    });
    unheard.collect()
}

fn audience(entry: &RawForwardAuth) -> Result<Option<Arc<str>>, String> {
    let Some(text) = &entry.audience else { return Ok(None) };
    let audience = Audience::new([text])
        .map_err(|_| format!("expected 1 to {} bytes without control characters", Audience::MAX_BYTES))?;
    Ok(audience.iter().next().cloned())
}

fn scopes(entry: &RawForwardAuth) -> Result<Option<ScopeTokens>, String> {
    if entry.scopes.is_empty() {
        return Ok(None);
    }
    let joined = ScopeTokens::parse(&entry.scopes.join(" ")).ok();
    let one_each = joined.filter(|_| !entry.scopes.iter().any(|scope| scope.contains(' ')));
    one_each.map(Some).ok_or_else(|| "expected different scope tokens, one a string (RFC 6749 §3.3)".into())
}

fn cookie(entry: &RawForwardAuth) -> Result<Option<CookieName>, String> {
    entry.cookie.as_deref().map(CookieName::parse).transpose().map_err(|error| error.to_string())
}
