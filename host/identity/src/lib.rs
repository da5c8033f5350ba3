//! Who acts, what they reach, and the secrets that only the gateway holds.
//!
//! ```text
//!   Grant ── issue ──▶ token (JWT, EdDSA) ── Verifier ──▶ Identity ── Roles ──▶ reaches, decides,
//!                ▲                              ▲                               audits, administers
//!                └────────── SigningKey ────────┘
//!                            (data_dir/signing.key)
//!
//!   other issuers' tokens ── Verifiers (their published keys) ──▶ Presented ── Rules ──▶ roles
//!
//!   Credential ── read ──▶ Secret   (when a connection opens; never printed, wiped when dropped)
//! ```
//!
//! This crate knows no protocol, no Wasm, no store, and no time other than what it is told.

mod access;
mod claims;
mod credential;
mod exchange;
mod foreign;
mod issuer;
mod keys;
mod refused;
mod roles;
mod rules;
mod secret;
mod signing_key;
mod token;
mod ttl;
mod verifiers;
mod verify;

pub use access::{Access, Reaching, Standing};
pub use credential::{Credential, CredentialUnreadable, open_regular};
pub use exchange::{ExchangeRefused, Exchanged, Wish, exchange};
pub use foreign::is_meant_for;
pub use issuer::{
    AlgorithmRefused, DEFAULT_ALGORITHMS, Discovery, Fetch, Issuer, SignatureAlgorithm,
    is_trustworthy,
};
pub use refused::TokenRefused;
pub use roles::{DecideRefused, DuplicateRole, Role, Roles};
pub use rules::{Given, Presented, Rule};
pub use secret::{Secret, SecretString};
pub use signing_key::{KeyUnusable, SigningKey};
pub use token::{GATEWAY, Grant, IssueRefused, Issued, OPERATOR, issue, issue_operator};
pub use ttl::{Ttl, TtlRefused};
pub use verifiers::Verifiers;
pub use verify::{GatewayVerifier, Identity, SKEW, Verifier};
