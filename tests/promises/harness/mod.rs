//! Starts and stops what the promises are tested with.

mod authority;
mod aws;
mod gateway;
mod grpc;
mod libpq;
mod mcp;
mod nginx;
mod oidc;
mod postgres;
mod process;
mod proxy;
mod psql;
mod python;
mod python_web;
mod vault;
mod web;

pub(crate) use authority::{Authority, Certificate};
pub(crate) use aws::{Aws, aws_cli, boto};
pub(crate) use gateway::{Gateway, Settings, cli, repository};
pub(crate) use grpc::{Caller, Shop, before_shops, descriptor_file, descriptors, shop};
pub(crate) use libpq::Libpq;
pub(crate) use mcp::{Form, ToolService, Tools, program, sdk, server_script, tools};
pub(crate) use nginx::{Logged, Nginx};
pub(crate) use oidc::Provider;
pub(crate) use postgres::{PASSWORD, Postgres};
pub(crate) use process::{Outcome, run, until};
pub(crate) use proxy::{Proxied, proxied, proxied_with};
pub(crate) use psql::{Interactive, Psql, finish};
pub(crate) use python_web::{Talker, asks};
pub(crate) use vault::{Knows, Vault};
pub(crate) use web::{Asked, Curl, SECRET, Script, Web, api, api_at, ok};

/// A gateway with the shipped baseline in front of a server with secrets: what most promises need.
pub(crate) fn baseline() -> (Postgres, Gateway) {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::default());
    (postgres, gateway)
}
