use super::*;
use std::sync::{Arc, Mutex};

#[test]
fn debug_shows_stars() {
    assert_eq!(format!("{:?}", SecretString::new("hunter2".into())), "***");
}

#[test]
fn expose_shows_the_value() {
    assert_eq!(SecretString::new("hunter2".into()).expose(), "hunter2");
}

#[test]
fn a_dropped_secret_is_wiped() {
    struct Witness(Arc<Mutex<bool>>);
    impl Zeroize for Witness {
        fn zeroize(&mut self) {
            *self.0.lock().unwrap() = true;
        }
    }
    let wiped = Arc::new(Mutex::new(false));
    drop(Secret::new(Witness(wiped.clone())));
    assert!(*wiped.lock().unwrap());
}
