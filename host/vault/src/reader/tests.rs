use super::*;

fn counting(cache: Duration) -> (tempfile::TempDir, Reader) {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("cd {} && echo x >> runs && wc -l < runs", folder.path().display());
    let command = ["/bin/sh".to_owned(), "-c".to_owned(), script];
    let reference = Reference { place: Place::Exec(command.to_vec()), cache };
    (folder, Reader::new(&reference, None).unwrap())
}

fn read(reader: &Reader) -> String {
    reader.read().unwrap().expose().trim().to_owned()
}

#[test]
fn without_a_cache_a_secret_is_read_each_time() {
    let (_folder, reader) = counting(Duration::ZERO);
    assert_eq!([read(&reader), read(&reader)], ["1", "2"]);
}

#[test]
fn a_kept_secret_is_read_once_until_it_is_forgotten() {
    let (_folder, reader) = counting(Duration::from_secs(600));
    assert_eq!([read(&reader), read(&reader)], ["1", "1"]);
    reader.forget();
    assert_eq!(read(&reader), "2");
}

#[test]
fn a_secret_is_at_hand_while_it_is_kept_and_is_never_read_for_that() {
    let (_folder, reader) = counting(Duration::from_secs(600));
    assert!(reader.at_hand().is_none());
    assert_eq!(read(&reader), "1");
    assert_eq!(reader.at_hand().unwrap().expose().trim(), "1");
    reader.forget();
    assert!(reader.at_hand().is_none());
    let (_folder, unkept) = counting(Duration::ZERO);
    assert_eq!(read(&unkept), "1");
    assert!(unkept.at_hand().is_none());
}

#[test]
fn a_kept_secret_is_read_anew_after_its_time() {
    let (_folder, reader) = counting(Duration::from_nanos(1));
    assert_eq!([read(&reader), read(&reader)], ["1", "2"]);
}

#[test]
fn what_is_no_text_is_refused_and_debug_shows_no_secret() {
    let command = ["/bin/sh", "-c", "printf '\\377'"].map(str::to_owned).to_vec();
    let reader = Reader::new(&Reference::to(Place::Exec(command)), None).unwrap();
    assert!(reader.read().unwrap_err().to_string().contains("not UTF-8"));
    let command = ["/bin/sh", "-c", "echo hunter$((1+1))"].map(str::to_owned).to_vec();
    let cache = Duration::from_secs(600);
    let reader = Reader::new(&Reference { place: Place::Exec(command), cache }, None).unwrap();
    assert_eq!(read(&reader), "hunter2");
    assert!(!format!("{reader:?}").contains("hunter2"));
}
