//! The origins of pages that may send forms here, beside that of the host that is asked.

use url::Url;

use super::{PowerCrud, Settings};

/// As the settings say, as browsers spell them; a mistake is told to `complain`.
pub(super) fn of(settings: &Settings, complain: &mut dyn FnMut(String)) -> Vec<String> {
    let mut origins = Vec::new();
    for text in &settings.trusted_origins {
        match origin(text) {
            Some(origin) => origins.push(origin),
            None => complain(format!(
                "trusted_origins: {text:?} is not allowed; allowed is a scheme and host such as \"https://shop.example.org\", without a path"
            )),
        }
    }
    // Whether it is an address at all is told where it is used.
    let base = settings.base_url.as_deref().and_then(|url| Url::parse(url).ok()).filter(Url::has_host);
    origins.extend(base.map(|url| url.origin().ascii_serialization()));
    origins
}

fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    is_plain.then(|| url.origin().ascii_serialization())
}

impl PowerCrud {
    /// Who may send forms here.
    pub(crate) fn trusted_origins(&self) -> &[String] {
        &self.web.trusted_origins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_spelled_as_browsers_do() {
        for (text, spelled) in [
            ("https://shop.example.org", Some("https://shop.example.org")),
            ("HTTPS://Shop.Example.org:443/", Some("https://shop.example.org")),
            ("http://localhost:8080", Some("http://localhost:8080")),
            ("https://bücher.example", Some("https://xn--bcher-kva.example")),
            ("https://shop.example.org/admin", None),
            ("shop.example.org", None),
            ("*", None),
            ("null", None),
            ("ftp://shop.example.org", None),
            ("https://ann@shop.example.org", None),
        ] {
            assert_eq!(origin(text).as_deref(), spelled, "{text:?}");
        }
    }
}
