//! Who says whether a token is good.

use std::sync::Arc;

use signet_verifier::{Refusal, Verified};

/// Verifies tokens for forward-auth, and says when it does not know enough to.
///
/// This node is one ([`ThisNode`](super::ThisNode)); a [`LiveVerifier`](signet_verifier::LiveVerifier), which follows a
/// node, can be another.
pub trait Authority: Send + Sync + 'static {
    /// What is asked of a token, made once for each profile.
    type Expected: Send + Sync + 'static;

    /// What to ask of a token for this audience; `None`: for any audience that tokens are issued for.
    fn expects(&self, audience: Option<&Arc<str>>) -> Self::Expected;

    /// Verifies a token, revocations included.
    fn verify(
        &self,
        token: &str,
        expected: &Self::Expected,
    ) -> impl Future<Output = Result<Verified, Refusal>>;
}
