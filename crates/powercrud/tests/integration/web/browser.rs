//! Just enough of a browser: cookies, forms, htmx's headers.

use std::collections::BTreeMap;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use tower::ServiceExt as _;

/// One person's browser.
#[derive(Clone)]
pub(crate) struct Browser {
    router: Router,
    cookies: BTreeMap<String, String>,
    headers: Vec<(&'static str, &'static str)>,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Browser {
    pub(crate) fn new(router: Router) -> Self {
        Self { router, cookies: BTreeMap::new(), headers: Vec::new() }
    }

    /// The same browser, whose next requests carry this header too.
    pub(crate) fn with(&self, name: &'static str, value: &'static str) -> Self {
        let mut other = self.clone();
        other.headers.push((name, value));
        other
    }

    /// The same browser, whose next requests do not carry this header.
    pub(crate) fn without(&self, name: &str) -> Self {
        let mut other = self.clone();
        other.headers.retain(|(known, _)| *known != name);
        other
    }

    /// The same browser, as htmx asks for the content of the dialog.
    pub(crate) fn in_dialog(&self) -> Self {
        self.with("hx-request", "true").with("hx-target", "dialog-box")
    }

    /// What the browser keeps under that name.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, Body::empty()).await
    }

    /// Posts a form, written as `name=value&name=value`, already encoded.
    pub(crate) async fn post(&mut self, path: &str, form: &str) -> Answer {
        self.send(Method::POST, path, Body::from(form.to_owned())).await
    }

    async fn send(&mut self, method: Method, path: &str, body: Body) -> Answer {
        let mut request = Request::builder().method(&method).uri(path).header(header::HOST, "shop.example");
        if method == Method::POST {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        for (name, value) in &self.headers {
            request = request.header(*name, *value);
        }
        if !self.cookies.is_empty() {
            let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        let response = self.router.clone().oneshot(request.body(body).expect("a request")).await.expect("an answer");
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().expect("a cookie of text");
            let (name, value) = cookie.split(';').next().and_then(|pair| pair.split_once('=')).expect("a pair");
            match cookie.contains("Max-Age=0") {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        let bytes = to_bytes(body, usize::MAX).await.expect("a whole body");
        Answer { status: parts.status, headers: parts.headers, text: String::from_utf8_lossy(&bytes).into_owned() }
    }
}

impl Answer {
    /// Fails with the page's text where the status is another.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// Fails where the page does not hold each of `texts`.
    #[track_caller]
    pub(crate) fn holds(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.text.contains(text), "{text:?} is not in:\n{}", self.text);
        }
        self
    }

    /// Fails where the page holds one of `texts`.
    #[track_caller]
    pub(crate) fn lacks(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(!self.text.contains(text), "{text:?} is in:\n{}", self.text);
        }
        self
    }

    /// A header's text, empty where it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Where it sends the browser.
    pub(crate) fn location(&self) -> String {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.text);
        self.header("location").to_owned()
    }

    /// The events that htmx is to set off.
    pub(crate) fn events(&self) -> serde_json::Value {
        serde_json::from_str(self.header("hx-trigger-after-swap")).unwrap_or_default()
    }

    /// The addresses of all links.
    pub(crate) fn links(&self) -> Vec<String> {
        let parts = self.text.split("<a ").skip(1);
        let hrefs = parts.filter_map(|rest| rest.split_once('>')?.0.split_once("href=\"")?.1.split_once('"'));
        hrefs.map(|(href, _)| href.replace("&amp;", "&")).collect()
    }

    /// The value of the first hidden input of that name, encoded for a form.
    pub(crate) fn hidden(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let value = self.text.split_once(&start).and_then(|(_, rest)| rest.split_once('"'));
        let (value, _) = value.unwrap_or_else(|| panic!("there is no hidden {name} in:\n{}", self.text));
        encode(
            &value
                .replace("&quot;", "\"")
                .replace("&#39;", "'")
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&amp;", "&"),
        )
    }
}

/// A value for a form or a query string.
pub(crate) fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
