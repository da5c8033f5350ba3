//! `serve --watch`: policy files and plugins' files that change are taken up, as a whole set, or not at all.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::prepare::files;
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
    watched.follow(&gateway.config)?;
    tracing::info!(files = watched.files.len(), "watching the policies' files");
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
    /// Watches what the configuration names now.
    fn follow(&mut self, config: &Config) -> Result<()> {
        self.files = files(config).iter().map(|file| real(file)).collect();
        let folders = self.files.iter().filter_map(|file| file.parent().map(Path::to_owned));
        let folders: BTreeSet<PathBuf> = folders.filter(|folder| folder.is_dir()).collect();
        for gone in self.folders.difference(&folders) {
            // A folder that is not there any more is not watched any more either.
            let _ = self.watcher.unwatch(gone);
        }
        for new in folders.difference(&self.folders) {
            let watched = self.watcher.watch(new, RecursiveMode::NonRecursive);
            watched.with_context(|| format!("cannot watch {}", new.display()))?;
        }
        self.folders = folders;
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

    fn concerns(&self, event: &notify::Result<Event>) -> bool {
        match event {
            Ok(event) => {
                !matches!(event.kind, EventKind::Access(_))
                    && event.paths.iter().any(|path| self.files.contains(path))
            }
            // What was missed may have been anything.
            Err(_) => true,
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
        // A refusal is logged and recorded there, and the next change is another chance.
        if let Ok(true) = gateway.plugins.reload(&gateway.config, &gateway.harmless_functions) {
            tracing::info!("the policies changed with their files");
        }
        if let Err(error) = watched.follow(&gateway.config) {
            tracing::warn!(%error, "some of the policies' files are not watched");
        }
    }
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
