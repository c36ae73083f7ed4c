//! What is known now: shared by the tasks that learn and the calls that verify.

/// Shared by all clones of a verifier and, weakly, by its tasks.
pub(super) struct State {}
