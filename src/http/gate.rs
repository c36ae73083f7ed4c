//! Slows down guessing of client secrets: failures are counted per network and client, and too many in a minute close
//! the gate for that pair before the next secret is looked at.
//!
//! The pair matters: somebody who fails from one address locks out neither the same client elsewhere nor other clients
//! behind the same address. Every failure also counts for its network, in the same window, and that count is all that
//! names which nobody registered have. So whoever has no right secret hears the same for a registered name and for any
//! other: the gate does not tell which clients there are.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use signet_verifier::{ClientId, UnixMs};

/// How many failures within [`WINDOW`] close the gate.
const FAILURES: u32 = 20;
/// How long failures count, from the first one on.
const WINDOW: Duration = Duration::from_mins(1);
/// How many pairs are remembered, the latest: a full house does not keep a new suspect out. Evicting one forgives at most
/// twenty failures to a guesser with as many networks.
const REMEMBERED: u64 = 65_536;

/// Whose failures are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Suspect {
    network: Option<IpAddr>,
    client: Option<ClientId>,
}

impl Suspect {
    /// Attempts from this address for this registered client, or for any unknown name. One customer's IPv6 network is a
    /// /64: its addresses are one suspect.
    pub(crate) fn new(address: Option<IpAddr>, client: Option<&ClientId>) -> Self {
        let network = address.map(|address| match address.to_canonical() {
            IpAddr::V4(v4) => IpAddr::V4(v4),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        });
        Self { network, client: client.cloned() }
    }
}

#[derive(Clone, Copy)]
struct Window {
    since: UnixMs,
    failures: u32,
}

impl Window {
    fn is_over(self, now: UnixMs) -> bool {
        now.since(self.since) >= WINDOW
    }

    fn rest(self, now: UnixMs) -> Duration {
        WINDOW.saturating_sub(now.since(self.since))
    }
}

/// The counters of failed client authentication.
pub struct Gate(Cache<Suspect, Window>);

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Gate {
    /// A gate that has seen no failure.
    pub fn new() -> Self {
        Self::remembering(REMEMBERED)
    }

    fn remembering(suspects: u64) -> Self {
        // The usual policy of this cache lets nobody in who is not asked for more often than those inside.
        let policy = EvictionPolicy::lru();
        Self(Cache::builder().max_capacity(suspects).eviction_policy(policy).build())
    }

    /// Lets an attempt pass, or says how long to wait.
    pub(crate) fn check(&self, suspect: &Suspect, now: UnixMs) -> Result<(), Duration> {
        match self.0.get(suspect) {
            Some(window) if window.failures >= FAILURES && !window.is_over(now) => Err(window.rest(now)),
            Some(_) | None => Ok(()),
        }
    }

    /// Counts a failure. Says how long to wait if an unknown name would have been told so: then this one is, too.
    pub(crate) fn failed(&self, suspect: &Suspect, now: UnixMs) -> Result<(), Duration> {
        let everybody = Suspect { network: suspect.network, client: None };
        let window = self.count(&everybody, now, |window| !window.is_over(now));
        if suspect.client.is_some() {
            // One window for both counts: the client's is never closed while the network's is open.
            self.count(suspect, window.since, |own| own.since == window.since);
        }
        if window.failures > FAILURES { Err(window.rest(now)) } else { Ok(()) }
    }

    /// Adds one to the window that is current, or begins another.
    fn count(&self, suspect: &Suspect, begin: UnixMs, is_current: impl Fn(&Window) -> bool) -> Window {
        let entry = self.0.entry_by_ref(suspect).and_upsert_with(|known| {
            let current = known.map(moka::Entry::into_value).filter(&is_current);
            let Window { since, failures } = current.unwrap_or(Window { since: begin, failures: 0 });
            Window { since, failures: failures.saturating_add(1) }
        });
        entry.into_value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMs = UnixMs::from_secs(1_800_000_000);

    fn suspect(address: &str, client: Option<&str>) -> Suspect {
        let client = client.map(|id| ClientId::parse(id).unwrap());
        Suspect::new(Some(address.parse().unwrap()), client.as_ref())
    }

    fn fail(gate: &Gate, suspect: &Suspect, times: u32) {
        for _ in 0..times {
            gate.failed(suspect, NOW).unwrap_or_default();
        }
    }

    #[test]
    fn the_twentieth_failure_within_a_minute_closes_the_gate_until_the_minute_is_over() {
        let gate = Gate::new();
        let guesser = suspect("192.0.2.1", Some("app"));
        fail(&gate, &guesser, 19);
        assert_eq!(gate.check(&guesser, NOW), Ok(()));
        fail(&gate, &guesser, 1);
        assert_eq!(gate.check(&guesser, NOW.after(Duration::from_secs(59))), Err(Duration::from_secs(1)));
        assert_eq!(gate.check(&guesser, NOW.after(WINDOW)), Ok(()));
        assert_eq!(gate.failed(&guesser, NOW.after(WINDOW)), Ok(()));
        assert_eq!(gate.check(&guesser, NOW.after(WINDOW)), Ok(()), "a new window begins with one failure");
    }

    #[test]
    fn the_same_client_elsewhere_and_other_clients_here_are_not_locked_out() {
        let gate = Gate::new();
        fail(&gate, &suspect("192.0.2.1", Some("app")), FAILURES);
        assert!(gate.check(&suspect("192.0.2.1", Some("app")), NOW).is_err());
        assert_eq!(gate.check(&suspect("192.0.2.2", Some("app")), NOW), Ok(()));
        assert_eq!(gate.check(&suspect("192.0.2.1", Some("other")), NOW), Ok(()));
        assert_eq!(gate.check(&suspect("192.0.2.2", None), NOW), Ok(()));
    }

    #[test]
    fn a_house_full_of_suspects_keeps_no_new_one_out() {
        let gate = Gate::remembering(100);
        for n in 0..150 {
            // Well known: seen again and again.
            fail(&gate, &suspect(&format!("198.51.100.{n}"), None), 40);
        }
        gate.0.run_pending_tasks();
        assert!(gate.0.entry_count() <= 100, "the house has a size");
        let guesser = suspect("192.0.2.1", None);
        for _ in 0..FAILURES {
            fail(&gate, &guesser, 1);
            gate.0.run_pending_tasks();
        }
        assert!(gate.check(&guesser, NOW).is_err());
    }

    #[test]
    fn addresses_of_one_v6_network_and_mapped_v4_addresses_are_one_suspect() {
        assert_eq!(suspect("2001:db8::1", None), suspect("2001:db8::ffff:1", None));
        assert_ne!(suspect("2001:db8::1", None), suspect("2001:db8:0:1::1", None));
        assert_eq!(suspect("::ffff:192.0.2.1", None), suspect("192.0.2.1", None));
    }
}
