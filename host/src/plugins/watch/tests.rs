use notify::event::{CreateKind, DataChange, Flag};

use super::*;

/// What watches one file of a folder.
fn watched(refused: bool) -> Watched {
    let watcher = notify::recommended_watcher(|_: notify::Result<Event>| ()).unwrap();
    let folders = BTreeSet::from([PathBuf::from("/etc/palisade")]);
    Watched { watcher, folders, files: vec!["/etc/palisade/palisade.toml".into()], refused }
}

fn event(kind: EventKind, file: &str) -> notify::Result<Event> {
    Ok(Event::new(kind).add_path(Path::new("/etc/palisade").join(file)))
}

const WRITTEN: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Any));

#[test]
fn what_was_lost_may_have_been_about_any_file() {
    let lost = Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan));
    assert!(watched(false).concerns(&lost));
    assert!(watched(false).concerns(&event(WRITTEN, "palisade.toml")));
    assert!(!watched(false).concerns(&event(WRITTEN, "notes.txt")));
}

#[test]
fn a_file_that_comes_may_be_one_that_a_refused_configuration_misses() {
    let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
    for kind in [EventKind::Create(CreateKind::File), closed] {
        let come = event(kind, "later.pem");
        assert!(!watched(true).concerns(&come) && watched(true).may_mend(&come), "{kind:?}");
        assert!(!watched(false).may_mend(&come), "nothing was refused");
    }
    assert!(!watched(true).may_mend(&event(WRITTEN, "later.pem")), "it is not whole yet");
}
