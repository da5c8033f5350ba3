//! What a plugin's file is: a component, a core module that becomes one, or neither. Nothing is run here.
//!
//! A core module carries a description of its types, written by its tools in a section of its own.
//! That is not read: a malformed one can take down the library that reads it, and with it the gateway.
//! The module's exports tell which parts of the contract it has, and the contract's own text has the types.

use std::borrow::Cow;
use std::collections::BTreeSet;

use palisade_policy::Grant;
use wasmparser::{Parser, Payload, Validator};
use wit_component::ComponentEncoder;

use crate::{LoadError, contract};

/// What modules import WASI by that were not made for components.
const PREVIEW1: &str = "wasi_snapshot_preview1";
/// What meets it. It imports nothing, so that the module stays a function of its arguments.
pub(crate) const ADAPTER: &str = include_str!("preview1.wat");

/// The component in `bytes`, made here where they are a core module of `wasm32-unknown-unknown`.
pub(crate) fn component(bytes: &[u8]) -> Result<Cow<'_, [u8]>, LoadError> {
    if Parser::is_component(bytes) {
        Ok(Cow::Borrowed(bytes))
    } else if Parser::is_core_wasm(bytes) {
        from_core_module(bytes).map(Cow::Owned)
    } else {
        Err(LoadError::NotWasm)
    }
}

fn from_core_module(bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    let failed = |error: String| LoadError::NotComponent(error);
    Validator::new().validate_all(bytes).map_err(|error| failed(first_line(&error)))?;
    let module = Module::read(bytes).map_err(|error| failed(first_line(&error)))?;
    if let Some(version) = module.foreign_version() {
        return Err(LoadError::Version { version: version.to_owned() });
    }
    if !module.unknown.is_empty() {
        return Err(LoadError::Imports(module.unknown));
    }
    let mut plain = module.plain;
    let has = |name: &str| module.interfaces.contains(name);
    contract::describe(&mut plain, has, &module.asks).map_err(failed)?;
    let encoder = ComponentEncoder::default().validate(true).module(&plain);
    let adapted = encoder.and_then(|encoder| match module.preview1 {
        true => encoder.adapter(PREVIEW1, &wat::parse_str(ADAPTER)?),
        false => Ok(encoder),
    });
    adapted
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| failed(first_line(&error.root_cause())))
}

/// What has to be known of a core module.
#[derive(Default)]
struct Module<'a> {
    /// What of the contract it imports.
    asks: BTreeSet<Grant>,
    /// Whether it imports WASI as it was before components.
    preview1: bool,
    /// Everything else that it imports, as `module/name`.
    unknown: Vec<String>,
    /// The interfaces that its exports belong to: an export is named `interface#function`.
    interfaces: BTreeSet<&'a str>,
    /// The module without its custom sections.
    plain: Vec<u8>,
}

impl<'a> Module<'a> {
    fn read(bytes: &'a [u8]) -> wasmparser::Result<Self> {
        let mut module = Self::default();
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload?;
            match &payload {
                Payload::Version { range, .. } => module.copy(bytes, range),
                Payload::CustomSection(_) => continue,
                Payload::ImportSection(section) => {
                    for import in section.clone().into_imports() {
                        let import = import?;
                        match contract::asks_for(import.module) {
                            Some(grant) => drop(module.asks.insert(grant)),
                            None if import.module == PREVIEW1 => module.preview1 = true,
                            None => {
                                module.unknown.push(format!("{}/{}", import.module, import.name));
                            }
                        }
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section.clone() {
                        module
                            .interfaces
                            .extend(export?.name.split_once('#').map(|(name, _)| name));
                    }
                }
                _ => {}
            }
            if let Some((id, range)) = payload.as_section() {
                module.plain.push(id);
                leb128(&mut module.plain, range.len());
                module.copy(bytes, &range);
            }
        }
        Ok(module)
    }

    /// The version of the contract that its exports have, where this gateway does not know it.
    fn foreign_version(&self) -> Option<&'a str> {
        let mut versions = self.interfaces.iter().filter_map(|name| contract::version(name));
        versions.find(|version| !contract::VERSIONS.contains(version))
    }

    fn copy(&mut self, bytes: &[u8], range: &std::ops::Range<usize>) {
        self.plain.extend_from_slice(bytes.get(range.clone()).unwrap_or_default());
    }
}

/// WebAssembly's form of a length: seven bits a byte, the low ones first.
fn leb128(out: &mut Vec<u8>, mut value: usize) {
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

/// An error's text without what a tool may add for its developers below it.
pub(crate) fn first_line(error: &impl ToString) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
