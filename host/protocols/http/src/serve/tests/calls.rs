//! gRPC calls, frame by frame: what clients and services may do that no library does.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use h2::Reason;
use http::{HeaderMap, HeaderValue};
use palisade_policy::{Outcome, Placed};

use super::callee::{
    Came, PASSWORD, begin, call, calls, finish, framed_packed, packed, seen, shop, until,
};
use super::world::{ByWord, SECRET, With};
use crate::grpc::{framed, put_varint};

#[tokio::test]
async fn trailers_of_clients_stay_here_and_those_of_services_come_without_the_credential() {
    let (_world, client, got) = calls(With::default()).await;
    let (response, mut stream) = begin(&client, "/a.B/Echo", &[("x-own", "1")]).await;
    stream.send_data(framed(b"hello"), false).unwrap();
    let trailers = HeaderMap::from_iter([(
        "authorization".parse().unwrap(),
        HeaderValue::from_static("Bearer forged"),
    )]);
    stream.send_trailers(trailers).unwrap();
    let came = finish(response).await.unwrap();
    assert_eq!((came.status.as_str(), came.data.as_slice()), ("0", &framed(b"hello")[..]));
    assert_eq!(came.trailers["x-secret"], "*".repeat(SECRET.len()));
    assert!(!came.trailers.contains_key("palisade-rule"), "{came:?}");
    let seen = seen(&got);
    assert!(seen.contains("POST /a.B/Echo") && seen.contains("\"x-own\": \"1\""), "{seen}");
    assert!(seen.contains("\"te\": \"trailers\"") && seen.contains("trailers None"), "{seen}");
    assert!(!seen.contains("Bearer token") && seen.contains(SECRET), "{seen}");
}

#[tokio::test]
async fn one_message_is_answered_before_the_next_is_sent() {
    let (_world, client, _) = calls(With::default()).await;
    let (response, mut stream) = begin(&client, "/a.B/Echo", &[]).await;
    // The last bytes are how the credential begins: they must not wait for more.
    let message = framed(format!("said {}", SECRET.split_at(4).0).as_bytes());
    stream.send_data(message.clone(), false).unwrap();
    let mut body = response.await.unwrap().into_body();
    for _ in 0..3 {
        let mut answer = Vec::new();
        while answer.len() < message.len() {
            answer.extend_from_slice(&body.data().await.unwrap().unwrap());
        }
        assert_eq!(answer, message);
        stream.send_data(message.clone(), false).unwrap();
    }
}

#[tokio::test]
async fn a_service_that_answers_otherwise_than_by_grpc_gives_a_status_all_the_same() {
    let (_world, client, _) = calls(With::default()).await;
    for (method, status, words) in [
        ("Alone", "5", ""),
        ("Shut", "14", "the gateway's credential"),
        ("NotIn", "14", "the gateway's credential"),
        ("Down", "14", "503"),
        ("Html", "13", "no gRPC"),
        ("Silent", "13", "without a status"),
        ("Packed", "7", "compresses"),
        ("Reset", "14", "broke the call off"),
    ] {
        let came = call(&client, &format!("/a.B/{method}"), &framed(b"x")).await;
        assert_eq!(came.status, status, "{method}: {came:?}");
        assert!(came.message.contains(words), "{method}: {came:?}");
    }
}

#[tokio::test]
async fn messages_that_break_their_framing_end_the_call_and_never_reach_their_service_as_whole() {
    let (_world, client, got) = calls(With::default()).await;
    for (body, status) in [
        (&[2, 0, 0, 0, 0][..], "3"),
        (&[0, 0, 0, 0, 9, 1], "3"),
        (&[0, 0], "3"),
        // Compressed, and nothing says how.
        (&[1, 0, 0, 0, 1, 9], "13"),
    ] {
        let came = call(&client, "/a.B/Echo", body).await;
        assert_eq!(came.status, status, "{body:?}: {came:?}");
    }
    assert!(!seen(&got).contains("trailers None"), "{}", seen(&got));
}

#[tokio::test]
async fn nothing_reaches_a_service_of_a_call_that_cannot_be_judged() {
    let mut with = shop();
    with.options.body_limit = 100;
    let (world, client, got) = calls(with).await;
    let two = [framed(b"\x0a\x01a"), framed(b"\x0a\x01b")].concat();
    let long = [0, 0xff, 0xff, 0xff, 0xff];
    let packed = [1, 0, 0, 0, 1, 9];
    for (body, status, words) in [
        (&two[..], "3", "a second message"),
        (&[][..], "3", "no message"),
        (&long[..], "8", "longer"),
        (&packed[..], "13", "compressed"),
        (&framed(b"\x0a\x01a\x0a\x01b")[..], "3", "twice"),
        (&framed(b"\x0a\x09forbidden")[..], "7", "not that"),
    ] {
        let came = call(&client, "/shop.v1.Orders/Get", body).await;
        assert_eq!(came.status, status, "{came:?}");
        assert!(came.message.contains(words), "{came:?}");
    }
    assert_eq!(seen(&got), "");
    let recorded = world.recorded();
    assert!(recorded.contains("deny gateway.body call /shop.v1.Orders/Get"), "{recorded}");
    assert!(recorded.contains("deny gateway.body-limit"), "{recorded}");
}

#[tokio::test]
async fn a_message_that_names_more_than_is_told_reaches_no_service() {
    let mut with = shop();
    with.options.body_limit = 1 << 20;
    let (world, client, got) = calls(with).await;
    let field = |number: u8, value: &[u8]| {
        let mut field = vec![number << 3 | 2];
        put_varint(value.len() as u64, &mut field);
        [field, value.to_vec()].concat()
    };
    // A `Struct` with many keys under a long one.
    let key = field(1, "x".repeat(20_000).as_bytes());
    let entry = |number: usize| field(1, &field(1, number.to_string().as_bytes()));
    let inner: Vec<u8> = (0..1000).flat_map(entry).collect();
    let outer = field(1, &[key, field(2, &field(5, &inner))].concat());
    let came = call(&client, "/shop.v1.Orders/Place", &framed(&field(10, &outer))).await;
    assert_eq!(came.status, "8", "{came:?}");
    assert!(came.message.contains("names more than is told"), "{came:?}");
    assert_eq!(seen(&got), "");
    assert!(world.recorded().contains("deny gateway.body-limit"), "{}", world.recorded());
}

#[tokio::test]
async fn a_message_of_a_stream_that_is_denied_ends_the_call_on_both_sides() {
    let (_world, client, got) = calls(shop()).await;
    let (response, mut stream) = begin(&client, "/shop.v1.Orders/Talk", &[]).await;
    stream.send_data(framed(b"\x0a\x04fine"), false).unwrap();
    let mut body = response.await.unwrap().into_body();
    let answered = body.data().await.unwrap().unwrap();
    assert_eq!(answered, framed(b"\x0a\x04fine"));
    stream.send_data(framed(b"\x0a\x09forbidden"), false).unwrap();
    assert!(body.data().await.is_none());
    let trailers = body.trailers().await.unwrap().unwrap();
    assert_eq!(trailers["grpc-status"], "7");
    until(&got, "broke off").await;
}

#[tokio::test]
async fn a_held_message_of_a_stream_lets_what_the_service_says_pass() {
    let (world, client, _) = calls(shop()).await;
    let (response, mut stream) = begin(&client, "/shop.v1.Orders/Talk", &[]).await;
    stream.send_data(framed(b"\x0a\x04fine"), false).unwrap();
    stream.send_data(framed(b"\x0a\x04held"), false).unwrap();
    world.desk.opened.notified().await;
    let mut body = response.await.unwrap().into_body();
    assert_eq!(body.data().await.unwrap().unwrap(), framed(b"\x0a\x04fine"));
    stream.send_reset(Reason::CANCEL);
    while !world.recorded().contains("withdrawn") {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_a_client_cancels_is_cancelled_at_its_service_before_and_after_it_is_done_talking() {
    let (world, client, got) = calls(With::default()).await;
    for done in [false, true] {
        let (response, mut stream) = begin(&client, "/a.B/Deaf", &[]).await;
        stream.send_data(framed(b"x"), done).unwrap();
        until(&got, "POST /a.B/Deaf").await;
        match done {
            false => stream.send_reset(Reason::CANCEL),
            true => drop((response, stream)),
        }
        until(&got, "reset").await;
        got.lock().unwrap().clear();
    }
    while world.recorded().matches("CANCELLED").count() < 2 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_service_that_floods_a_client_that_does_not_read_is_kept_waiting() {
    let (_world, client, got) = calls(With::default()).await;
    let (response, mut stream) = begin(&client, "/a.B/Flood", &[]).await;
    stream.send_data(framed(b"x"), false).unwrap();
    let body = response.await.unwrap().into_body();
    until(&got, "sent").await;
    // Others on the same connection are served meanwhile.
    for _ in 0..200 {
        let came = call(&client, "/a.B/Echo", &framed(b"y")).await;
        assert_eq!(came.status, "0", "{came:?}");
    }
    let sent = seen(&got);
    let most = sent.lines().filter_map(|line| line.strip_prefix("sent ")?.parse::<usize>().ok());
    assert!(most.max().unwrap() < 1 << 20, "{:?}", seen(&got).lines().last());
    drop((body, stream));
    until(&got, "stopped").await;
}

#[tokio::test]
async fn a_client_that_floods_a_service_that_does_not_read_is_kept_waiting() {
    let (_world, client, got) = calls(With::default()).await;
    let (_response, mut stream) = begin(&client, "/a.B/Deaf", &[]).await;
    let (message, other) = (framed(&[0; 10_000]), framed(b"y"));
    let mut sent = 0_usize;
    for _ in 0..300 {
        stream.reserve_capacity(message.len());
        let room = poll_fn(|cx| stream.poll_capacity(cx));
        tokio::select! {
            biased;
            room = room => {
                let room = room.unwrap().unwrap();
                sent += room;
                stream.send_data(Bytes::from(vec![0; room.max(1)]), false).unwrap();
            }
            came = call(&client, "/a.B/Echo", &other) => assert_eq!(came.status, "0", "{came:?}"),
        }
    }
    assert!(sent < 2 << 20, "{sent}");
    until(&got, "Deaf").await;
}

#[tokio::test]
async fn floods_of_empty_messages_are_counted_and_take_no_room() {
    let (world, client, _) = calls(With::default()).await;
    let empty = framed(b"").repeat(10_000);
    let came = call(&client, "/a.B/Echo", &empty).await;
    assert_eq!((came.status.as_str(), came.data.len()), ("0", empty.len()));
    let recorded = world.recorded();
    let tag = "result 0 OK; 10000 messages of 0 bytes from the client, 10000 of 0 from the service";
    assert!(recorded.contains(tag), "it was recorded otherwise");
    assert_eq!(recorded.matches("Some(\"0\")").count(), 100);
}

#[tokio::test]
async fn a_call_that_cannot_be_recorded_is_not_sent_and_one_that_ended_so_is_not_whole() {
    let (world, client, got) = calls(With::default()).await;
    *world.record.broken.lock().unwrap() = true;
    let came = call(&client, "/a.B/Echo", &framed(b"x")).await;
    assert_eq!(came.status, "7", "{came:?}");
    assert!(came.message.contains("gateway.record"), "{came:?}");
    assert_eq!(seen(&got), "");
    *world.record.broken.lock().unwrap() = false;
    let (response, mut stream) = begin(&client, "/a.B/Echo", &[]).await;
    stream.send_data(framed(b"x"), false).unwrap();
    let mut body = response.await.unwrap().into_body();
    assert!(body.data().await.unwrap().is_ok());
    *world.record.broken.lock().unwrap() = true;
    stream.send_data(Bytes::new(), true).unwrap();
    assert!(body.data().await.is_none());
    assert_eq!(body.trailers().await.unwrap().unwrap()["grpc-status"], "14");
}

#[tokio::test]
async fn nothing_but_a_call_to_the_letter_reaches_a_service_of_calls() {
    let (_world, client, got) = calls(With::default()).await;
    for (path, kind) in [
        ("/a.B/C", "application/grpc-web"),
        ("/a.B/C", "application/json"),
        ("/a.B/C", "Application/grpc"),
    ] {
        let headers = [("content-type", kind)];
        let (response, mut stream) = begin(&client, path, &headers).await;
        stream.send_data(framed(b"x"), true).unwrap();
        assert_eq!(response.await.unwrap().status(), 415, "{kind}");
    }
    for path in ["/a.B/C/../D", "/a.B/%2e%2e/D", "/a.B//C", "/a.B/C;x", "/a.B/C?x=1", "/a.B"] {
        let came = call(&client, path, &framed(b"x")).await;
        assert_eq!(came.status, "3", "{path}: {came:?}");
    }
    let (response, _stream) = begin(&client, "/a.B/C", &[("x_own", "1")]).await;
    assert_eq!(finish(response).await.unwrap().status, "3");
    assert_eq!(seen(&got), "");
}

#[tokio::test]
async fn a_call_whose_session_ends_is_told_so_and_ends_at_its_service() {
    let (world, client, got) = calls(With::default()).await;
    let (response, mut stream) = begin(&client, "/a.B/Echo", &[]).await;
    stream.send_data(framed(b"x"), false).unwrap();
    let mut body = response.await.unwrap().into_body();
    assert!(body.data().await.unwrap().is_ok());
    // It is not done talking, and begins nothing more.
    world.end("the token's time is over", false);
    assert!(body.data().await.is_none());
    let trailers = body.trailers().await.unwrap().unwrap();
    assert_eq!(trailers["grpc-status"], "16");
    until(&got, "broke off").await;
}

#[tokio::test]
async fn a_call_whose_message_is_not_whole_when_its_session_ends_reaches_nobody() {
    let (world, client, got) = calls(shop()).await;
    let (response, mut stream) = begin(&client, "/shop.v1.Orders/Get", &[]).await;
    let message = framed(&[&[0x0a, 0x80, 0x80, 0x10][..], &[b'a'; 1 << 18]].concat());
    let mut sent = 0;
    while sent + 1 < message.len() {
        // There is room for more than a window once the gateway reads what came.
        stream.reserve_capacity(message.len() - 1 - sent);
        let room = poll_fn(|cx| stream.poll_capacity(cx)).await.unwrap().unwrap();
        let end = (sent + room).min(message.len() - 1);
        stream.send_data(message.slice(sent..end), false).unwrap();
        sent = end;
    }
    world.end("access to this connection was withdrawn", false);
    let came = finish(response).await.unwrap();
    assert_eq!(came.status, "16", "{came:?}");
    assert!(came.message.contains("access to this connection was withdrawn"), "{came:?}");
    assert_eq!((seen(&got).as_str(), world.recorded().as_str()), ("", ""));
}

#[tokio::test]
async fn answers_are_covered_whatever_they_are_cut_into() {
    let (_world, client, _) = calls(With { masks: true, ..shop() }).await;
    // The service says what it is told; lines have no passwords, but may hold keys.
    let (response, mut stream) = begin(&client, "/shop.v1.Orders/Talk", &[]).await;
    let message = framed(b"\x0a\x14AKIAIOSFODNN7EXAMPLE");
    for byte in &message {
        stream.send_data(Bytes::copy_from_slice(&[*byte]), false).unwrap();
    }
    stream.send_data(Bytes::new(), true).unwrap();
    let came = finish(response).await.unwrap();
    assert_eq!(came.status, "0", "{came:?}");
    assert!(!String::from_utf8_lossy(&came.data).contains("AKIA"), "{came:?}");
    let unknown = call(&client, "/a.B/Echo", &framed(b"x")).await;
    assert_eq!(unknown.status, "7");
    assert!(unknown.message.contains("gateway.unmaskable"), "{unknown:?}");
}

/// What a service answers that compresses, to one line.
async fn packed_answer(masks: bool, coding: &str, message: &[u8]) -> Came {
    let mut with = With { masks, ..shop() };
    with.options.response_limit = 100_000;
    let (_world, client, _) = calls(with).await;
    let metadata = [("x-pack", coding)];
    let (response, mut stream) = begin(&client, "/shop.v1.Orders/Talk", &metadata).await;
    stream.send_data(framed(message), true).unwrap();
    finish(response).await.unwrap()
}

#[tokio::test]
async fn answers_that_are_compressed_unasked_are_covered_and_go_on_plain() {
    let key = b"\x0a\x14AKIAIOSFODNN7EXAMPLE";
    for coding in ["gzip", "deflate"] {
        let came = packed_answer(true, coding, key).await;
        assert_eq!((came.status.as_str(), came.data[0]), ("0", 0), "{coding}: {came:?}");
        assert!(!String::from_utf8_lossy(&came.data).contains("AKIA"), "{coding}: {came:?}");
        let came = packed_answer(false, coding, key).await;
        assert_eq!(came.data, framed(key), "{coding}");
        let grown = packed_answer(true, coding, b"\x0a\x04grow").await;
        assert_eq!(grown.status, "7", "{coding}: {grown:?}");
        assert!(grown.data.is_empty() && grown.message.contains("holds more"), "{grown:?}");
    }
    let other = packed_answer(true, "snappy", key).await;
    assert_eq!((other.status.as_str(), other.data.len()), ("7", 0), "{other:?}");
}

#[tokio::test]
async fn a_message_that_is_compressed_is_judged_as_what_it_holds_and_sent_plain() {
    let mut with = shop();
    with.options.body_limit = 10_000;
    let (_world, client, got) = calls(with).await;
    for coding in ["gzip", "deflate"] {
        for (payload, status, words) in [
            (&b"\x0a\x04fine"[..], "0", ""),
            (b"\x0a\x09forbidden", "7", "not that"),
            (&[0; 100_000], "3", "holds more"),
        ] {
            let metadata = [("grpc-encoding", coding)];
            let (response, mut stream) = begin(&client, "/shop.v1.Orders/Get", &metadata).await;
            stream.send_data(framed_packed(&packed(coding, payload)), true).unwrap();
            let came = finish(response).await.unwrap();
            assert_eq!(came.status, status, "{coding}: {came:?}");
            assert!(came.message.contains(words), "{coding}: {came:?}");
            if status == "0" {
                assert_eq!(came.data, framed(payload), "it is echoed as it came");
            }
        }
    }
    assert!(!seen(&got).contains("grpc-encoding"), "{}", seen(&got));
}

#[tokio::test]
async fn metadata_is_covered_by_policies_that_came_while_its_call_was_held() {
    let (world, client, _) = calls(shop()).await;
    let free = call(&client, "/shop.v1.Orders/Get", &framed(b"\x0a\x01a")).await;
    assert_eq!(free.status, "0", "{free:?}");
    let (response, mut stream) = begin(&client, "/shop.v1.Orders/Get", &[]).await;
    stream.send_data(framed(b"\x0a\x04held"), true).unwrap();
    world.desk.opened.notified().await;
    world.door.gate.install(vec![Placed::everywhere(Arc::new(ByWord { masks: true }))]);
    world.desk.outcome.send_replace(Some(Outcome::Granted { by: vec!["boss".into()] }));
    let response = response.await.unwrap();
    assert_ne!(response.headers()["x-password"], PASSWORD);
}
