//! The refresh rule: one register per session, and one pure function that decides.
//!
//! A refresh token names its parent, so all that can be asked about a presented token is where it stands relative to
//! the newest one ever presented, which the [`Register`] remembers: its child, itself again, a sibling, the parent,
//! or something else. A client that lost a response, or that refreshes from several tabs, moves within these few
//! places and within a window of time; two holders of one token cannot, because as soon as they refresh further apart
//! than the window they hold *different* children, and whoever presents second is a sibling.
//!
//! [`decide`] is that table, one function per group of rows. It never waits, stores or reads a clock: the store loads a
//! register, swaps in the one returned, and on a lost swap the caller decides again.
//!
//! Nodes need not agree on the time. Every comparison saturates: what a faster clock wrote counts as just written.
//! Two nodes `s` apart move each edge of the window by `s`, so concurrency is tolerated for the window less `s`.

mod outcome;
mod stored;

use signet_verifier::UnixMs;
use std::time::Duration;

pub use outcome::{Outcome, Theft};

/// The id of one refresh token: 16 bytes, random at the root and a keyed hash of its parent's id after that.
pub type RefreshId = [u8; 16];

/// What a presented refresh token says of itself. It is genuine: it was sealed by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presented {
    /// How many steps from the root; the root is 0.
    pub generation: u32,
    /// Its own id.
    pub id: RefreshId,
    /// The id of the token that it was made from; zeros for the root.
    pub parent: RefreshId,
    /// When it was made.
    pub minted: UnixMs,
}

/// What is stored per session that ever refreshed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// Of the newest token presented.
    pub current: Presented,
    /// When it was first presented.
    pub at: UnixMs,
    /// When its newest child was minted.
    pub since: UnixMs,
    /// How often its child has been minted anew.
    pub remints: u8,
    /// The leaky count of re-mints and stragglers over the session.
    pub contested: u8,
    /// Whether this generation had any.
    pub noisy: bool,
}

/// So many windows apart, two children of one parent are still one client's race: one window for the requests, one
/// for the answers.
const CLOSE_WINDOWS: u32 = 2;

/// So many re-mints may displace an outstanding child. An owner whose answers are lost re-mints too, but then holds
/// the newest child; only somebody polling the parent leaves an owner with an old one. Tied to nothing but patience:
/// one more costs a polling thief one more window.
const DISPLACED: u8 = 3;

/// So high may the leaky count of re-mints and stragglers rise. A thief who follows each step of the owner costs two
/// or more a step; with [`CALM`] it is what an owner who loses 60 % of the answers does not reach. Must stay below
/// `u8::MAX`, where the count saturates.
const CONTEST: u8 = 48;

/// What a step of a generation without re-mints or stragglers takes off the count: an eighth of [`CONTEST`], so that
/// eight quiet steps forgive everything.
const CALM: u8 = 6;

/// The refresh rule; `window` is W of the design.
///
/// The second value is the register to store in place of the one given; `None` if nothing is to be written.
pub fn decide(
    register: Option<&Register>,
    presented: &Presented,
    window: Duration,
    now: UnixMs,
) -> (Outcome, Option<Register>) {
    let Some(register) = register else {
        return behind(None, presented, window, now);
    };
    let question = Question { register, presented, window, now };
    match i64::from(presented.generation) - i64::from(register.current.generation) {
        2.. => behind(Some(register), presented, window, now),
        1 => question.of_child(),
        0 => question.of_same_generation(),
        -1 => question.of_parent(),
        _ => theft(Theft::Stale),
    }
}

/// The rule for a token whose session was kept when everything else was signed out, against the register of the session
/// that goes on from `root`. It is the root's parent: as long as the root has not been presented its holder may have lost
/// the answer, and for a window after that it may be late. Later only a copy explains it.
pub fn decide_kept(
    register: Option<&Register>,
    root: &Presented,
    window: Duration,
    now: UnixMs,
) -> Result<(), Theft> {
    match register {
        None => Ok(()),
        Some(register) if register.current.id == root.id && now.since(register.at) <= window => Ok(()),
        Some(_) => Err(Theft::Stale),
    }
}

/// First refresh, or the store lost writes. What is left of the contention count goes on.
///
/// A child made within the window is too soon here as well: its parent was presented then, though the store forgot it.
/// Else two tabs could step twice within one window, and an answer on its way would put a stale token into the client's
/// store. A root has no parent: it may be refreshed at once.
fn behind(
    register: Option<&Register>,
    presented: &Presented,
    window: Duration,
    now: UnixMs,
) -> (Outcome, Option<Register>) {
    if presented.generation > 0 && now.since(presented.minted) <= window {
        return (Outcome::TooSoon, None);
    }
    (Outcome::Behind { since: now }, Some(step(register, presented, now)))
}

/// The register after `presented` became current.
fn step(register: Option<&Register>, presented: &Presented, now: UnixMs) -> Register {
    let contested = match register {
        None => 0,
        Some(register) if register.noisy => register.contested,
        Some(register) => register.contested.saturating_sub(CALM),
    };
    Register { current: *presented, at: now, since: now, remints: 0, contested, noisy: false }
}

/// A theft moves nothing: the session is to be revoked, and if the policy only reports, the rule stays as strict.
fn theft(kind: Theft) -> (Outcome, Option<Register>) {
    (Outcome::Theft(kind), None)
}

/// A presented token against the register of its session, within one generation of it.
struct Question<'a> {
    register: &'a Register,
    presented: &'a Presented,
    window: Duration,
    now: UnixMs,
}

impl Question<'_> {
    /// A child of the current token, or of one of its siblings.
    fn of_child(&self) -> (Outcome, Option<Register>) {
        if self.presented.parent != self.register.current.id {
            return theft(Theft::Fork);
        }
        if self.young() {
            return (Outcome::TooSoon, None);
        }
        if self.displaced() {
            return theft(Theft::Displaced);
        }
        let next = step(Some(self.register), self.presented, self.now);
        (Outcome::Advance { since: self.now }, Some(next))
    }

    /// The current token again, or a token beside it.
    fn of_same_generation(&self) -> (Outcome, Option<Register>) {
        if self.presented.id == self.register.current.id {
            return self.of_current();
        }
        let sibling = self.presented.parent == self.register.current.parent;
        if sibling && (self.young() || self.minted_close_to_current()) {
            return self.straggler();
        }
        theft(Theft::Sibling)
    }

    /// The current token again: the same child within the window, a new one later.
    fn of_current(&self) -> (Outcome, Option<Register>) {
        let since = self.register.since;
        if self.now.since(since) <= self.window {
            return (Outcome::Again { since }, None);
        }
        let remints = self.register.remints.saturating_add(1);
        let reminted = Register { since: self.now, remints, ..*self.register };
        contested(Outcome::Remint { since: self.now }, &reminted)
    }

    /// The parent of the current token, or another token of the generation before.
    fn of_parent(&self) -> (Outcome, Option<Register>) {
        if self.presented.id == self.register.current.parent && self.young() {
            return self.straggler();
        }
        theft(Theft::Stale)
    }

    fn straggler(&self) -> (Outcome, Option<Register>) {
        contested(Outcome::Straggler { current: self.register.current }, self.register)
    }

    /// Whether the current token was first presented within the window.
    fn young(&self) -> bool {
        self.now.since(self.register.at) <= self.window
    }

    /// Whether both tokens can come from one client's race, in whichever order they were minted.
    fn minted_close_to_current(&self) -> bool {
        let (a, b) = (self.presented.minted, self.register.current.minted);
        a.since(b).max(b.since(a)) <= self.close()
    }

    /// Whether the presented child was overtaken by more re-mints than an owner makes.
    fn displaced(&self) -> bool {
        let overtaken = self.register.since.since(self.presented.minted) > self.close();
        overtaken && self.register.remints > DISPLACED
    }

    fn close(&self) -> Duration {
        self.window.saturating_mul(CLOSE_WINDOWS)
    }
}

/// Counts a re-mint or straggler, and answers with it unless it was one too many.
fn contested(outcome: Outcome, register: &Register) -> (Outcome, Option<Register>) {
    let contested = register.contested.saturating_add(1);
    if contested > CONTEST {
        return theft(Theft::Contested);
    }
    (outcome, Some(Register { contested, noisy: true, ..*register }))
}

#[cfg(test)]
mod tests;
