//! Randomness, handed in like the clock, so that tests can repeat a run.

use crate::crypto::rand::{SecureRandom, SystemRandom as BackendRandom};

/// Where random bytes come from.
pub trait Random: Send + Sync {
    /// Fills `out` with bytes that nobody can guess.
    fn fill(&self, out: &mut [u8]);
}

/// The crypto backend's generator, seeded by the operating system.
#[derive(Debug)]
pub struct SystemRandom(BackendRandom);

impl SystemRandom {
    /// The generator.
    pub fn new() -> Self {
        Self(BackendRandom::new())
    }
}

impl Default for SystemRandom {
    fn default() -> Self {
        Self::new()
    }
}

impl Random for SystemRandom {
    #[expect(clippy::expect_used, reason = "a process without entropy must not go on issuing tokens")]
    fn fill(&self, out: &mut [u8]) {
        self.0.fill(out).expect("the system's random generator failed");
    }
}

/// So many random bytes.
pub fn bytes<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut out = [0; N];
    random.fill(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        let random = SystemRandom::new();
        assert_ne!(bytes::<16>(&random), bytes::<16>(&random));
        assert_ne!(bytes::<16>(&random), [0; 16]);
    }
}
