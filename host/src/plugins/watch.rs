//! `serve --watch`: the configuration, policy files and plugins' files that change are taken up, as a whole set, or not at all.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use notify::event::ModifyKind;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::prepare::files;
use crate::changes::ITSELF;
use crate::config::Config;
use crate::gateway::Gateway;

/// A file is written in several steps: it is read once nothing happened to it for so long.
const QUIET: Duration = Duration::from_millis(200);

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
    let mut watched = Watched { watcher: watcher?, folders: BTreeSet::new(), files: vec![] };
    watched.follow(&gateway.settings.load().config)?;
    tracing::info!(files = watched.files.len(), "watching the policies' files");
    // What changed since they were read is taken up now.
    take_up(gateway);
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
}

impl Watched {
    /// Watches what the configuration names now: each folder anew, since one of its name may be another by now.
    fn follow(&mut self, config: &Config) -> Result<()> {
        for old in std::mem::take(&mut self.folders) {
            // One that is not there any more is not watched any more either.
            let _ = self.watcher.unwatch(&old);
        }
        let mut named = files(config);
        named.push(config.file.clone());
        // A link leads elsewhere: what it leads to is watched as well.
        let led_to = named.iter().filter_map(|file| file.canonicalize().ok());
        self.files = named.iter().map(|file| real(file)).chain(led_to).collect();
        for folder in self.files.iter().filter_map(|file| file.parent()) {
            if self.folders.contains(folder) || !folder.is_dir() {
                continue;
            }
            let watched = self.watcher.watch(folder, RecursiveMode::NonRecursive);
            watched.with_context(|| format!("cannot watch {}", folder.display()))?;
            self.folders.insert(folder.to_owned());
        }
        Ok(())
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

    /// Whether a file may have changed. Names that come and go may be links to what is read, or the folder itself.
    fn concerns(&self, event: &notify::Result<Event>) -> bool {
        let Ok(event) = event else { return true };
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
}

fn keep_watch(
    mut watched: Watched,
    hear: &Receiver<notify::Result<Event>>,
    gateway: &Weak<Gateway>,
) {
    while let Ok(event) = hear.recv() {
        if !watched.concerns(&event) {
            continue;
        }
        watched.wait_for_quiet(hear);
        let Some(gateway) = gateway.upgrade() else { return };
        // Before the files are read, so that what changes meanwhile is heard.
        if let Err(error) = watched.follow(&gateway.settings.load().config) {
            tracing::warn!(%error, "some of the policies' files are not watched");
        }
        take_up(&gateway);
        // A plugin that was named just now may lie in another folder.
        if let Err(error) = watched.follow(&gateway.settings.load().config) {
            tracing::warn!(%error, "some of the policies' files are not watched");
        }
    }
}

/// A refusal is logged and recorded where it is made, and the next change is another chance.
fn take_up(gateway: &Gateway) {
    // Either is told where it happens.
    let _ = gateway.reload(ITSELF);
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
