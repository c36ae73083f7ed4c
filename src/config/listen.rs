//! The server section: addresses, URLs, proxies, and what may be spoken in clear text.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::num::NonZeroUsize;

use super::error::ConfigError;
use super::raw::RawConfig;
use super::sources::Sources;
use super::{ServerConfig, TrustedProxy};

/// Parses `[server]`.
pub(super) fn parse(raw: &RawConfig, sources: &Sources) -> Result<ServerConfig, ConfigError> {
    let server = &raw.server;
    if server.tls.is_some() {
        let problem = "TLS is not available in this version: put a proxy that terminates TLS in front";
        return Err(sources.error("server.tls", problem));
    }
    let listen = address(&server.listen).ok_or_else(|| {
        sources.error("server.listen", "expected an address with its port, such as \"127.0.0.1:8080\"")
    })?;
    let public_url = url(&server.public_url).ok_or_else(|| {
        sources
            .error("server.public_url", "expected an http or https URL without query, fragment or password")
    })?;
    check_clear_text(listen, public_url, raw, sources)?;
    let workers = server.workers.map(|workers| {
        NonZeroUsize::new(workers).ok_or_else(|| sources.error("server.workers", "at least 1"))
    });
    let trusted_proxies = server.trusted_proxies.iter().map(|text| {
        let problem = "expected addresses or networks, such as \"10.0.0.7\" or \"10.0.0.0/8\"";
        proxy(text).ok_or_else(|| sources.error("server.trusted_proxies", problem))
    });
    Ok(ServerConfig {
        listen,
        public_url: public_url.to_owned(),
        workers: workers.transpose()?,
        trusted_proxies: trusted_proxies.collect::<Result<_, _>>()?,
    })
}

/// Tokens and secrets in clear text stay on the machine, unless TLS ends in front of it: an `https` public URL says so.
fn check_clear_text(
    listen: SocketAddr,
    public_url: &str,
    raw: &RawConfig,
    sources: &Sources,
) -> Result<(), ConfigError> {
    if listen.ip().is_loopback() || public_url.starts_with("https://") || raw.server.allow_plain_http {
        return Ok(());
    }
    let problem = "tokens and secrets would cross the network in clear text: listen on a loopback address, give \
                   server.public_url as the https URL of the proxy in front, or set server.allow_plain_http = true";
    Err(sources.error("server.listen", problem))
}

/// An address; `localhost` is the one name that means the same everywhere.
pub(super) fn address(text: &str) -> Option<SocketAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let (host, port) = text.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    let local = (host == "localhost").then(|| ("127.0.0.1", port).to_socket_addrs().ok())?;
    local?.next()
}

/// An absolute http or https URL as others will compare it; without the slash at its end.
pub(super) fn url(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let host = rest.split('/').next().filter(|host| !host.is_empty() && !host.starts_with(':'))?;
    let plain = text.chars().all(|c| c.is_ascii_graphic() && !"?#\"<>\\^`{|}".contains(c));
    (plain && !host.contains('@')).then(|| text.trim_end_matches('/'))
}

fn proxy(text: &str) -> Option<TrustedProxy> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
    let network: IpAddr = address.trim().parse().ok()?;
    let longest = if network.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.map_or(Some(longest), |bits| bits.trim().parse().ok())?;
    (prefix <= longest).then_some(TrustedProxy { network, prefix })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_absolute_and_has_no_slash_at_its_end() {
        assert_eq!(url("https://auth.example/"), Some("https://auth.example"));
        assert_eq!(url("http://127.0.0.1:8080/base/"), Some("http://127.0.0.1:8080/base"));
        for bad in [
            "",
            "auth.example",
            "ftp://a",
            "https://",
            "https:///x",
            "https://u:p@a",
            "https://a?b",
            "https://a b",
        ] {
            assert_eq!(url(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_address_has_a_port() {
        assert_eq!(address("localhost:80"), address("127.0.0.1:80"));
        assert!(address("[::1]:8080").is_some());
        for bad in ["", "8080", "127.0.0.1", "example.com:80", "127.0.0.1:99999"] {
            assert_eq!(address(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_proxy_is_an_address_or_a_network() {
        let network = TrustedProxy { network: IpAddr::from([10, 0, 0, 0]), prefix: 8 };
        assert_eq!(proxy("10.0.0.0/8"), Some(network));
        assert_eq!(proxy("::1").map(|proxy| proxy.prefix), Some(128));
        for bad in ["", "10.0.0.0/33", "::/129", "proxy.local", "10.0.0.0/"] {
            assert_eq!(proxy(bad), None, "{bad}");
        }
    }
}
