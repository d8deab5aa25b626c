//! The proxies that are believed when they say for whom they ask.

use std::net::{IpAddr, Ipv6Addr};

use super::Settings;

/// Networks of addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Proxies(Vec<(IpAddr, u8)>);

impl Proxies {
    /// As the settings say; a mistake is told to `complain`.
    pub(crate) fn of(settings: &Settings, complain: &mut dyn FnMut(String)) -> Self {
        let mut networks = Vec::new();
        for text in &settings.trusted_proxies {
            match network(text) {
                Some(network) => networks.push(network),
                None => complain(format!(
                    "trusted_proxies: {text:?} is not allowed; allowed is an address such as \"10.0.0.5\" or a network such as \"10.0.0.0/8\""
                )),
            }
        }
        Self(networks)
    }

    /// Whose request it is that came from `peer`, with what its headers `X-Forwarded-For` say, in their order. The header's last address
    /// is the one that the nearest proxy has seen; what stands before an address that is not trusted can be made up.
    pub(crate) fn client<'a>(&self, peer: IpAddr, forwarded: impl DoubleEndedIterator<Item = &'a str>) -> IpAddr {
        let mut client = peer.to_canonical();
        let hops = forwarded.flat_map(|header| header.split(',')).collect::<Vec<_>>();
        for hop in hops.into_iter().rev() {
            let (true, Some(before)) = (self.trusts(client), address(hop.trim())) else { break };
            client = before;
        }
        client
    }

    /// Whether none is believed.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|(network, length)| match (network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                same(u32::from(*network).into(), u32::from(address).into(), *length, 32)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => same((*network).into(), address.into(), *length, 128),
            _ => false,
        })
    }
}

/// Whether two addresses of `width` bits begin alike.
fn same(one: u128, other: u128, length: u8, width: u8) -> bool {
    length == 0 || (one ^ other) >> (width - length) == 0
}

fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    length.is_none_or(|length| length <= width).then_some((address, length.unwrap_or(width)))
}

/// An address as proxies write it: some add a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.split(']').next());
    let address = match bare {
        Some(bare) => bare.parse::<Ipv6Addr>().ok()?.into(),
        None => text.parse::<IpAddr>().or_else(|_| text.split(':').next().unwrap_or_default().parse()).ok()?,
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_say_for_whom_they_ask() {
        let settings = Settings {
            trusted_proxies: vec!["127.0.0.1".into(), "10.0.0.0/8".into(), "fd00::/8".into()],
            ..Settings::default()
        };
        let proxies = Proxies::of(&settings, &mut |mistake| panic!("{mistake}"));
        for (peer, forwarded, client) in [
            ("192.0.2.1", &["198.51.100.7"][..], "192.0.2.1"),
            ("127.0.0.1", &[], "127.0.0.1"),
            ("127.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("::ffff:127.0.0.1", &["198.51.100.7:4711"], "198.51.100.7"),
            ("127.0.0.1", &["203.0.113.9, 198.51.100.7, 10.1.2.3"], "198.51.100.7"),
            ("127.0.0.1", &["203.0.113.9", "198.51.100.7"], "198.51.100.7"),
            ("fd00::1", &["[2001:db8::5]:80"], "2001:db8::5"),
            ("127.0.0.1", &["nonsense"], "127.0.0.1"),
            ("127.0.0.1", &["198.51.100.7, nonsense"], "127.0.0.1"),
        ] {
            assert_eq!(
                proxies.client(peer.parse().unwrap(), forwarded.iter().copied()).to_string(),
                client,
                "{peer} {forwarded:?}"
            );
        }
        for wrong in ["10.0.0.0/33", "proxy.example.org", "", "10.0.0.0/", "/8"] {
            let settings = Settings { trusted_proxies: vec![wrong.into()], ..Settings::default() };
            let mut mistakes = Vec::new();
            Proxies::of(&settings, &mut |mistake| mistakes.push(mistake));
            assert_eq!(mistakes.len(), 1, "{wrong:?}");
        }
    }
}
