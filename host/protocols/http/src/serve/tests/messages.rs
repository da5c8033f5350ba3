//! Messages of calls that are gathered: how many at the same time, and for how long.

use std::time::Duration;

use bytes::Bytes;
use h2::SendStream;
use h2::client::{ResponseFuture, SendRequest};

use super::callee::{begin, call, calls, finish, shop};
use super::world::With;
use crate::grpc::framed;

const TALK: &str = "/shop.v1.Orders/Talk";

/// Calls of which so many bytes were sent.
async fn begun(
    client: &SendRequest<Bytes>,
    (method, bytes): (&str, &[u8]),
) -> Vec<(ResponseFuture, SendStream<Bytes>)> {
    let mut begun = Vec::new();
    for _ in 0..64 {
        let (response, mut stream) = begin(client, method, &[]).await;
        stream.send_data(Bytes::copy_from_slice(bytes), false).unwrap();
        begun.push((response, stream));
    }
    begun
}

#[tokio::test]
async fn messages_that_do_not_end_take_the_places_of_their_session_and_give_them_back() {
    let (_world, client, _) = calls(shop()).await;
    let message = framed(b"\x0a\x04fine");
    let (last, most) = message.split_last().unwrap();
    let mut begun = begun(&client, (TALK, most)).await;
    // They are read while these come.
    let mut status = String::new();
    for _ in 0..200 {
        status = call(&client, TALK, &message).await.status;
        if status == "8" {
            break;
        }
    }
    assert_eq!(status, "8");
    let (response, mut stream) = begun.pop().unwrap();
    stream.send_data(Bytes::copy_from_slice(&[*last]), true).unwrap();
    let came = finish(response).await.unwrap();
    assert_eq!((came.status.as_str(), came.data.as_slice()), ("0", &message[..]));
    assert_eq!(call(&client, TALK, &message).await.status, "0");
}

#[tokio::test]
async fn calls_that_say_nothing_take_no_place() {
    let (_world, client, _) = calls(shop()).await;
    let _begun = begun(&client, ("/shop.v1.Orders/Get", b"")).await;
    for _ in 0..20 {
        let came = call(&client, "/shop.v1.Orders/Get", &framed(b"\x0a\x01a")).await;
        assert_eq!(came.status, "0", "{came:?}");
    }
}

/// A gateway without patience: it waits for nothing that has begun.
fn hasty(masks: bool) -> With {
    let mut with = With { masks, ..shop() };
    with.options.patience = Duration::ZERO;
    with
}

#[tokio::test]
async fn a_clients_message_that_does_not_come_whole_in_time_ends_the_call() {
    let (world, client, _) = calls(hasty(false)).await;
    for method in [TALK, "/shop.v1.Orders/Get"] {
        let (response, mut stream) = begin(&client, method, &[]).await;
        let half = framed(b"\x0a\x04fine").split_to(8);
        stream.send_data(half, false).unwrap();
        let came = finish(response).await.unwrap();
        assert_eq!(came.status, "4", "{method}: {came:?}");
    }
    assert!(world.recorded().contains("in time"), "{}", world.recorded());
}

#[tokio::test]
async fn a_services_message_that_is_covered_and_does_not_come_whole_in_time_ends_the_call() {
    let (_world, client, _) = calls(hasty(true)).await;
    let (response, mut stream) = begin(&client, TALK, &[]).await;
    stream.send_data(framed(b"\x0a\x05stall"), false).unwrap();
    let came = finish(response).await.unwrap();
    assert_eq!(came.status, "14", "{came:?}");
    assert!(came.message.contains("in time"), "{came:?}");
}
