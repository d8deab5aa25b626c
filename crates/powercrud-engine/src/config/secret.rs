//! A text that is never shown.

use std::fmt;

/// A password, a key, or an address that may hold one. Its `Debug` output is `Secret(****)`, so that settings can be logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for whoever needs it to log in or to sign.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(****)")
    }
}

impl<S: Into<String>> From<S> for Secret {
    fn from(text: S) -> Self {
        Self(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let settings = crate::config::Settings {
            email_url: Some("smtps://ann:s3cret@mail.example.org".into()),
            webhook_url: Some("https://hooks.example.org/t0ken".into()),
            webhook_secret: Some("whsec_s3cret".into()),
            ..Default::default()
        };
        let shown = format!("{settings:?} {:?}", Secret::from("s3cret"));
        assert!(!shown.contains("s3cret") && !shown.contains("t0ken"), "{shown}");
    }
}
