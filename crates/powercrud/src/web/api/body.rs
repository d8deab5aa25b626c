//! A request's body: one JSON object, its keys in order and its values as they were written, so that no digit is lost.

use std::{collections::HashSet, fmt};

use axum::{
    body::Bytes,
    extract::{FromRequest, OptionalFromRequest, Request},
    http::{StatusCode, header},
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{error::Category, value::RawValue};

use super::caller::refuse_nul;
use crate::web::{
    Web,
    error::{Problem, WebError, WebResult},
};
use powercrud_engine::error::FieldError;

/// A JSON object, of [`MOST_KEYS`] at most.
#[derive(Debug)]
pub(super) struct Body(pub(super) Vec<(String, Box<RawValue>)>);

/// The most keys of an object; no table has as many columns.
const MOST_KEYS: usize = 1_000;

/// Where the keys of records stand in a bulk request.
pub(super) const IDS: &str = "ids";

/// How the error begins that says so.
const TOO_MANY_KEYS: &str = "an object has more than 1,000 keys";

impl FromRequest<Web> for Body {
    type Rejection = WebError;

    async fn from_request(request: Request, web: &Web) -> WebResult<Self> {
        require_json(&request)?;
        Self::parse(&bytes(request, web).await?, web)
    }
}

impl OptionalFromRequest<Web> for Body {
    type Rejection = WebError;

    /// Nothing at all is none, whatever its kind is said to be.
    async fn from_request(request: Request, web: &Web) -> WebResult<Option<Self>> {
        let is_json = require_json(&request);
        let bytes = bytes(request, web).await?;
        if bytes.is_empty() {
            return Ok(None);
        }
        is_json?;
        Self::parse(&bytes, web).map(Some)
    }
}

fn require_json(request: &Request) -> WebResult<()> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json")) {
        return Ok(());
    }
    let message = "The body has to be JSON, with the header \"Content-Type: application/json\".";
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    Err(Problem::new(status, "UNSUPPORTED_MEDIA_TYPE", "Not understood", message).into())
}

async fn bytes(request: Request, web: &Web) -> WebResult<Bytes> {
    let bytes = Bytes::from_request(request, web).await;
    bytes.map_err(|rejection| Problem::of_status(rejection.status(), rejection.body_text()).into())
}

fn not_json(error: &serde_json::Error) -> Problem {
    match error.classify() {
        Category::Data if has_too_many_keys(error) => {
            let message = "The body has more than 1,000 keys; allowed are 1,000 at most.";
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "TOO_MANY", "Not accepted", message)
        }
        Category::Data => {
            let message = format!("The body has to be a JSON object ({error}).");
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "INVALID_BODY", "Not accepted", message)
        }
        _ => {
            let message = format!("The body is not JSON: {error}.");
            Problem::new(StatusCode::BAD_REQUEST, "INVALID_JSON", "Not understood", message)
        }
    }
}

fn has_too_many_keys(error: &serde_json::Error) -> bool {
    error.to_string().starts_with(TOO_MANY_KEYS)
}

/// Whether a JSON text names the character that no PostgreSQL text can hold. (A backslash that is itself escaped before `u0000`
/// counts too: nobody will miss it.)
fn has_nul(json: &str) -> bool {
    json.contains("\\u0000")
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Body;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    if pairs.len() == MOST_KEYS {
                        return Err(serde::de::Error::custom(TOO_MANY_KEYS));
                    }
                    pairs.push(pair);
                }
                Ok(Body(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

impl Body {
    fn parse(bytes: &[u8], web: &Web) -> WebResult<Self> {
        let body: Self = serde_json::from_slice(bytes).map_err(|error| not_json(&error))?;
        // Keys are given back as they were listed.
        let may_have_nul = |name: &str| name == IDS && web.app.database().dialect().may_hold_nul();
        let has_nul = |(name, value): &&(String, Box<RawValue>)| {
            name.contains('\0') || (has_nul(value.get()) && !may_have_nul(name))
        };
        match body.0.iter().find(has_nul) {
            Some((name, _)) => Err(refuse_nul(name).into()),
            None => Ok(body),
        }
    }

    /// Names the keys that are not `allowed`, and those that come twice.
    pub(super) fn strange_keys(&self, allowed: &[&str]) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let mut seen = HashSet::with_capacity(self.0.len());
        for (name, _) in &self.0 {
            let is_new = seen.insert(name.as_str());
            if !allowed.contains(&name.as_str()) {
                let message = format!("there is no such key; allowed are: {}", allowed.join(", "));
                errors.push(FieldError::new(name, "UNKNOWN_KEY", message));
            } else if !is_new {
                errors.push(FieldError::new(name, "DUPLICATE_FIELD", "is given more than once"));
            }
        }
        errors
    }

    /// The value of that key, where it is there and not null.
    pub(super) fn get(&self, name: &str) -> Option<&RawValue> {
        let value = self.0.iter().find(|(other, _)| other == name).map(|(_, value)| &**value);
        value.filter(|value| value.get() != "null")
    }

    /// The value of that key as `T`; `allowed` says in words what that is.
    pub(super) fn read<'a, T: Deserialize<'a>>(
        &'a self,
        name: &str,
        allowed: &str,
        errors: &mut Vec<FieldError>,
    ) -> Option<T> {
        let value = self.get(name)?;
        match serde_json::from_str(value.get()) {
            Ok(value) => Some(value),
            Err(error) if has_too_many_keys(&error) => {
                let message = format!("has more than 1,000 keys; allowed is {allowed}");
                errors.push(FieldError::new(name, "TOO_MANY", message));
                None
            }
            Err(_) => {
                errors.push(FieldError::new(name, "INVALID_TYPE", format!("is not allowed; allowed is {allowed}")));
                None
            }
        }
    }
}
