//! Whether two values are the same, and a short text that tells them apart.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use crate::value::Value;

impl PartialEq for Value {
    /// Not a number is itself here, as in the databases that hold it.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Float(one), Self::Float(other)) => one == other || (one.is_nan() && other.is_nan()),
            (Self::Null, Self::Null) => true,
            (Self::Boolean(one), Self::Boolean(other)) => one == other,
            (Self::Integer(one), Self::Integer(other)) => one == other,
            (Self::Unsigned(one), Self::Unsigned(other)) | (Self::Bytes(one), Self::Bytes(other)) => one == other,
            (Self::Decimal(one), Self::Decimal(other))
            | (Self::Text(one), Self::Text(other))
            | (Self::Json(one), Self::Json(other))
            | (Self::Raw(one), Self::Raw(other)) => one == other,
            (Self::Beginning(one, bytes), Self::Beginning(other, others)) => one == other && bytes == others,
            _ => false,
        }
    }
}

impl Value {
    /// Which variant it is.
    fn kind(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Boolean(_) => 1,
            Self::Integer(_) => 2,
            Self::Unsigned(_) => 3,
            Self::Float(_) => 4,
            Self::Decimal(_) => 5,
            Self::Text(_) => 6,
            Self::Json(_) => 7,
            Self::Bytes(_) => 8,
            Self::Raw(_) => 9,
            Self::Beginning(..) => 10,
        }
    }

    /// A text of sixteen characters, the same for the same value and for no other.
    pub fn fingerprint(&self) -> String {
        fingerprint([&[self.kind()], self.to_text().as_bytes()])
    }
}

/// A text of sixteen characters that stands for `parts`.
pub fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    URL_SAFE_NO_PAD.encode(&hash.finalize()[..12])
}
