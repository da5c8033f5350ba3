//! What can be typed about plugins.

use std::path::PathBuf;

use clap::Subcommand;
use palisade_author::Language;

/// What to do with plugins.
#[derive(Debug, Subcommand)]
pub enum PluginsCommand {
    /// Lists those in use.
    List,
    /// Puts a file in the place of a plugin in use, at the next command of every session.
    Load {
        /// A WebAssembly component, or a core module of wasm32-unknown-unknown.
        file: PathBuf,
        /// The policy whose plugin is replaced; the name in the file where left out.
        #[arg(long)]
        name: Option<String>,
    },
    /// Takes out again what was loaded: the policy file's own plugin comes back.
    Unload {
        /// The policy.
        name: String,
    },
    /// Undoes the latest load or unload of a policy.
    Rollback {
        /// The policy.
        name: String,
    },
    /// Lists who changed the policies in force, when, and how.
    History {
        /// How many changes.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
        limit: u64,
    },
    /// Makes a folder with a plugin in it to begin with, that builds and passes its cases.
    New {
        /// Its name: letters, digits and -.
        name: String,
        /// What it is written in: rust, js, python, c or go.
        #[arg(long)]
        lang: Language,
        /// The folder that the new one is made in.
        #[arg(long, default_value = ".")]
        dir: PathBuf,
    },
    /// Builds a plugin, and tells if the gateway would refuse it.
    Build {
        /// The folder with its plugin.toml.
        #[arg(default_value = ".")]
        dir: PathBuf,
        /// Where the plugin goes; NAME.wasm in the folder where left out.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Asks a plugin what the files in its folder's `cases` ask, and shows where it answers otherwise.
    Test {
        /// The folder.
        #[arg(default_value = ".")]
        dir: PathBuf,
        /// Another plugin than the one that was built there: a file, or the name of a bundled one.
        #[arg(long, value_name = "FILE")]
        plugin: Option<PathBuf>,
    },
    /// Shows what a plugin's file is, and what it needs.
    Inspect {
        /// The plugin: a file, or the name of a bundled one.
        file: PathBuf,
    },
    /// Makes a key that signs plugins, and shows what trusts it.
    Key {
        /// The new file, as PEM.
        file: PathBuf,
    },
    /// Signs a plugin's file, so that gateways that trust the key put it in force.
    Sign {
        /// The plugin.
        file: PathBuf,
        /// The private key, Ed25519 as PEM.
        #[arg(long)]
        key: PathBuf,
        /// Where the signed file goes; in its place where left out.
        #[arg(long)]
        out: Option<PathBuf>,
    },
}
