//! What a service answers, before the client sees it.

mod cookies;
mod decode;
mod echo;
mod headers;
mod mask;
mod public;
mod tags;

pub(crate) use decode::{Decoder, Undecodable};
pub(crate) use echo::{Echo, overlap};
pub(crate) use headers::{HEADERS, mask_headers};
pub(crate) use mask::{Mask, Plans, covers_by_key, machine, unreadable};
pub(crate) use public::Public;
pub(crate) use tags::Tags;
