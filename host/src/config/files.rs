//! The files that a configuration names: whether others lie under the same paths by now.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use palisade_identity::open_regular;
use ring::digest::{Context, SHA256};
use zeroize::Zeroizing;

use super::TlsFiles;

/// How much of a file is looked at in one piece, in bytes.
const PIECE: usize = 8 << 10;

/// What is in certificates, keys and descriptors: a digest of each, by its path. That of a key tells no more than whether it is
/// another one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileDigests(BTreeMap<PathBuf, Vec<u8>>);

impl FileDigests {
    /// Takes in what is in a file now. Whoever uses the file reads it after this, so that what is newer than its digest is
    /// seen to be another the next time.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn add(&mut self, path: &Path) -> io::Result<()> {
        let mut file = open_regular(path)?;
        // It may be a key.
        let mut piece = Zeroizing::new([0_u8; PIECE]);
        let mut context = Context::new(&SHA256);
        loop {
            let read = file.read(piece.as_mut_slice())?;
            match piece.get(..read) {
                None | Some([]) => break,
                Some(bytes) => context.update(bytes),
            }
        }
        self.0.insert(path.to_owned(), context.finish().as_ref().to_vec());
        Ok(())
    }

    /// Takes in all of others.
    pub fn extend(&mut self, others: &Self) {
        self.0.extend(others.0.iter().map(|(path, digest)| (path.clone(), digest.clone())));
    }

    /// Whether the same is under a path as before.
    pub fn is_same_at(&self, path: &Path, before: &Self) -> bool {
        self.0.get(path) == before.0.get(path)
    }

    /// Whether certificate and key are the same as before.
    pub fn are_same(&self, files: &TlsFiles, before: &Self) -> bool {
        [&files.certificate, &files.key].into_iter().all(|path| self.is_same_at(path, before))
    }

    /// The files.
    pub fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.0.keys()
    }
}
