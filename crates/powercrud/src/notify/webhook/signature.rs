//! Signatures of Standard Webhooks, in their symmetric form.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// What a secret begins with.
const PREFIX: &str = "whsec_";

/// Bytes that a key may have.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// A key to sign with.
pub(in crate::notify) struct Key(Vec<u8>);

impl Key {
    /// Reads a secret.
    ///
    /// # Errors
    /// Says what is allowed, without the secret.
    pub(in crate::notify) fn read(secret: &str) -> Result<Self, String> {
        let allowed =
            "allowed is whsec_ and base64 of 24 to 64 bytes, such as echo whsec_$(openssl rand -base64 32) prints";
        let encoded = secret.strip_prefix(PREFIX).ok_or_else(|| format!("it does not begin with whsec_; {allowed}"))?;
        let bytes = STANDARD.decode(encoded).map_err(|_| format!("what follows whsec_ is no base64; {allowed}"))?;
        if !LENGTHS.contains(&bytes.len()) {
            return Err(format!("it has {} bytes; {allowed}", bytes.len()));
        }
        Ok(Self(bytes))
    }

    /// The value of the header `webhook-signature`.
    pub(super) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut hmac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        hmac.update(format!("{id}.{timestamp}.").as_bytes());
        hmac.update(body);
        format!("v1,{}", STANDARD.encode(hmac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that the specification's own libraries are tested with.
    #[test]
    fn it_signs_as_the_specification_does() {
        let key = Key::read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn secrets_are_checked_and_not_shown() {
        for wrong in ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_MfKQ9r8G", "whsec_not base64"] {
            let Err(mistake) = Key::read(wrong) else { panic!("{wrong} was taken") };
            assert!(mistake.contains("allowed is whsec_") && !mistake.contains("MfKQ"), "{mistake}");
        }
    }
}
