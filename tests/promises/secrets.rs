//! Where the gateway has its secrets from, and that none of them gets anywhere else.

mod kept;
mod leaks;
mod references;
mod rotating;
mod services;
mod trying;
