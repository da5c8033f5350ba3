//! Binding SCRAM to the TLS channel it runs in.

use postgres_protocol::authentication::sasl::ChannelBinding;
use ring::digest;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The binding `tls-server-end-point` for a server's certificate (RFC 5929, section 4.1):
/// its hash, by the hash function of its signature; SHA-256 in place of MD5 and SHA-1.
///
/// `None` where the certificate's signature names no hash function, as with Ed25519.
pub(super) fn binding(certificate: &[u8]) -> Option<ChannelBinding> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let algorithm = match parsed.signature_algorithm.algorithm.to_id_string().as_str() {
        // RSA with MD5, SHA-1, SHA-256; ECDSA with SHA-1, SHA-256.
        "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.113549.1.1.11"
        | "1.2.840.10045.4.1"
        | "1.2.840.10045.4.3.2" => &digest::SHA256,
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => &digest::SHA384,
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => &digest::SHA512,
        _ => return None,
    };
    let hash = digest::digest(algorithm, certificate);
    Some(ChannelBinding::tls_server_end_point(hash.as_ref().to_vec()))
}
