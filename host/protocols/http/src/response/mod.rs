//! What a service answers, before the client sees it.

mod echo;
mod headers;
mod mask;
mod public;

pub(crate) use echo::Echo;
pub(crate) use headers::{HEADERS, mask_headers};
pub(crate) use mask::{Mask, machine, plan, unreadable};
pub(crate) use public::Public;
