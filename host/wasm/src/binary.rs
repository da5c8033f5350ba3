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
    if !module.unknown.is_empty() {
        return Err(LoadError::Imports(module.unknown));
    }
    let mut plain = module.plain;
    let has = |name: &str| module.interfaces.contains(name);
    contract::describe(&mut plain, has, &module.asks).map_err(failed)?;
    ComponentEncoder::default()
        .validate(true)
        .module(&plain)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| failed(first_line(&error.root_cause())))
}

/// What has to be known of a core module.
#[derive(Default)]
struct Module<'a> {
    /// What of the contract it imports.
    asks: BTreeSet<Grant>,
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
