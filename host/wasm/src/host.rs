//! The way in: takes a plugin's file and gives it back compiled, from the disk where it was compiled before.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use wasmtime::component::Component;

use crate::binary::{self, first_line};
use crate::cache::{self, Cache, Hash256};
use crate::plugin::CompiledPlugin;
use crate::runtime::Runtime;
use crate::{HostError, LoadError, Outbound};

/// How the plugin host is set up.
#[derive(Clone)]
pub struct HostOptions {
    /// The gateway's data folder; compiled code goes into `compiled` in it.
    pub data_dir: PathBuf,
    /// Authenticates compiled code. Secret, and the same after a restart.
    pub cache_key: [u8; 32],
    /// Bytes of memory that any instance can have. Eight times this is reserved as address space for each of `max_instances`.
    pub max_memory: usize,
    /// Calls that can run at the same time; one more fails. Should be above the number of threads that call.
    pub max_instances: u32,
    /// Bytes that a plugin's file may have.
    pub max_file_size: usize,
    /// Sends the plugins' requests; none are sent without it.
    pub outbound: Option<Arc<dyn Outbound>>,
}

impl HostOptions {
    /// The defaults: 64 MiB of memory, 64 calls at the same time, files of 32 MiB.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>, cache_key: [u8; 32]) -> Self {
        Self {
            data_dir: data_dir.into(),
            cache_key,
            max_memory: 64 << 20,
            max_instances: 64,
            max_file_size: 32 << 20,
            outbound: None,
        }
    }
}

impl fmt::Debug for HostOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostOptions")
            .field("data_dir", &self.data_dir)
            .field("max_memory", &self.max_memory)
            .field("max_instances", &self.max_instances)
            .field("max_file_size", &self.max_file_size)
            .finish_non_exhaustive()
    }
}

/// Loads plugins. Plugins that it has loaded keep working after it is dropped.
pub struct PluginHost {
    runtime: Arc<Runtime>,
    cache: Cache,
    max_file_size: usize,
}

impl PluginHost {
    /// Reserves the pool of instances and opens the cache of compiled code.
    ///
    /// # Errors
    /// When the system refuses the address space, the folder or the thread.
    pub fn new(options: HostOptions) -> Result<Self, HostError> {
        let runtime = Arc::new(Runtime::start(&options)?);
        let folder = options.data_dir.join("compiled");
        let cache =
            Cache::open(&folder, &options.cache_key, &runtime.engine).map_err(HostError::Cache)?;
        Ok(Self { runtime, cache, max_file_size: options.max_file_size })
    }

    /// Compiles a component, or a core module of `wasm32-unknown-unknown`, and asks it what it is.
    ///
    /// Takes as long as compiling takes: tenths of a second for a small plugin, half a minute for one with an interpreter in it.
    /// Not for a thread that serves connections.
    ///
    /// # Errors
    /// When the file is not a plugin that this host can run; the reason is written for its author.
    pub fn compile(&self, bytes: &[u8]) -> Result<Arc<CompiledPlugin>, LoadError> {
        if bytes.len() > self.max_file_size {
            return Err(LoadError::TooLarge { size: bytes.len(), limit: self.max_file_size });
        }
        let hash = cache::hash(bytes);
        if let Some(component) = self.kept(&hash) {
            return self.load(&component, &hash, bytes.len());
        }
        let component = self.component(bytes)?;
        let plugin = self.load(&component, &hash, bytes.len())?;
        self.keep(&component, &hash);
        Ok(plugin)
    }

    /// The libraries that read a file panic on some that they should refuse; such a file is refused here.
    fn component(&self, bytes: &[u8]) -> Result<Component, LoadError> {
        let compile = || {
            Component::from_binary(&self.runtime.engine, &binary::component(bytes)?)
                .map_err(|error| LoadError::Compile(first_line(&error.root_cause())))
        };
        // Nothing outlives the attempt: the engine only adds what it has finished.
        catch_unwind(AssertUnwindSafe(compile)).unwrap_or_else(|_| {
            Err(LoadError::Compile("the compiler gave up on it, see standard error".to_owned()))
        })
    }

    fn load(
        &self,
        component: &Component,
        hash: &Hash256,
        size: usize,
    ) -> Result<Arc<CompiledPlugin>, LoadError> {
        let runtime = Arc::clone(&self.runtime);
        CompiledPlugin::load(runtime, component, cache::hex(hash), size).map(Arc::new)
    }

    #[allow(
        unsafe_code,
        reason = "loading compiled code is unsafe by nature, and saves compiling at each start"
    )]
    fn kept(&self, hash: &Hash256) -> Option<Component> {
        let code = self.cache.read(hash)?;
        // SAFETY: the code must come unchanged from `Component::serialize`. The cache gives only bytes whose HMAC verifies
        // under the gateway's secret key, which signs nothing but that function's output; they are in our memory already,
        // so that no one can change them after the check.
        match unsafe { Component::deserialize(&self.runtime.engine, &code) } {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::warn!(%error, "compiled plugin does not fit this engine; compiling again");
                None
            }
        }
    }

    /// A plugin that cannot be kept works all the same; the next start compiles it again.
    fn keep(&self, component: &Component, hash: &Hash256) {
        let code = match component.serialize() {
            Ok(code) => code,
            Err(error) => return tracing::warn!(%error, "cannot serialize a compiled plugin"),
        };
        if let Err(error) = self.cache.write(hash, &code) {
            tracing::warn!(%error, "cannot keep a compiled plugin");
        }
    }
}

impl fmt::Debug for PluginHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginHost").field("cache", &self.cache).finish_non_exhaustive()
    }
}
