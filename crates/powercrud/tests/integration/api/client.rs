//! Just enough of a program that speaks JSON.

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, header},
};
use serde_json::Value;
use tower::ServiceExt as _;

/// One program with its token.
#[derive(Clone)]
pub(crate) struct Client {
    router: Router,
    headers: Vec<(&'static str, String)>,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
    what: String,
}

impl Client {
    pub(crate) fn new(router: Router, token: &str) -> Self {
        Self { router, headers: vec![("authorization", format!("Bearer {token}"))] }
    }

    /// A program without a token.
    pub(crate) fn nobody(router: Router) -> Self {
        Self { router, headers: Vec::new() }
    }

    /// The same program with another token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self::new(self.router.clone(), token)
    }

    /// The same program, whose requests carry this header too.
    pub(crate) fn with(&self, name: &'static str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers.push((name, value.to_owned()));
        other
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body.to_string())).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(body.to_string())).await
    }

    /// The text of an answer that is no JSON, with its headers.
    pub(crate) async fn text(&self, path: &str) -> (u16, HeaderMap, String) {
        let mut request = Request::builder().uri(path).header(header::HOST, "shop.example");
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Body::empty()).expect("a request");
        let (parts, body) = self.router.clone().oneshot(request).await.expect("an answer").into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("a whole body");
        (parts.status.as_u16(), parts.headers, String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Sends a body as it is.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<String>) -> Answer {
        let what = format!("{method} {path} {}", body.as_deref().unwrap_or_default());
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "shop.example");
        if body.is_some() && !self.headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Body::from(body.unwrap_or_default())).expect("a request");
        let (parts, body) = self.router.clone().oneshot(request).await.expect("an answer").into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("a whole body");
        let json = match bytes.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&bytes)
                .unwrap_or_else(|error| panic!("{what}: {error} in {}", String::from_utf8_lossy(&bytes))),
        };
        Answer { status: parts.status.as_u16(), headers: parts.headers, json, what }
    }
}

impl Answer {
    /// Fails where the status is another, or where a failure is no problem of RFC 9457.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {:#}", self.what, self.json);
        if status >= 400 {
            assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.what);
            assert_eq!(self.json["status"], status, "{}: {:#}", self.what, self.json);
            let code = self.json["code"].as_str().unwrap_or_default();
            assert_eq!(self.json["type"], format!("urn:powercrud:problem:{code}"), "{}", self.what);
            for key in ["title", "detail", "request_id"] {
                let text = self.json[key].as_str().unwrap_or_default();
                assert!(!text.is_empty() || key == "request_id", "{key} is empty: {}: {:#}", self.what, self.json);
            }
        }
        self
    }

    /// Fails unless this is the problem of that status and code, and names each of `texts`.
    #[track_caller]
    pub(crate) fn expect_problem(self, status: u16, code: &str, texts: &[&str]) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.json["code"], code, "{}: {:#}", answer.what, answer.json);
        let text = answer.json.to_string();
        for part in texts {
            assert!(text.contains(part), "{part:?} is not in the answer to {}: {:#}", answer.what, answer.json);
        }
        answer
    }

    /// A header's text, empty where it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The keys of the records of a list.
    pub(crate) fn keys(&self) -> Vec<&str> {
        let records = self.json["records"].as_array().unwrap_or_else(|| panic!("no records in {:#}", self.json));
        records.iter().map(|record| record["key"].as_str().expect("a key")).collect()
    }
}
