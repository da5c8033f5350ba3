use super::*;
use std::fs::{self, Permissions};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_new_key_is_readable_by_its_owner_only() {
    let folder = folder();
    SigningKey::load_or_create(folder.path()).unwrap();
    assert_eq!(mode_of(&folder.path().join("signing.key")), 0o600);
}

#[test]
fn a_missing_data_folder_is_made_for_its_owner_only() {
    let folder = folder();
    let data_dir = folder.path().join("data");
    SigningKey::load_or_create(&data_dir).unwrap();
    assert_eq!(mode_of(&data_dir), 0o700);
}

#[test]
fn the_next_start_finds_the_same_key() {
    let folder = folder();
    let first = SigningKey::load_or_create(folder.path()).unwrap();
    let second = SigningKey::load_or_create(folder.path()).unwrap();
    assert_eq!(first.public(), second.public());
    assert_eq!(first.kid(), second.kid());
}

#[test]
fn starters_at_the_same_time_end_with_one_key_and_leave_nothing_else() {
    let folder = folder();
    let kids = std::thread::scope(|scope| {
        let starters: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| SigningKey::load_or_create(folder.path()).unwrap().kid))
            .collect();
        starters.into_iter().map(|starter| starter.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(kids.iter().all(|kid| kid == &kids[0]), "{kids:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn two_folders_have_two_keys() {
    let [one, other] = [folder(), folder()];
    assert_ne!(
        SigningKey::load_or_create(one.path()).unwrap().kid(),
        SigningKey::load_or_create(other.path()).unwrap().kid()
    );
}

#[test]
fn load_never_makes_a_key() {
    let folder = folder();
    let refused = SigningKey::load(folder.path()).unwrap_err();
    assert!(matches!(refused, KeyUnusable::Unreadable { .. }), "{refused}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_key_that_others_can_read_is_refused_with_the_line_that_mends_it() {
    for mode in [0o640, 0o604, 0o620] {
        let folder = folder();
        SigningKey::load_or_create(folder.path()).unwrap();
        let path = folder.path().join("signing.key");
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let refused = SigningKey::load_or_create(folder.path()).unwrap_err().to_string();
        assert!(refused.contains(&format!("chmod 600 {}", path.display())), "{refused}");
    }
}

#[test]
fn a_file_that_holds_no_key_is_refused_and_kept() {
    let folder = folder();
    let path = folder.path().join("signing.key");
    write_private(&path, b"not a key").unwrap();
    let refused = SigningKey::load_or_create(folder.path()).unwrap_err();
    assert!(matches!(refused, KeyUnusable::Malformed { .. }), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), b"not a key");
}

#[test]
fn debug_shows_the_id_and_no_key() {
    let folder = folder();
    let key = SigningKey::load_or_create(folder.path()).unwrap();
    assert_eq!(format!("{key:?}"), format!("SigningKey {{ kid: {:?}, .. }}", key.kid()));
}
