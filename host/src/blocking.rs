//! Work that waits for the disk, done where async code cannot hand it away.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Does `work`, telling the runtime that this thread is gone for a while where one is to be told.
pub fn blocking<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}
