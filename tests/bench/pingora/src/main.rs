//! A reverse proxy on pingora's own, with no policy: what `make bench` compares the gateway with. No part of the product.
//!
//! `bare-pingora LISTEN SERVICE`, both as address and port. As many threads, kept connections and the same allocator as the
//! gateway has.

use std::net::SocketAddr;
use std::process::ExitCode;

use async_trait::async_trait;
use pingora_core::Result;
use pingora_core::server::Server;
use pingora_core::server::configuration::ServerConf;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_proxy::{ProxyHttp, Session, http_proxy_service};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Where every request goes.
struct Bare(SocketAddr);

#[async_trait]
impl ProxyHttp for Bare {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn upstream_peer(&self, _: &mut Session, (): &mut ()) -> Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.0, false, String::new())))
    }
}

fn main() -> ExitCode {
    let addresses: Vec<SocketAddr> =
        std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let &[listen, service] = addresses.as_slice() else {
        eprintln!("usage: bare-pingora LISTEN SERVICE, both as address and port");
        return ExitCode::FAILURE;
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let conf = ServerConf { threads, work_stealing: true, ..ServerConf::default() };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    let mut proxy = http_proxy_service(&server.configuration, Bare(service));
    proxy.add_tcp(&listen.to_string());
    server.add_service(proxy);
    server.run_forever()
}
