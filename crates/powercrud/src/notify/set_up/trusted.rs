//! Certificates that are trusted beside the usual.

use std::path::Path;

use rustls::pki_types::{CertificateDer, pem::PemObject as _};

/// Those of a file.
pub(super) struct Trusted {
    #[cfg(feature = "mail")]
    pub(super) pem: Vec<u8>,
    #[cfg(feature = "webhook")]
    pub(super) certificates: Vec<CertificateDer<'static>>,
}

impl Trusted {
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let allowed = "allowed is a PEM file of certificates";
        let pem =
            std::fs::read(path).map_err(|error| format!("{} can't be read: {error}; {allowed}", path.display()))?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        match certificates {
            Ok(certificates) if !certificates.is_empty() => Ok(Self {
                #[cfg(feature = "mail")]
                pem,
                #[cfg(feature = "webhook")]
                certificates,
            }),
            _ => Err(format!("{} holds no certificate; {allowed}", path.display())),
        }
    }
}
