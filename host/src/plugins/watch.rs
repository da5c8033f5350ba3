//! `serve --watch`: the configuration, the certificates, keys and descriptors that it names, policy files and plugins' files that
//! change are taken up, as a whole set, or not at all.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Error, Result};
use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::prepare::files;
use crate::changes::ITSELF;
use crate::gateway::Gateway;

/// A file is written in several steps: it is read once nothing happened to it for so long.
const QUIET: Duration = Duration::from_millis(200);
/// The same where another file was written, which what was refused may name: not every file of a busy folder is tried at once.
const PATIENCE: Duration = Duration::from_secs(1);

/// Watches the files that this gateway's configuration names, for as long as the gateway lives.
///
/// # Errors
/// When the system does not watch them.
pub fn watch(gateway: &Arc<Gateway>) -> Result<()> {
    let (tell, hear) = channel();
    let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // Nobody listens any more once the gateway stops.
        let _ = tell.send(event);
    });
    let (folders, files) = (BTreeSet::new(), vec![]);
    let mut watched = Watched { watcher: watcher?, folders, files, refused: false };
    match watched.follow(gateway) {
        Err(error) if watched.folders.is_empty() => return Err(error),
        followed => told(followed),
    }
    tracing::info!(files = watched.files.len(), "watching the policies' files");
    // What changed since they were read is taken up now.
    watched.refused = !take_up(gateway);
    let gateway = Arc::downgrade(gateway);
    let thread = thread::Builder::new().name("policy-watch".to_owned());
    thread.spawn(move || keep_watch(watched, &hear, &gateway))?;
    Ok(())
}

/// What is watched: folders, since a file is often exchanged for another of its name.
struct Watched {
    watcher: RecommendedWatcher,
    folders: BTreeSet<PathBuf>,
    files: Vec<PathBuf>,
    /// Whether what is written now was refused: it may name files that are not there yet, and nobody knows which.
    refused: bool,
}

impl Watched {
    /// Watches what the configuration in force and the kept connections name: each folder anew, since one of its name may be
    /// another by now. One that cannot be watched, such as a key's that nobody may look into, keeps no other from it.
    ///
    /// # Errors
    /// The first of those.
    fn follow(&mut self, gateway: &Gateway) -> Result<()> {
        for old in std::mem::take(&mut self.folders) {
            // One that is not there any more is not watched any more either.
            let _ = self.watcher.unwatch(&old);
        }
        let config = &gateway.settings.load().config;
        let mut named = files(config);
        named.push(config.file.clone());
        named.extend(config.files.paths().cloned());
        named.extend(gateway.connections.kept_files());
        // A link leads elsewhere: what it leads to is watched as well.
        let led_to = named.iter().filter_map(|file| file.canonicalize().ok());
        self.files = named.iter().map(|file| real(file)).chain(led_to).collect();
        let mut outcome = Ok(());
        for folder in self.files.iter().filter_map(|file| file.parent()) {
            if self.folders.contains(folder) || !folder.is_dir() {
                continue;
            }
            match self.watcher.watch(folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.folders.insert(folder.to_owned());
                }
                Err(error) => {
                    let said = format!("cannot watch {}", folder.display());
                    outcome = outcome.and(Err(Error::new(error).context(said)));
                }
            }
        }
        outcome
    }

    /// Waits until nothing happened for a while to what is watched; other files of the folders do not count.
    fn wait_for_quiet(&self, hear: &Receiver<notify::Result<Event>>) {
        let mut until = Instant::now() + QUIET;
        while let Ok(event) = hear.recv_timeout(until.saturating_duration_since(Instant::now())) {
            if self.concerns(&event) {
                until = Instant::now() + QUIET;
            }
        }
    }

    /// Hears what happens for a while, whatever it is about.
    fn let_pass(&self, hear: &Receiver<notify::Result<Event>>) {
        let until = Instant::now() + PATIENCE;
        while hear.recv_timeout(until.saturating_duration_since(Instant::now())).is_ok() {}
        self.wait_for_quiet(hear);
    }

    /// Whether a file may have changed. Names that come and go may be links to what is read, or the folder itself.
    fn concerns(&self, event: &notify::Result<Event>) -> bool {
        let Ok(event) = event else { return true };
        // Some were lost: whatever they were about may have changed.
        if event.need_rescan() {
            return true;
        }
        let ours = |path: &PathBuf| self.files.contains(path) || self.folders.contains(path);
        match event.kind {
            EventKind::Access(_) => false,
            EventKind::Modify(ModifyKind::Name(_))
            | EventKind::Create(_)
            | EventKind::Remove(_) => {
                event.paths.iter().any(|path| ours(path) || path.is_symlink() || path.is_dir())
            }
            _ => event.paths.iter().any(ours),
        }
    }

    /// Whether another file may have come that what was refused names.
    fn may_mend(&self, event: &notify::Result<Event>) -> bool {
        let Ok(event) = event else { return false };
        let written = AccessKind::Close(AccessMode::Write);
        let has_come = match event.kind {
            EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_)) => true,
            EventKind::Access(kind) => kind == written,
            _ => false,
        };
        self.refused && has_come
    }
}

fn keep_watch(
    mut watched: Watched,
    hear: &Receiver<notify::Result<Event>>,
    gateway: &Weak<Gateway>,
) {
    while let Ok(event) = hear.recv() {
        match watched.concerns(&event) {
            true => watched.wait_for_quiet(hear),
            false if watched.may_mend(&event) => watched.let_pass(hear),
            false => continue,
        }
        let Some(gateway) = gateway.upgrade() else { return };
        // Before the files are read, so that what changes meanwhile is heard.
        told(watched.follow(&gateway));
        watched.refused = !take_up(&gateway);
        // What was named just now may lie in another folder.
        told(watched.follow(&gateway));
    }
}

fn told(followed: Result<()>) {
    if let Err(error) = followed {
        tracing::warn!(error = format!("{error:#}"), "some of the files are not watched");
    }
}

/// Says whether it was not refused. That is logged and recorded where it is made, and the next change is another chance.
fn take_up(gateway: &Gateway) -> bool {
    gateway.reload(ITSELF).is_ok()
}

/// The path by which the system speaks of a file.
fn real(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize();
    match (folder, file.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => file.to_owned(),
    }
}

#[cfg(test)]
mod tests;
