//! The engine under all plugins, and how it is set up: one pool of instances, finite in every dimension.

use std::sync::Arc;

use palisade_policy::PolicyFailure;
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Strategy, Trap,
};

use crate::binary::first_line;
use crate::bindings::EveryHook;
use crate::limits::{Meter, TABLE_ELEMENTS};
use crate::services::{Counters, Ungranted};
use crate::ticker::Ticker;
use crate::{HostError, HostOptions, Outbound};

/// Core instances that any one component may have; `Limits` narrow them for each policy. Python's has 38.
const INSTANCES: u32 = 48;
/// Tables that any one component may have.
const TABLES: u32 = 16;
/// Memories that any one component may have: its own, and those of what it is put together from. JavaScript's has 3.
const MEMORIES: u32 = 4;
/// Bytes of a used memory or table that are cleared in place when its slot is freed; the rest goes back to the system.
const KEEP_RESIDENT: usize = 128 << 10;

/// The engine, its clock, what can be imported, and the policies' counters.
pub(crate) struct Runtime {
    pub(crate) engine: Engine,
    pub(crate) ticker: Ticker,
    pub(crate) linker: Linker<Meter>,
    /// Bytes that a memory of the pool can have.
    pub(crate) max_memory: usize,
    pub(crate) counters: Arc<Counters>,
    pub(crate) outbound: Option<Arc<dyn Outbound>>,
}

impl Runtime {
    pub(crate) fn start(options: &HostOptions) -> Result<Self, HostError> {
        let engine = Engine::new(&config(options))
            .map_err(|error| HostError::Engine(first_line(&error.root_cause())))?;
        let ticker = Ticker::start(engine.clone()).map_err(HostError::Ticker)?;
        let mut linker = Linker::new(&engine);
        // Linked for every plugin; what one may call its grants say.
        EveryHook::add_to_linker::<_, HasSelf<_>>(&mut linker, |meter: &mut Meter| meter)
            .map_err(|error| HostError::Engine(first_line(&error.root_cause())))?;
        let counters = Arc::default();
        let (max_memory, outbound) = (options.max_memory, options.outbound.clone());
        Ok(Self { engine, ticker, linker, max_memory, counters, outbound })
    }
}

fn config(options: &HostOptions) -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .epoch_interruption(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(options)))
        // Bounds are checked by the compiled code, not by faults of guard pages. Otherwise each call moves the guard
        // twice, which costs as much as the call, and most of the speed of a second core.
        .signals_based_traps(false)
        .memory_guard_size(0)
        // The half that no memory can grow into keeps a distance between neighbours all the same.
        .memory_reservation((options.max_memory as u64).saturating_mul(2))
        .wasm_backtrace_max_frames(None)
        .wasm_memory64(false)
        // What joins two components of one file has a memory of each.
        .wasm_multi_memory(true)
        // Equal arguments give equal answers, on every processor.
        .wasm_relaxed_simd(false)
        .cranelift_nan_canonicalization(true);
    config
}

fn pool(options: &HostOptions) -> PoolingAllocationConfig {
    let instances = options.max_instances;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(INSTANCES))
        .max_core_instances_per_component(INSTANCES)
        .total_memories(instances.saturating_mul(MEMORIES))
        .max_memories_per_component(MEMORIES)
        .max_memory_size(options.max_memory)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .total_tables(instances.saturating_mul(TABLES))
        .max_tables_per_component(TABLES)
        .max_tables_per_module(TABLES)
        .table_elements(TABLE_ELEMENTS)
        .table_keep_resident(KEEP_RESIDENT)
        // Clears just the pages that were written, where the kernel can tell (Linux 6.7).
        .pagemap_scan(Enabled::Auto);
    pool
}

/// What an error of a call means: the engine tells traps, the meter tells memory, the rest are answers that cannot be read.
pub(crate) fn failure(error: &wasmtime::Error, meter: &Meter) -> PolicyFailure {
    if let Some(Ungranted(what)) = error.downcast_ref() {
        return PolicyFailure::Ungranted(what.clone());
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => PolicyFailure::Time,
        _ if meter.has_refused() => PolicyFailure::Memory,
        Some(trap) => {
            let text = first_line(trap);
            PolicyFailure::Trap(text.strip_prefix("wasm trap: ").unwrap_or(&text).to_owned())
        }
        None => PolicyFailure::Answer(first_line(&error.root_cause())),
    }
}
