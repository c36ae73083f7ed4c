//! Something done again and again: its failure is logged once, and so is its recovery.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};

/// Remembers whether the last attempt failed.
pub(super) struct Watch {
    what: &'static str,
    failing: AtomicBool,
}

impl Watch {
    /// Nothing has failed yet. `what` completes "cannot …".
    pub(super) const fn new(what: &'static str) -> Self {
        Self { what, failing: AtomicBool::new(false) }
    }

    /// Takes note of an attempt and hands its value through.
    pub(super) fn note<T, E: Error + 'static>(&self, attempt: Result<T, E>) -> Option<T> {
        match attempt {
            Ok(value) => {
                if self.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("can {} again", self.what);
                }
                Some(value)
            }
            Err(error) => {
                if !self.failing.swap(true, Ordering::Relaxed) {
                    tracing::error!(error = &error as &(dyn Error + 'static), "cannot {}", self.what);
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_are_remembered() {
        let watch = Watch::new("sweep");
        assert_eq!(watch.note(Ok::<_, std::fmt::Error>(1)), Some(1));
        assert_eq!(watch.note(Err::<i32, _>(std::fmt::Error)), None);
        assert!(watch.failing.load(Ordering::Relaxed));
        assert_eq!(watch.note(Ok::<_, std::fmt::Error>(2)), Some(2));
        assert!(!watch.failing.load(Ordering::Relaxed));
    }
}
