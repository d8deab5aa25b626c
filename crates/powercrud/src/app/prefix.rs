//! The part of the public path that a proxy takes away before it asks these pages.

use std::net::IpAddr;

use super::{PowerCrud, Settings};

/// The longest that is taken.
const LONGEST: usize = 200;

/// As the setting `public_prefix` says; a mistake is told to `complain`.
pub(super) fn of(settings: &Settings, complain: &mut dyn FnMut(String)) -> String {
    let Some(text) = &settings.public_prefix else { return String::new() };
    read(text).unwrap_or_else(|| {
        complain(format!(
            "public_prefix: {text:?} is not allowed; allowed is a path such as \"/tools\", of letters, digits and -._~ between its slashes"
        ));
        String::new()
    })
}

/// Empty, or a path that begins with a slash and does not end with one; `None` where it is none.
fn read(text: &str) -> Option<String> {
    let path = text.strip_suffix('/').unwrap_or(text);
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_' | b'~');
    let is_segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(is_plain);
    let fits = path.is_empty() || path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_segment));
    (fits && path.len() <= LONGEST).then(|| path.to_owned())
}

impl PowerCrud {
    /// What stands before each path of these pages where they are reached from outside: as the proxy says that asks, where it is one of
    /// `trusted_proxies`, else as the settings say. Of several `forwarded`, the last is the nearest proxy's.
    pub(crate) fn public_prefix<'a>(
        &self,
        peer: Option<IpAddr>,
        forwarded: impl DoubleEndedIterator<Item = &'a str>,
    ) -> String {
        let is_trusted = peer.is_some_and(|peer| self.proxies().trusts(peer.to_canonical()));
        let said = forwarded.flat_map(|header| header.split(',')).next_back().filter(|_| is_trusted);
        said.and_then(|text| read(text.trim())).unwrap_or_else(|| self.web.public_prefix.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_plain_path() {
        for (text, prefix) in [
            ("/tools", Some("/tools")),
            ("/tools/", Some("/tools")),
            ("/a/b-c_d.e~f", Some("/a/b-c_d.e~f")),
            ("/", Some("")),
            ("", Some("")),
            ("tools", None),
            ("//evil.example", None),
            ("/tools//", None),
            ("/a/../b", None),
            ("/a b", None),
            ("/a\"b", None),
            ("/a;Secure", None),
            ("https://evil.example", None),
            ("/\\evil", None),
            ("/a?b", None),
        ] {
            assert_eq!(read(text).as_deref(), prefix, "{text:?}");
        }
        assert_eq!(read(&format!("/{}", "a".repeat(LONGEST))), None);
    }
}
