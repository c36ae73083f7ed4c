//! What both integrations do with a request: find its token, have it verified, see whether it allows enough.

use std::sync::Arc;

use crate::rejection::{Cause, Rejection};
use crate::sync::{Check, LiveVerifier};
use crate::verifier::Verified;

/// What is asked of a request.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    scope: Option<Arc<str>>,
    realm: Arc<str>,
    check: Option<Check>,
}

impl Default for Admission {
    fn default() -> Self {
        Self { scope: None, realm: Rejection::DEFAULT_REALM.into(), check: None }
    }
}

impl Admission {
    /// One more scope, or several separated by spaces. A text that is no scope is one that no token has.
    pub(crate) fn scope(self, scope: &str) -> Self {
        let all = match &self.scope {
            Some(others) => format!("{others} {scope}").into(),
            None => scope.into(),
        };
        Self { scope: Some(all), ..self }
    }

    /// As what the protected space is known.
    pub(crate) fn realm(self, realm: &str) -> Self {
        Self { realm: realm.into(), ..self }
    }

    /// Other settings than the verifier's.
    pub(crate) fn check(self, check: Check) -> Self {
        Self { check: Some(check), ..self }
    }

    /// Whether this asks for more than the verifier does by itself: then another's verdict does not stand for ours.
    #[cfg(feature = "actix")]
    pub(crate) fn is_particular(&self) -> bool {
        self.check.is_some()
    }

    /// Verifies the token and sees whether it allows enough.
    pub(crate) async fn admit(&self, verifier: &LiveVerifier, token: &str) -> Result<Verified, Rejection> {
        let verified = match &self.check {
            Some(check) => verifier.check_with(token, check).await,
            None => verifier.check(token).await,
        };
        let verified = verified.map_err(|refusal| self.reject(refusal))?;
        self.allow(&verified)?;
        Ok(verified)
    }

    /// Whether each scope that is asked for is among the token's, whole.
    pub(crate) fn allow<C>(&self, verified: &Verified<C>) -> Result<(), Rejection> {
        let Some(needed) = &self.scope else { return Ok(()) };
        let granted = verified.claims().scope.as_ref();
        let has = |token: &str| granted.is_some_and(|scope| scope.iter().any(|known| known == token));
        if needed.split(' ').all(has) { Ok(()) } else { Err(self.reject(Cause::Scope(Arc::clone(needed)))) }
    }

    /// A refusal within this realm.
    pub(crate) fn reject(&self, cause: impl Into<Cause>) -> Rejection {
        Rejection::new(cause).within(Arc::clone(&self.realm))
    }
}

/// The token in the values of the `Authorization` headers: one value, the scheme in any case, one space, and then what the
/// verifier reads strictly (it takes no character that base64url and dots do not have).
pub(crate) fn bearer<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Result<&'a str, Cause> {
    let mut values = values.into_iter();
    let value = values.next().ok_or(Cause::NoToken)?;
    let text = std::str::from_utf8(value).map_err(|_| Cause::Unreadable)?;
    match (text.split_once(' '), values.next()) {
        (Some((scheme, token)), None) if scheme.eq_ignore_ascii_case("bearer") => Ok(token),
        (_, _) => Err(Cause::Unreadable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(values: &[&'a str]) -> Result<&'a str, Cause> {
        bearer(values.iter().map(|value| value.as_bytes()))
    }

    #[test]
    fn the_scheme_is_read_in_any_case() {
        for line in ["Bearer a.b.c", "bearer a.b.c", "BEARER a.b.c"] {
            assert_eq!(read(&[line]), Ok("a.b.c"), "{line}");
        }
    }

    #[test]
    fn what_is_not_one_bearer_token_is_not_guessed_at() {
        assert_eq!(read(&[]), Err(Cause::NoToken));
        for values in
            [&["Bearer"][..], &[""], &["Basic YTpi"], &["a.b.c"], &["Bearer a", "Bearer a"], &["Bearer\ta"]]
        {
            assert_eq!(read(values), Err(Cause::Unreadable), "{values:?}");
        }
        assert_eq!(bearer([&b"Bearer \xff"[..]]), Err(Cause::Unreadable));
    }

    #[test]
    fn a_second_space_belongs_to_the_token_which_no_token_has() {
        assert_eq!(read(&["Bearer  a.b.c"]), Ok(" a.b.c"));
    }
}
