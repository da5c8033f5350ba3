//! Who acts, what they reach, and the secrets that only the gateway holds.
//!
//! ```text
//!   Grant ── issue ──▶ token (JWT, EdDSA) ── Verifier ──▶ Identity ── Roles ──▶ reaches, decides,
//!                ▲                              ▲                               audits, administers
//!                └────────── SigningKey ────────┘
//!                            (data_dir/signing.key)
//!
//!   Credential ── read ──▶ Secret   (when a connection opens; never printed, wiped when dropped)
//! ```
//!
//! This crate knows no protocol, no Wasm, no store, and no time other than what it is told.

mod credential;
mod roles;
mod secret;
mod signing_key;
mod token;
mod ttl;
mod verify;

pub use credential::{Credential, CredentialUnreadable};
pub use roles::{DecideRefused, DuplicateRole, Role, Roles};
pub use secret::{Secret, SecretString};
pub use signing_key::{KeyUnusable, SigningKey};
pub use token::{Grant, IssueRefused, Issued, OPERATOR, issue, issue_operator};
pub use ttl::{Ttl, TtlRefused};
pub use verify::{GatewayVerifier, Identity, TokenRefused, Verifier};
