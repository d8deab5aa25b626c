//! Where people sign in and out, where the application has the login.

use url::Url;

use super::{Builder, PowerCrud};

/// An address as the application gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// A path of the application, with its query.
    Path(String),
    /// `https://…`
    Elsewhere(Url),
}

/// As the application has given them.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    login: Option<String>,
    logout: Option<String>,
}

/// Where the application's own login is, as far as it says so.
#[derive(Clone, Debug, Default)]
pub(super) struct LoginPage {
    login: Option<Address>,
    logout: Option<Address>,
}

impl Given {
    /// A mistake is told to `complain`.
    pub(super) fn check(&self, has_users: bool, complain: &mut dyn FnMut(String)) -> LoginPage {
        let mut read = |name: &str, text: &Option<String>| {
            let text = text.as_ref()?;
            if !has_users {
                complain(format!(
                    "{name}: goes with a login of the application's own (`user`, `user_async`), which there is not"
                ));
            }
            let address = Address::parse(text);
            if address.is_none() {
                complain(format!(
                    "{name}: {text:?} is not allowed; allowed is a path of the application such as \"/login\", or an address such as \
                     \"https://accounts.example.org/login\", each without a fragment"
                ));
            }
            address
        };
        LoginPage { login: read("login_url", &self.login), logout: read("logout_url", &self.logout) }
    }
}

impl Address {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.contains(['#', '\\', ' ']) || !text.is_ascii() || text.contains(char::is_control) {
            return None;
        }
        if text.starts_with('/') {
            return (!text.starts_with("//")).then(|| Self::Path(text.to_owned()));
        }
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())?;
        Some(Self::Elsewhere(url))
    }

    /// As a browser is given it, where a proxy takes `prefix` away from the paths of the application.
    pub(crate) fn href(&self, prefix: &str) -> String {
        match self {
            Self::Path(path) => format!("{prefix}{path}"),
            Self::Elsewhere(url) => url.to_string(),
        }
    }

    /// Where forms may lead to besides, where it is elsewhere.
    fn origin(&self) -> Option<String> {
        match self {
            Self::Path(_) => None,
            Self::Elsewhere(url) => Some(url.origin().ascii_serialization()),
        }
    }
}

impl PowerCrud {
    /// Where the application asks people to sign in.
    pub(crate) fn login_page(&self) -> Option<&Address> {
        self.web.login_page.login.as_ref()
    }

    /// Where people sign out of the application.
    pub(crate) fn logout_page(&self) -> Option<&Address> {
        self.web.login_page.logout.as_ref()
    }

    /// The other origins that a form of these pages may end at: where its user has to sign in first, or signs out.
    pub(crate) fn login_origins(&self) -> Vec<String> {
        let addresses = [self.login_page(), self.logout_page()];
        addresses.into_iter().flatten().filter_map(Address::origin).collect()
    }
}

impl Builder {
    /// Where people sign in to the application whose users [`Builder::user`] or [`Builder::user_async`] tells: a path of the application,
    /// such as `/login`, or an address elsewhere. Whoever is not signed in is sent there from pages, with the page to come back to as
    /// `next`: a path with its query, on the host that was asked. The login is to follow no other (`/…`, but not `//…` or `/\…`). Requests of
    /// htmx get it as `HX-Redirect`; the JSON API, and whoever takes no HTML, get 401 as ever. Without it pages answer 401.
    #[must_use]
    pub fn login_url(mut self, url: impl Into<String>) -> Self {
        self.login_page.login = Some(url.into());
        self
    }

    /// Where people sign out of the application: "Sign out" in the menu. A path of the application is posted to, so that no page of another
    /// site and nothing that fetches links ahead signs anybody out; an address elsewhere, such as that of an identity provider, is a link.
    #[must_use]
    pub fn logout_url(mut self, url: impl Into<String>) -> Self {
        self.login_page.logout = Some(url.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_path_or_has_a_host() {
        for (text, href) in [
            ("/login", Some("/login")),
            ("/login?from=admin", Some("/login?from=admin")),
            ("https://id.example.org/a?b=c", Some("https://id.example.org/a?b=c")),
            ("http://localhost:8080", Some("http://localhost:8080/")),
            ("login", None),
            ("", None),
            ("//evil.example", None),
            ("/\\evil.example", None),
            ("/login#top", None),
            ("javascript:alert(1)", None),
            ("mailto:ann@example.org", None),
            ("/lo\ngin", None),
        ] {
            assert_eq!(Address::parse(text).map(|address| address.href("")).as_deref(), href, "{text:?}");
        }
    }
}
