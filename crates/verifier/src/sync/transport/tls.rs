//! TLS on this crate's crypto backend: the system's trust roots, and those of the caller beside them.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::crypto;

/// TLS as [`Connect`](crate::Connect) secures its connections: this crate's crypto backend instead of a process-wide one, the
/// system's trust roots, and certificate authorities of the caller's beside them, as PEM. For an HTTP client of your own (reqwest's
/// `tls_backend_preconfigured`).
///
/// A machine without trust roots (a bare container) gets a configuration that trusts nobody:
/// plain http to loopback needs none, and https fails when it is tried.
///
/// # Errors
/// What is wrong with the PEM, for people.
pub fn tls_client_config(trusted_pem: &[Vec<u8>]) -> Result<ClientConfig, String> {
    let provider = crypto::tls_provider();
    let mut extra = Vec::new();
    for pem in trusted_pem {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let certificates = certificates.map_err(|_| "a certificate to trust is not PEM".to_owned())?;
        if certificates.is_empty() {
            return Err("there is no certificate in the PEM to trust".to_owned());
        }
        extra.extend(certificates);
    }
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match Verifier::new_with_extra_roots(extra.iter().cloned(), provider) {
        Ok(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)),
        Err(_) if extra.is_empty() => builder.with_root_certificates(RootCertStore::empty()),
        Err(error) => return Err(format!("a certificate to trust cannot be used: {error}")),
    };
    Ok(builder.with_no_client_auth())
}
