//! Who is at the other end: the socket's peer, or whom a trusted proxy names.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, USER_AGENT};

use super::Services;
use crate::session::Seen;

/// The greatest number of characters of `User-Agent` that is kept.
const USER_AGENT_CHARS: usize = 200;

/// A network of proxies whose `X-Forwarded-For` is believed: an address, or a prefix in CIDR notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyRange {
    network: IpAddr,
    prefix: u8,
}

/// Not an address, nor an address and a prefix length that fits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an IP address or a CIDR range like 10.0.0.0/8")]
pub struct ProxyRangeError;

impl ProxyRange {
    /// The addresses that share the first `prefix` bits with `network`.
    pub fn new(network: IpAddr, prefix: u8) -> Result<Self, ProxyRangeError> {
        let longest = if network.is_ipv4() { 32 } else { 128 };
        if prefix <= longest { Ok(Self { network, prefix }) } else { Err(ProxyRangeError) }
    }

    /// Whether the address is among them.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= u32::from(self.prefix)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= u32::from(self.prefix)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl From<IpAddr> for ProxyRange {
    fn from(address: IpAddr) -> Self {
        let network = address.to_canonical();
        Self { network, prefix: if network.is_ipv4() { 32 } else { 128 } }
    }
}

impl FromStr for ProxyRange {
    type Err = ProxyRangeError;

    fn from_str(text: &str) -> Result<Self, ProxyRangeError> {
        match text.split_once('/') {
            None => text.parse::<IpAddr>().map(Self::from).map_err(|_| ProxyRangeError),
            Some((network, prefix)) => {
                let network = network.parse().map_err(|_| ProxyRangeError)?;
                Self::new(network, prefix.parse().map_err(|_| ProxyRangeError)?)
            }
        }
    }
}

/// The client's address.
pub(crate) fn address(request: &HttpRequest, services: &Services) -> Option<IpAddr> {
    let socket = request.peer_addr()?.ip().to_canonical();
    Some(client_address(socket, request.headers(), &services.trusted_proxies))
}

/// What the request shows of its sender.
pub(crate) fn seen(request: &HttpRequest, services: &Services) -> Seen {
    let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    Seen {
        address: address(request, services).map(|address| address.to_string()),
        user_agent: user_agent.map(|text| text.chars().take(USER_AGENT_CHARS).collect()),
    }
}

/// Walks `X-Forwarded-For` from the right, where our own proxies wrote, to the first hop that is not one of ours. What
/// stands left of it was written by strangers.
fn client_address(socket: IpAddr, headers: &HeaderMap, trusted: &[ProxyRange]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|range| range.contains(address));
    let lines: Vec<&str> =
        headers.get_all("x-forwarded-for").map(|line| line.to_str().unwrap_or("?")).collect();
    let mut nearest = socket;
    for hop in lines.iter().flat_map(|line| line.split(',')).rev() {
        if !is_trusted(nearest) {
            break;
        }
        let Some(address) = parse_hop(hop) else { break };
        nearest = address;
    }
    nearest
}

fn parse_hop(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bare = hop.parse::<IpAddr>().ok();
    let address = bare.or_else(|| hop.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn client(socket: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let request = forwarded
            .iter()
            .fold(TestRequest::default(), |request, line| request.append_header(("x-forwarded-for", *line)));
        let trusted: Vec<ProxyRange> = trusted.iter().map(|range| range.parse().unwrap()).collect();
        client_address(socket.parse().unwrap(), request.to_http_request().headers(), &trusted).to_string()
    }

    #[test]
    fn a_stranger_cannot_choose_its_address() {
        assert_eq!(client("203.0.113.9", &["198.51.100.1"], &["10.0.0.0/8"]), "203.0.113.9");
        assert_eq!(client("203.0.113.9", &["198.51.100.1"], &[]), "203.0.113.9");
    }

    #[test]
    fn behind_trusted_proxies_the_rightmost_untrusted_hop_is_the_client() {
        let trusted = ["10.0.0.0/8", "fd00::/8"];
        assert_eq!(client("10.0.0.1", &["1.2.3.4, 203.0.113.9"], &trusted), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["1.2.3.4, 203.0.113.9", "10.1.1.1"], &trusted), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["[2001:db8::1]:443"], &trusted), "2001:db8::1");
        assert_eq!(client("10.0.0.1", &["203.0.113.9, unknown"], &trusted), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["203.0.113.9, 10.9.9.9:1"], &trusted), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &[], &trusted), "10.0.0.1");
    }

    #[test]
    fn ranges_are_addresses_or_prefixes_that_fit() {
        let range = |text: &str| text.parse::<ProxyRange>();
        assert!(range("192.0.2.1").unwrap().contains("::ffff:192.0.2.1".parse().unwrap()));
        assert!(!range("192.0.2.1").unwrap().contains("192.0.2.2".parse().unwrap()));
        assert!(range("0.0.0.0/0").unwrap().contains("8.8.8.8".parse().unwrap()));
        assert!(!range("0.0.0.0/0").unwrap().contains("::1".parse().unwrap()));
        assert!(range("fd00::/8").unwrap().contains("fdff::1".parse().unwrap()));
        for bad in ["", "proxy", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/x"] {
            assert_eq!(range(bad), Err(ProxyRangeError), "{bad}");
        }
    }
}
