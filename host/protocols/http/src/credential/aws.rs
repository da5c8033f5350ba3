//! AWS Signature Version 4, by AWS's own signer: the client's signature, made with whatever key it has, goes, and the gateway's
//! takes its place.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use zeroize::Zeroizing;

use super::{Outgoing, Unusable};
use crate::head::aws_chunks;

/// A key of AWS, and what it signs for.
#[derive(Clone)]
pub struct AwsKey {
    /// The access key's id.
    pub key_id: String,
    /// The secret key.
    pub secret_key: Zeroizing<String>,
    /// The token of a temporary key.
    pub session_token: Option<Zeroizing<String>>,
    /// The region: `eu-central-1`.
    pub region: String,
    /// The service: `s3`.
    pub service: String,
}

impl std::fmt::Debug for AwsKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwsKey").field("region", &self.region).finish_non_exhaustive()
    }
}

/// Headers of another signature than the gateway's.
const SIGNED_BEFORE: [&str; 4] =
    ["x-amz-date", "x-amz-security-token", "x-amz-content-sha256", "x-amz-region-set"];

impl AwsKey {
    pub(super) fn sign(&self, request: &mut Outgoing) -> Result<(), Unusable> {
        self.sign_at(request, SystemTime::now())
    }

    pub(super) fn sign_at(&self, request: &mut Outgoing, now: SystemTime) -> Result<(), Unusable> {
        request.headers.remove(AUTHORIZATION);
        let chunks = aws_chunks(&request.headers);
        // Services escape anew what they check, and some take what is written.
        request.target.escape_all();
        for name in SIGNED_BEFORE {
            request.headers.remove(name);
        }
        let identity = Credentials::new(
            self.key_id.clone(),
            self.secret_key.as_str(),
            self.session_token.as_ref().map(|token| token.to_string()),
            None,
            "palisade",
        );
        let identity = identity.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(&self.service)
            .time(now)
            .settings(self.settings())
            .build()
            .map_err(|_| Unusable::Signature)?;
        let uri = format!("{}{}", request.origin, request.target.text());
        // A header that is no text is sent unsigned.
        let headers: Vec<(String, String)> = request
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
            .collect();
        let body = match &request.body {
            Some(bytes) => SignableBody::Bytes(bytes),
            // What streams through cannot be hashed before it is sent; S3 alone takes it so.
            None if self.service != "s3" => return Err(Unusable::Unread),
            None if chunks => SignableBody::StreamingUnsignedPayloadTrailer,
            None => SignableBody::UnsignedPayload,
        };
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let signable = SignableRequest::new(request.method.as_str(), &uri, headers, body)
            .map_err(|_| Unusable::Signature)?;
        let signed = sign(signable, &params.into()).map_err(|_| Unusable::Signature)?;
        let (instructions, _) = signed.into_parts();
        for (name, value) in instructions.headers() {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Unusable::Signature)?;
            let mut value = HeaderValue::from_str(value).map_err(|_| Unusable::Signature)?;
            value.set_sensitive(true);
            request.headers.insert(name, value);
        }
        Ok(())
    }

    /// S3 signs paths as they are; all others as they would be escaped once more.
    fn settings(&self) -> SigningSettings {
        let mut settings = SigningSettings::default();
        if self.service == "s3" {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind =
                aws_sigv4::http_request::PayloadChecksumKind::XAmzSha256;
        }
        settings
    }
}
