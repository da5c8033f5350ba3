//! Room for what is compiled next: each build of an interpreter leaves 40 MB, which nobody asks for after the next one.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How much compiled code is kept, in bytes.
pub(super) const MOST: u64 = 512 << 20;

/// Removes the oldest files of a folder, until the others have at most `most` bytes. What cannot be removed stays.
pub(super) fn make(folder: &Path, most: u64) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.filter_map(|entry| {
        let about = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        Some((about.modified().ok()?, about.len(), entry.path()))
    });
    let mut files: Vec<(SystemTime, u64, PathBuf)> = files.collect();
    files.sort();
    let mut kept = 0_u64;
    for (_, size, path) in files.iter().rev() {
        kept = kept.saturating_add(*size);
        if kept > most {
            // Somebody else may have removed it; what is missing is compiled anew.
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_newest_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        for (age, name) in ["new", "middle", "old"].into_iter().enumerate() {
            let path = folder.path().join(name);
            fs::write(&path, [0; 10]).unwrap();
            let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 - age as u64);
            fs::File::options().append(true).open(&path).unwrap().set_modified(then).unwrap();
        }
        make(folder.path(), 25);
        let mut left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["middle", "new"]);
        make(&folder.path().join("nothing"), 0);
    }
}
