//! An empty WASI, for languages whose runtimes cannot do without one: no files, no network, no environment, no arguments.
//!
//! There is nothing behind it: each function is made from its own type alone, and answers with the emptiest value of that
//! type, an error where there can be one. Exceptions are few: what is written to an output is dropped, the clocks, random
//! bytes, and the way out.

use std::time::SystemTime;

use palisade_policy::Grant;
use ring::rand::{SecureRandom, SystemRandom};
use wasmtime::StoreContextMut;
use wasmtime::component::types::{ComponentInstance, ComponentItem};
use wasmtime::component::{
    Component, Linker, LinkerInstance, Resource, ResourceAny, ResourceType, Type, Val,
};

use crate::limits::Meter;

/// The packages of WASI that are met, in their version 0.2.
const PACKAGES: [&str; 6] =
    ["wasi:io/", "wasi:cli/", "wasi:clocks/", "wasi:random/", "wasi:filesystem/", "wasi:sockets/"];
/// How many random bytes a plugin gets at once.
const MOST_RANDOM: u64 = 64 << 10;
/// How much an output takes at once, in bytes.
const OUTPUT: u64 = 64 << 10;
/// What a clock that nobody granted shows more at each look, in nanoseconds.
const STEP: u64 = 1000;

/// What stands for every resource of WASI.
struct Nothing;

/// Whether an imported interface is one that the empty WASI meets.
pub(crate) fn is_met(interface: &str) -> bool {
    PACKAGES.iter().any(|package| interface.starts_with(package)) && interface.contains("@0.2.")
}

/// What makes a plugin that imports this interface of WASI something else than a function of its arguments, if granted.
pub(crate) fn uses(interface: &str) -> Option<Grant> {
    if interface.starts_with("wasi:clocks/") {
        Some(Grant::Clock)
    } else if interface.starts_with("wasi:random/") {
        Some(Grant::Random)
    } else {
        None
    }
}

/// Links everything that a component imports of WASI.
pub(crate) fn link(linker: &mut Linker<Meter>, component: &Component) -> wasmtime::Result<()> {
    for (name, import) in component.component_type().imports(component.engine()) {
        if let ComponentItem::ComponentInstance(interface) = import.ty
            && is_met(name)
        {
            link_interface(&mut linker.instance(name)?, name, &interface, component)?;
        }
    }
    Ok(())
}

fn link_interface(
    linker: &mut LinkerInstance<'_, Meter>,
    name: &str,
    interface: &ComponentInstance,
    component: &Component,
) -> wasmtime::Result<()> {
    let (short, _version) = name.split_once('@').unwrap_or((name, ""));
    for (item, export) in interface.exports(component.engine()) {
        match export.ty {
            ComponentItem::Resource(_) => {
                linker.resource(item, ResourceType::host::<Nothing>(), |_, _| Ok(()))?;
            }
            ComponentItem::ComponentFunc(_) => {
                let called = format!("{short}#{item}");
                linker.func_new(item, move |mut store, ty, params, results| {
                    for (result, ty) in results.iter_mut().zip(ty.results()) {
                        *result = match special(&mut store, &called, params)? {
                            Some(answer) => answer,
                            None => empty(&mut store, &ty)?,
                        };
                    }
                    let_go(&mut store, params)?;
                    if called.starts_with("wasi:cli/exit#") {
                        return Err(wasmtime::Error::msg("it exited"));
                    }
                    Ok(())
                })?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Gives up the handles that a call was lent or given.
fn let_go(store: &mut StoreContextMut<'_, Meter>, values: &[Val]) -> wasmtime::Result<()> {
    for value in values {
        match value {
            Val::Resource(resource) => resource.resource_drop(&mut *store)?,
            Val::List(values) | Val::Tuple(values) => let_go(store, values)?,
            Val::Option(Some(value)) => let_go(store, std::slice::from_ref(value))?,
            _ => {}
        }
    }
    Ok(())
}

/// The answers that are not empty.
fn special(
    store: &mut StoreContextMut<'_, Meter>,
    called: &str,
    params: &[Val],
) -> wasmtime::Result<Option<Val>> {
    Ok(Some(match called {
        "wasi:clocks/wall-clock#now" => {
            store.data().caller().may(Grant::Clock)?;
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            datetime(now.as_secs(), now.subsec_millis() * 1_000_000)
        }
        "wasi:clocks/wall-clock#resolution" => datetime(0, 1_000_000),
        "wasi:clocks/monotonic-clock#now" => Val::U64(monotonic(store)),
        "wasi:clocks/monotonic-clock#resolution" => Val::U64(STEP),
        "wasi:random/random#get-random-bytes"
        | "wasi:random/insecure#get-insecure-random-bytes" => {
            let Some(Val::U64(count)) = params.first() else { return Ok(None) };
            if *count > MOST_RANDOM {
                return Err(wasmtime::Error::msg("it asks for too many random bytes at once"));
            }
            let mut bytes = vec![0; usize::try_from(*count)?];
            random(store, &mut bytes)?;
            Val::List(bytes.into_iter().map(Val::U8).collect())
        }
        "wasi:random/random#get-random-u64" | "wasi:random/insecure#get-insecure-random-u64" => {
            Val::U64(random_u64(store)?)
        }
        "wasi:random/insecure-seed#insecure-seed" => {
            Val::Tuple(vec![Val::U64(random_u64(store)?), Val::U64(random_u64(store)?)])
        }
        "wasi:io/streams#[method]output-stream.check-write" => {
            Val::Result(Ok(Some(Box::new(Val::U64(OUTPUT)))))
        }
        "wasi:io/streams#[method]output-stream.write"
        | "wasi:io/streams#[method]output-stream.blocking-write-and-flush"
        | "wasi:io/streams#[method]output-stream.flush"
        | "wasi:io/streams#[method]output-stream.blocking-flush" => Val::Result(Ok(None)),
        _ => return Ok(None),
    }))
}

fn datetime(seconds: u64, nanoseconds: u32) -> Val {
    Val::Record(vec![
        ("seconds".to_owned(), Val::U64(seconds)),
        ("nanoseconds".to_owned(), Val::U32(nanoseconds)),
    ])
}

/// Time that passes: really, where that is granted, and by a step at each look where it is not.
fn monotonic(store: &mut StoreContextMut<'_, Meter>) -> u64 {
    let meter = store.data_mut();
    let passed = if meter.caller().grants.has(Grant::Clock) {
        u64::try_from(meter.since_start().as_nanos()).unwrap_or(u64::MAX)
    } else {
        meter.looked_at_clock().saturating_mul(STEP)
    };
    // Some runtimes take zero for "not known yet".
    passed.saturating_add(1)
}

/// Zeros where randomness is not granted.
fn random(store: &StoreContextMut<'_, Meter>, bytes: &mut [u8]) -> wasmtime::Result<()> {
    if store.data().caller().grants.has(Grant::Random) {
        let filled = SystemRandom::new().fill(bytes);
        filled.map_err(|_| wasmtime::Error::msg("the system gives no random bytes"))?;
    }
    Ok(())
}

fn random_u64(store: &StoreContextMut<'_, Meter>) -> wasmtime::Result<u64> {
    let mut bytes = [0; 8];
    random(store, &mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

/// The emptiest value of a type: an error where there can be one, else nothing.
fn empty(store: &mut StoreContextMut<'_, Meter>, ty: &Type) -> wasmtime::Result<Val> {
    Ok(match ty {
        Type::Bool => Val::Bool(false),
        Type::S8 => Val::S8(0),
        Type::U8 => Val::U8(0),
        Type::S16 => Val::S16(0),
        Type::U16 => Val::U16(0),
        Type::S32 => Val::S32(0),
        Type::U32 => Val::U32(0),
        Type::S64 => Val::S64(0),
        Type::U64 => Val::U64(0),
        Type::Float32 => Val::Float32(0.0),
        Type::Float64 => Val::Float64(0.0),
        Type::Char => Val::Char('\0'),
        Type::String => Val::String(String::new()),
        Type::List(_) => Val::List(vec![]),
        Type::Option(_) => Val::Option(None),
        Type::Flags(_) => Val::Flags(vec![]),
        Type::Record(record) => Val::Record(
            record
                .fields()
                .map(|field| Ok((field.name.to_owned(), empty(store, &field.ty)?)))
                .collect::<wasmtime::Result<_>>()?,
        ),
        Type::Tuple(tuple) => {
            Val::Tuple(tuple.types().map(|ty| empty(store, &ty)).collect::<wasmtime::Result<_>>()?)
        }
        Type::Enum(names) => Val::Enum(names.names().next().unwrap_or_default().to_owned()),
        Type::Variant(variant) => {
            // A stream's error: "closed" has nothing to tell, the first would need an error of its own.
            let closed = variant.cases().find(|case| case.name == "closed");
            let case = closed.or_else(|| variant.cases().next());
            let case = case.ok_or_else(|| wasmtime::Error::msg("a variant without a case"))?;
            let payload = case.ty.map(|ty| empty(store, &ty).map(Box::new)).transpose()?;
            Val::Variant(case.name.to_owned(), payload)
        }
        Type::Result(result) => {
            let error = result.err().map(|ty| empty(store, &ty).map(Box::new)).transpose()?;
            Val::Result(Err(error))
        }
        Type::Own(_) => {
            let nothing = Resource::<Nothing>::new_own(0);
            Val::Resource(ResourceAny::try_from_resource(nothing, store)?)
        }
        _ => return Err(wasmtime::Error::msg("an import of WASI that the gateway cannot meet")),
    })
}

#[cfg(test)]
mod tests;
