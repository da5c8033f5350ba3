//! An authority of the test's own, and the certificates that it gives.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use tempfile::TempDir;

/// Who vouches for servers.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

/// A server's certificate and its key, as PEM.
pub(crate) struct Certificate {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "an authority of the tests");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        let mut key = OpenOptions::new();
        let key = key.write(true).create_new(true).mode(0o600).open(folder.path().join("ca.key"));
        key.unwrap().write_all(issuer.key().serialize_pem().as_bytes()).unwrap();
        Self { issuer, folder }
    }

    /// The file by which it is trusted.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The file of its key, for whoever signs in its name.
    pub(crate) fn key_file(&self) -> PathBuf {
        self.folder.path().join("ca.key")
    }

    /// A certificate for a name or an address.
    pub(crate) fn vouch(&self, name: &str) -> Certificate {
        self.sign(CertificateParams::new(vec![name.to_owned()]).unwrap())
    }

    /// One whose time was over long ago.
    pub(crate) fn vouch_until_2021(&self, name: &str) -> Certificate {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Certificate {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Certificate { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}
