//! Bindings, made in this process by the same libraries as `wit-bindgen`.

use std::fs;
use std::path::Path;

use wit_bindgen_core::{Files, WorldGenerator};

use crate::AuthorError;
use crate::wit::World;

/// Writes what a generator makes of a world into a folder.
pub(super) fn write(
    language: &'static str,
    mut generator: Box<dyn WorldGenerator>,
    world: &World,
    folder: &Path,
) -> Result<(), AuthorError> {
    let failed =
        |problem: String| AuthorError::Bindings { language, world: world.name.clone(), problem };
    let (mut resolve, id) = world.resolve().map_err(failed)?;
    let mut files = Files::default();
    generator.generate(&mut resolve, id, &mut files).map_err(|error| failed(error.to_string()))?;
    for (name, contents) in files.iter() {
        put(&folder.join(name), contents)?;
    }
    Ok(())
}

/// Writes a file, and makes the folders above it.
pub(super) fn put(file: &Path, contents: &[u8]) -> Result<(), AuthorError> {
    let parent = file.parent().unwrap_or(file);
    fs::create_dir_all(parent).map_err(AuthorError::io("cannot create", parent))?;
    fs::write(file, contents).map_err(AuthorError::io("cannot write", file))
}
