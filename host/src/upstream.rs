//! TLS towards the servers behind the gateway.

use std::sync::Arc;

use anyhow::{Context, Result};
use palisade_relay::Secure;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::config::{Connection, UpstreamTls};
use crate::tls;

/// How a step to TLS is done on the way to this connection's server.
///
/// The server's certificate is verified for `verify-full`, and wherever there is a `tls_ca`.
///
/// # Errors
/// When the `tls_ca` cannot be used.
pub fn secure(connection: &Connection) -> Result<Secure> {
    let name = ServerName::try_from(connection.host.clone())
        .with_context(|| format!("`{}` is no name of a server", connection.host))?;
    let builder = ClientConfig::builder();
    let config = match (&connection.tls_ca, connection.tls) {
        (Some(file), _) => {
            let mut roots = RootCertStore::empty();
            for certificate in tls::certificates(file)? {
                let usable = roots.add(certificate);
                usable
                    .with_context(|| format!("{} is no certificate authority", file.display()))?;
            }
            builder.with_root_certificates(roots).with_no_client_auth()
        }
        (None, UpstreamTls::VerifyFull) => {
            let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect::<RootCertStore>();
            builder.with_root_certificates(roots).with_no_client_auth()
        }
        (None, _) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unverified(ring::default_provider())))
            .with_no_client_auth(),
    };
    Ok(Secure::Connect(Arc::new(config), name))
}

/// Takes any certificate, as `prefer` and `require` ask for: the link is encrypted, and its end not known.
#[derive(Debug)]
struct Unverified(CryptoProvider);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
