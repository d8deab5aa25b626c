//! Every address of the pages, built in one place.

use axum::{
    extract::OriginalUri,
    http::{Extensions, Uri},
};

use super::prefix::PublicPrefix;

/// Builds addresses under the path that the router is nested at, as it is seen from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Paths {
    /// Empty, or a path that begins with a slash and does not end with one.
    base: String,
    /// What a proxy takes away of it.
    prefix: String,
}

impl Paths {
    /// The base is what stands before this router's own part of the path, with what a proxy has taken away before that.
    pub(super) fn of_request(extensions: &Extensions, uri: &Uri) -> Self {
        let whole = extensions.get::<OriginalUri>().map_or(uri.path(), |original| original.0.path());
        let base = whole.strip_suffix(uri.path()).unwrap_or(whole).trim_end_matches('/');
        let prefix = extensions.get::<PublicPrefix>().map_or_else(String::new, |prefix| prefix.0.clone());
        Self { base: format!("{prefix}{base}"), prefix }
    }

    pub(super) fn base(&self) -> &str {
        &self.base
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn home(&self) -> String {
        if self.base.is_empty() { "/".to_owned() } else { self.base.clone() }
    }

    /// The address that was asked for.
    pub(super) fn here(&self, uri: &Uri) -> String {
        let path = if uri.path() == "/" { self.home() } else { format!("{}{}", self.base, uri.path()) };
        uri.query().map_or_else(|| path.clone(), |query| format!("{path}?{query}"))
    }

    pub(super) fn login(&self) -> String {
        format!("{}/login", self.base)
    }

    pub(super) fn logout(&self) -> String {
        format!("{}/logout", self.base)
    }

    pub(super) fn account(&self) -> String {
        format!("{}/account", self.base)
    }

    pub(super) fn list(&self, resource: &str) -> String {
        format!("{}/resources/{}", self.base, segment(resource))
    }

    pub(super) fn list_with(&self, resource: &str, pairs: &[(String, String)]) -> String {
        with_query(&self.list(resource), pairs)
    }

    /// A page below a resource's list, such as `bulk-edit`.
    pub(super) fn under(&self, resource: &str, rest: &str) -> String {
        format!("{}/{rest}", self.list(resource))
    }

    pub(super) fn choices(&self, resource: &str, field: &str) -> String {
        format!("{}/choices/{}", self.list(resource), segment(field))
    }

    pub(super) fn record(&self, resource: &str, key: &str) -> String {
        format!("{}/records/{}", self.list(resource), segment(key))
    }

    pub(super) fn record_under(&self, resource: &str, key: &str, rest: &str) -> String {
        format!("{}/{rest}", self.record(resource, key))
    }

    /// The page about the JSON API, and what its addresses begin with.
    pub(super) fn api(&self) -> String {
        format!("{}/api", self.base)
    }

    pub(super) fn tokens(&self) -> String {
        format!("{}/tokens", self.base)
    }

    pub(super) fn staff(&self) -> String {
        format!("{}/staff", self.base)
    }

    /// A page below that of staff.
    pub(super) fn staff_under(&self, rest: &str) -> String {
        format!("{}/{rest}", self.staff())
    }

    pub(super) fn staff_action(&self, id: &str, action: &str) -> String {
        format!("{}/tasks/{}/{action}", self.staff(), segment(id))
    }

    #[cfg(feature = "api")]
    pub(super) fn api_record(&self, resource: &str, key: &str) -> String {
        format!("{}/api/v1/resources/{}/records/{}", self.base, segment(resource), segment(key))
    }

    #[cfg(feature = "api")]
    pub(super) fn api_task(&self, id: &str) -> String {
        format!("{}/api/v1/tasks/{}", self.base, segment(id))
    }

    /// A page of the application's own, of a plain name.
    pub(super) fn own_page(&self, name: &str) -> String {
        format!("{}/pages/{name}", self.base)
    }

    pub(super) fn running(&self) -> String {
        format!("{}/running", self.base)
    }

    pub(super) fn tasks(&self) -> String {
        format!("{}/tasks", self.base)
    }

    pub(super) fn tasks_badge(&self) -> String {
        format!("{}/tasks/badge", self.base)
    }

    pub(super) fn tasks_events(&self) -> String {
        format!("{}/tasks/events", self.base)
    }

    pub(super) fn messages(&self) -> String {
        format!("{}/messages", self.base)
    }

    pub(super) fn messages_seen(&self) -> String {
        format!("{}/seen", self.messages())
    }

    pub(super) fn message_under(&self, id: &str, rest: &str) -> String {
        format!("{}/{}/{rest}", self.messages(), segment(id))
    }

    pub(super) fn task(&self, id: &str) -> String {
        format!("{}/tasks/{}", self.base, segment(id))
    }

    /// A task's page with the records of one outcome.
    pub(super) fn task_records(&self, id: &str, outcome: &str) -> String {
        format!("{}?outcome={outcome}#records", self.task(id))
    }

    pub(super) fn task_under(&self, id: &str, rest: &str) -> String {
        format!("{}/{rest}", self.task(id))
    }
}

/// `path?query`, or `path` where there are no pairs.
pub(super) fn with_query(path: &str, pairs: &[(String, String)]) -> String {
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", query(pairs)) }
}

/// As [`with_query`], of an address that may have a query already.
pub(super) fn with_more(href: &str, pairs: &[(String, String)]) -> String {
    match href.contains('?') && !pairs.is_empty() {
        true => format!("{href}&{}", query(pairs)),
        false => with_query(href, pairs),
    }
}

/// A query string.
pub(super) fn query(pairs: &[(String, String)]) -> String {
    pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
}

/// A query string's pairs.
pub(super) fn parse_query(query: &str) -> Vec<(String, String)> {
    let uri = format!("/?{query}").parse::<Uri>();
    uri.ok()
        .and_then(|uri| axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri).ok())
        .map(|pairs| pairs.0)
        .unwrap_or_default()
}

/// A name or key as one segment of a path. Browsers fold `.` and `..` away and can't send an empty segment, whatever the encoding, so such
/// texts are marked with a tilde that [`unmark`] takes off; and so are those that would be taken for marked ones. All others stand as they are.
fn segment(text: &str) -> String {
    let mark = if can_be_marked(text) { "~" } else { "" };
    format!("{mark}{}", encode(text))
}

/// The text that [`segment`] made a (decoded) segment from.
pub(super) fn unmark(segment: &str) -> &str {
    segment.strip_prefix('~').filter(|text| can_be_marked(text)).unwrap_or(segment)
}

/// Whether it is tildes alone, or none, with up to two dots after them.
fn can_be_marked(text: &str) -> bool {
    matches!(text.trim_start_matches('~'), "" | "." | "..")
}

/// A segment of a path without its percent signs.
pub(super) fn decode(segment: &str) -> String {
    let pairs = parse_query(&format!("segment={}", segment.replace('&', "%26").replace('+', "%2B")));
    pairs.into_iter().map(|(_, text)| text).next().unwrap_or_default()
}

fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_base(original: &str, own: &str, expected: &str) {
        let mut extensions = Extensions::new();
        extensions.insert(OriginalUri(original.parse().unwrap()));
        assert_eq!(Paths::of_request(&extensions, &own.parse().unwrap()).base(), expected);
    }

    #[test]
    fn the_base_is_found_wherever_the_router_is_nested() {
        check_base("/", "/", "");
        check_base("/tasks?status=x", "/tasks?status=x", "");
        check_base("/admin", "/", "/admin");
        check_base("/admin/", "/", "/admin");
        check_base("/a/b/resources/Track", "/resources/Track", "/a/b");
        check_base("/admin/resources/a%2Fb", "/resources/a%2Fb", "/admin");
    }

    #[test]
    fn odd_names_and_keys_stay_one_segment() {
        let paths = Paths { base: "/x".into(), prefix: String::new() };
        assert_eq!(
            paths.record("Order \"Lines\"", "[\"1\",\"a/b\"]"),
            "/x/resources/Order%20%22Lines%22/records/%5B%221%22%2C%22a%2Fb%22%5D"
        );
        for key in ["", ".", "..", "~", "~~", "~.", "~~..", "~a", "~~a", "~...", "...", "plain"] {
            let segment = segment(key);
            assert!(!segment.is_empty() && segment != "." && segment != "..");
            assert_eq!(unmark(&segment), key);
        }
        // Who knows of no mark finds the record all the same, and never another one.
        for key in ["~a", "~~a", "~t~a", "~x00", "~..."] {
            assert_eq!((segment(key).as_str(), unmark(key)), (key, key));
        }
        for text in ["plain", "a/b & c+d=é", "100%"] {
            assert_eq!(decode(&segment(text)), text);
        }
    }

    #[test]
    fn queries_survive_the_round_trip() {
        let pairs = vec![("name__contains".to_owned(), "a&b=c d+%é".to_owned()), ("q".to_owned(), String::new())];
        assert_eq!(parse_query(&query(&pairs)), pairs);
    }
}
