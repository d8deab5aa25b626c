//! The names under which these pages are reached.
//!
//! A page of a foreign site can send requests here from a browser of somebody who is let in, once its own name leads to this address (DNS
//! rebinding). It can't make the browser say another `Host` than its own.

use std::net::{IpAddr, Ipv6Addr};

use super::Settings;

/// What a `Host` may be. Names are in small letters, without a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hosts {
    /// None: nobody looks at the `Host`.
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    /// `*`: whatever it is.
    Any,
    /// `0.0.0.0` or `::`: every address in numbers. No foreign site has one for its name.
    AnyAddress,
    Address(IpAddr),
    Name(String),
    /// `*.example.org`: the name after the star, and every name under it.
    Under(String),
    /// `localhost` and what is under it, and the addresses of this machine to itself.
    Loopback,
}

impl Hosts {
    /// As the settings say; a mistake is told to `complain`.
    pub(crate) fn of(settings: &Settings, complain: &mut dyn FnMut(String)) -> Self {
        let mut rules = Vec::new();
        for text in &settings.allowed_hosts {
            match Rule::parse(text) {
                Some(rule) => rules.push(rule),
                None => complain(format!(
                    "allowed_hosts: {text:?} is not allowed; allowed is a name such as \"shop.example.org\" or \"*.example.org\", an address \
                     such as \"192.168.1.7\", each without scheme, port and path, or \"*\" for every name"
                )),
            }
        }
        if !rules.is_empty() {
            rules.push(Rule::Loopback);
            let base = settings.base_url.as_deref().and_then(|url| url::Url::parse(url).ok());
            rules.extend(base.and_then(|url| url.host_str().and_then(Rule::parse)));
        }
        Self { rules }
    }

    /// Whether every `Host` is answered.
    pub(crate) fn is_open(&self) -> bool {
        self.rules.is_empty() || self.rules.contains(&Rule::Any)
    }

    /// Whether requests for `authority`, a name or address with or without a port, are answered.
    pub(crate) fn allows(&self, authority: &str) -> bool {
        let Some(host) = host_of(authority) else { return false };
        self.is_open() || self.rules.iter().any(|rule| rule.fits(&host))
    }
}

impl Rule {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        if let Some(name) = text.strip_prefix("*.") {
            return name_of(name).map(Self::Under);
        }
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        match bare.parse::<IpAddr>() {
            Ok(address) if address.is_unspecified() => Some(Self::AnyAddress),
            Ok(address) => Some(Self::Address(address)),
            Err(_) => name_of(text).map(Self::Name),
        }
    }

    fn fits(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Any, _) | (Self::AnyAddress, Host::Address(_)) => true,
            (Self::Address(allowed), Host::Address(address)) => allowed == address,
            (Self::Name(allowed), Host::Name(name)) => allowed == name,
            (Self::Under(allowed), Host::Name(name)) => is_under(name, allowed),
            (Self::Loopback, Host::Address(address)) => address.to_canonical().is_loopback(),
            (Self::Loopback, Host::Name(name)) => is_under(name, "localhost"),
            _ => false,
        }
    }
}

fn is_under(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[derive(PartialEq, Eq)]
enum Host {
    Name(String),
    Address(IpAddr),
}

/// The host of `HOST`, `HOST:PORT` or `[ADDRESS]:PORT`; `None` where it is none of these.
fn host_of(authority: &str) -> Option<Host> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            (Host::Address(address.parse::<Ipv6Addr>().ok()?.into()), port)
        }
        None => {
            let (name, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            (name.parse().map(Host::Address).ok().or_else(|| name_of(name).map(Host::Name))?, port)
        }
    };
    let is_port =
        port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|c| c.is_ascii_digit()));
    is_port.then_some(host)
}

/// A name of letters, digits, hyphens, underscores and dots in small letters, without the dot that may stand at its end.
fn name_of(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    let fits = !name.is_empty() && name.len() <= 253 && name.bytes().all(plain) && !name.starts_with('.');
    fits.then(|| name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(allowed: &[&str], base_url: Option<&str>) -> (Hosts, Vec<String>) {
        let allowed_hosts = allowed.iter().map(ToString::to_string).collect();
        let settings = Settings { allowed_hosts, base_url: base_url.map(str::to_owned), ..Settings::default() };
        let mut mistakes = Vec::new();
        (Hosts::of(&settings, &mut |mistake| mistakes.push(mistake)), mistakes)
    }

    #[test]
    fn only_the_named_hosts_are_answered() {
        let (hosts, mistakes) = hosts(
            &["192.168.1.7", "shop.example.org", "*.Example.com", "::2", "[::3]"],
            Some("https://pages.example.net:8443/admin"),
        );
        assert_eq!(mistakes, [""; 0]);
        for host in [
            "localhost",
            "LOCALHOST:8000",
            "localhost.:8000",
            "shop.localhost",
            "127.0.0.1:80",
            "127.9.9.9",
            "[::1]:8000",
            "[::ffff:127.0.0.1]",
            "192.168.1.7:8000",
            "shop.example.org",
            "Shop.Example.ORG:443",
            "example.com",
            "a.b.example.com:1",
            "[::2]",
            "[::3]:9",
            "pages.example.net",
        ] {
            assert!(hosts.allows(host), "{host}");
        }
        for host in [
            "",
            ":8000",
            "evil.example",
            "evilexample.com",
            "example.org",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evil.example:localhost",
            "localhost:80@evil.example",
            "localhost/evil",
            "localhost, evil.example",
            "192.168.1.8",
            "[::4]",
            "[::1",
            "::1",
            "[localhost]",
            "localhost\u{e9}",
            ".localhost",
        ] {
            assert!(!hosts.allows(host), "{host}");
        }
    }

    #[test]
    fn every_address_and_every_name_are_said_on_purpose() {
        let (all, _) = hosts(&["0.0.0.0"], None);
        assert!(all.allows("10.1.2.3:8000") && all.allows("[2001:db8::1]") && !all.allows("evil.example"));
        let (all, _) = hosts(&["*"], None);
        assert!(all.allows("evil.example") && !all.allows("not a host"));
        let (nothing_said, _) = hosts(&[], Some("https://shop.example.org"));
        assert!(nothing_said.is_open());
    }

    #[test]
    fn what_is_no_host_is_a_mistake() {
        for wrong in ["https://shop.example.org", "shop.example.org:443", "shop/x", "", "*.*", "**", "a b", "*."] {
            assert_eq!(hosts(&[wrong], None).1.len(), 1, "{wrong:?}");
        }
    }
}
