//! A relay that copies bytes both ways and looks at none: the limit for a proxy in user space, which `make bench` compares with.
//!
//! `plain LISTEN SERVER`, both as address and port. No part of the product.

#![allow(clippy::print_stderr, reason = "it is how a program says what is wrong")]

use std::net::SocketAddr;
use std::process::ExitCode;

use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::{TcpListener, TcpStream};

/// As much as a session of the gateway reads at most, in bytes.
const BUFFER: usize = 256 * 1024;

#[tokio::main]
async fn main() -> ExitCode {
    let addresses: Vec<SocketAddr> =
        std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let &[listen, server] = addresses.as_slice() else {
        eprintln!("usage: plain LISTEN SERVER, both as address and port");
        return ExitCode::FAILURE;
    };
    match serve(listen, server).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("plain: {listen}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(listen: SocketAddr, server: SocketAddr) -> std::io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    loop {
        let (client, _) = listener.accept().await?;
        tokio::spawn(async move {
            // How a session ends is its peers' business.
            let _ = relay(client, server).await;
        });
    }
}

async fn relay(mut client: TcpStream, server: SocketAddr) -> std::io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    copy_bidirectional_with_sizes(&mut client, &mut server, BUFFER, BUFFER).await.map(drop)
}
