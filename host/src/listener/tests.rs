use tokio::io::AsyncReadExt;

use super::*;

/// Keeps each connection until the gateway stops.
struct Keep;

#[async_trait]
impl Serve for Keep {
    async fn serve(&self, stream: TcpStream, _peer: SocketAddr, mut stop: watch::Receiver<bool>) {
        let _ = stop.wait_for(|stop| *stop).await;
        drop(stream);
    }
}

#[test]
fn an_address_in_use_is_named_with_its_key() {
    let (_socket, address) = bind("127.0.0.1:0".parse().unwrap(), "postgres").unwrap();
    assert_ne!(address.port(), 0);
    let error = bind(address, "admin").unwrap_err().to_string();
    assert_eq!(error, format!("cannot listen on {address} (`admin` in [listen])"));
}

#[tokio::test]
async fn one_connection_too_many_is_turned_away_and_the_rest_end_when_told() {
    let (socket, address) = bind("127.0.0.1:0".parse().unwrap(), "postgres").unwrap();
    let (tell, stop) = watch::channel(false);
    let places = Places::new(1);
    let mut listener = Listener::new("test", socket, Keep, places.clone(), stop);
    let running =
        tokio::spawn(async move { listener.start_service(None, watch::channel(false).1, 1).await });
    let mut first = TcpStream::connect(address).await.unwrap();
    let mut second = TcpStream::connect(address).await.unwrap();
    assert_eq!(second.read(&mut [0]).await.unwrap(), 0);
    assert_eq!(places.taken(), 1);
    tell.send(true).unwrap();
    assert_eq!(first.read(&mut [0]).await.unwrap(), 0);
    running.await.unwrap();
    places.all_free().await;
}
