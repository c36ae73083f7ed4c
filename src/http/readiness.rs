//! Whether requests should come to this node: flags that the composition root sets and `/readyz` reads.

use std::sync::atomic::{AtomicU8, Ordering};

/// Something that must hold before requests are welcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// The revocations have been loaded from the store.
    StoreLoaded,
    /// The key ring has been loaded.
    KeysLoaded,
}

impl Requirement {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::StoreLoaded, Self::KeysLoaded];

    fn bit(self) -> u8 {
        match self {
            Self::StoreLoaded => 1,
            Self::KeysLoaded => 2,
        }
    }

    fn waiting_for(self) -> &'static str {
        match self {
            Self::StoreLoaded => "revocations are not loaded yet",
            Self::KeysLoaded => "keys are not loaded yet",
        }
    }
}

const SHUTTING_DOWN: u8 = 0x80;

/// The flags, all down at first.
#[derive(Debug, Default)]
pub struct Readiness(AtomicU8);

impl Readiness {
    /// The requirement holds from now on.
    pub fn reached(&self, requirement: Requirement) {
        self.0.fetch_or(requirement.bit(), Ordering::SeqCst);
    }

    /// The requirement does not hold any more.
    pub fn lost(&self, requirement: Requirement) {
        self.0.fetch_and(!requirement.bit(), Ordering::SeqCst);
    }

    /// The process is about to end; there is no way back.
    pub fn shut_down(&self) {
        self.0.fetch_or(SHUTTING_DOWN, Ordering::SeqCst);
    }

    /// Whether every requirement holds; also while the process is about to end, for requests in flight.
    pub fn is_loaded(&self) -> bool {
        let all = Requirement::ALL.into_iter().fold(0, |bits, requirement| bits | requirement.bit());
        self.0.load(Ordering::SeqCst) & all == all
    }

    /// What stands in the way; empty means ready.
    pub fn obstacles(&self) -> Vec<&'static str> {
        let flags = self.0.load(Ordering::SeqCst);
        let missing = Requirement::ALL.into_iter().filter(|requirement| flags & requirement.bit() == 0);
        let stopping = (flags & SHUTTING_DOWN != 0).then_some("the service is shutting down");
        missing.map(Requirement::waiting_for).chain(stopping).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_requirement_and_no_shutdown_make_a_node_ready() {
        let readiness = Readiness::default();
        assert_eq!(readiness.obstacles().len(), 2);
        readiness.reached(Requirement::KeysLoaded);
        assert_eq!(readiness.obstacles(), ["revocations are not loaded yet"]);
        readiness.reached(Requirement::StoreLoaded);
        assert!(readiness.obstacles().is_empty());
        assert!(readiness.is_loaded());
        readiness.lost(Requirement::KeysLoaded);
        assert!(!readiness.is_loaded());
        assert_eq!(readiness.obstacles(), ["keys are not loaded yet"]);
        readiness.reached(Requirement::KeysLoaded);
        readiness.shut_down();
        assert_eq!(readiness.obstacles(), ["the service is shutting down"]);
        assert!(readiness.is_loaded(), "requests in flight are answered");
    }
}
