//! Waiting until every verifier has said that it has something in force.

use std::time::Duration;

use signet_verifier::UnixMs;
use tokio::time::{self, Instant};

use super::hub::{Ack, State};
use super::registry::{Applied, Awaited};
use super::{Feed, frames};

/// How long verifiers have to answer before they are asked again: an answer may have been lost, or a stream begun after the
/// frame that asked.
const ASK_AGAIN: Duration = Duration::from_millis(250);

impl Feed {
    /// Waits until every verifier has everything before a place in force, or until the time is up; says who has not. Without
    /// any time it asks nobody.
    pub async fn applied(&self, awaited: Awaited, now: UnixMs) -> Applied {
        if awaited.timeout.is_zero() {
            return self.hub.standing(&awaited.position);
        }
        let _asking = self.expect();
        let mut reached = self.hub.reached();
        let began = Instant::now();
        let deadline = began + awaited.timeout;
        let place = self.hub.with(|state| state.place_of(&awaited.position));
        loop {
            let wake = self.ask(place, now.after(began.elapsed())).min(deadline);
            tokio::select! {
                biased;
                // Everybody, or the feed is closed and nobody will say any more.
                _ = reached.wait_for(|reached| reached.is_none_or(|reached| reached >= place)) => break,
                () = time::sleep_until(wake) => {
                    if Instant::now() >= deadline {
                        break;
                    }
                }
            }
        }
        self.hub.standing(&awaited.position)
    }

    /// Asks for acknowledgements where that is due; says when to look again. However many wait, verifiers are asked once for
    /// all of them.
    fn ask(&self, place: u64, server_time: UnixMs) -> Instant {
        self.hub.with(|state| {
            let now = Instant::now();
            state.members.expire(now);
            let due = next_question(state, place, now);
            if due <= now
                && state.members.lowest() < place
                && let Some(head) = state.head()
            {
                state.members.question(place, now);
                state.repeat(frames::heartbeat(head, server_time, Ack::Asked));
            }
            let again = if due <= now { now + ASK_AGAIN } else { due };
            state.members.next_expiry().map_or(again, |expiry| again.min(expiry))
        })
    }
}

/// At once if the frame of this place has gone out and did not ask. If it has not gone out, it will ask; if it did ask, the
/// answers may be under way.
fn next_question(state: &State, place: u64, now: Instant) -> Instant {
    let has_gone_out = state.head().is_some_and(|head| head.position.seq >= place);
    match state.asked {
        Some((asked, at)) if asked >= place => at + ASK_AGAIN,
        _ if has_gone_out => now,
        _ => now + ASK_AGAIN,
    }
}
