//! What a client may do on the wire works as it does directly; what is not understood is refused.

use std::io::{Read, Write};
use std::net::TcpStream;

use futures_util::StreamExt;
use tokio_postgres::{AsyncMessage, NoTls};

use crate::harness::{Gateway, Postgres, Settings, baseline, until};
use crate::masking::connect;

#[tokio::test]
async fn transactions_savepoints_and_errors_behave_as_directly() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    let mut client = connect(&gateway).await;
    let mut transaction = client.transaction().await.unwrap();
    transaction.execute("INSERT INTO orders VALUES (500, 'a', 1)", &[]).await.unwrap();
    let point = transaction.savepoint("p").await.unwrap();
    let error = point.execute("INSERT INTO orders VALUES (500, 'b', 1)", &[]).await.unwrap_err();
    assert_eq!(error.as_db_error().unwrap().constraint(), Some("orders_pkey"));
    point.rollback().await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(postgres.direct("SELECT item FROM orders WHERE id = 500"), "a");
}

#[tokio::test]
async fn a_pipeline_of_prepared_statements_keeps_its_order() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    let client = connect(&gateway).await;
    let statement = client.prepare("SELECT $1::int4 * 2").await.unwrap();
    let doubled = (0..200).map(|number: i32| {
        let (client, statement) = (&client, &statement);
        async move { client.query_one(statement, &[&number]).await.unwrap().get::<_, i32>(0) }
    });
    let doubled = futures_util::future::join_all(doubled).await;
    assert!(doubled.iter().enumerate().all(|(at, value)| *value == 2 * i32::try_from(at).unwrap()));
}

#[tokio::test]
async fn parameters_of_many_types_go_through_unchanged() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    let client = connect(&gateway).await;
    let bytes: Vec<u8> = (0..=255).collect();
    let row = client
        .query_one(
            "SELECT $1::int8, $2::float8, $3::bool, $4::bytea, $5::text, $6::int4[]",
            &[&i64::MIN, &1.5f64, &true, &bytes, &"héllo\n", &vec![1i32, 2]],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), i64::MIN);
    assert_eq!(row.get::<_, Vec<u8>>(3), bytes);
    assert_eq!(row.get::<_, &str>(4), "héllo\n");
    assert_eq!(row.get::<_, Vec<i32>>(5), [1, 2]);
}

#[tokio::test]
async fn notices_and_notifications_arrive() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    let token = gateway.token("agent-7", "support-agent");
    let target = format!(
        "host=127.0.0.1 port={} user=orders dbname=orders password={token} sslmode=disable",
        gateway.port
    );
    let (client, mut connection) = tokio_postgres::connect(&target, NoTls).await.unwrap();
    let (heard, mut messages) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut stream = futures_util::stream::poll_fn(|cx| connection.poll_message(cx));
        while let Some(message) = stream.next().await {
            let _ = heard.send(message.unwrap());
        }
    });
    let texts = "LISTEN news; CREATE TABLE IF NOT EXISTS orders (id int); NOTIFY news, 'hello'";
    client.batch_execute(texts).await.unwrap();
    let (mut noticed, mut notified) = (false, false);
    while !(noticed && notified) {
        match messages.recv().await.unwrap() {
            AsyncMessage::Notice(notice) => noticed |= notice.message().contains("already exists"),
            AsyncMessage::Notification(news) => notified |= news.payload() == "hello",
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_reaches_the_right_statement_only() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    let (one, other) = (connect(&gateway).await, connect(&gateway).await);
    let cancel = one.cancel_token();
    let sleeping = tokio::spawn(async move {
        let cancelled = one.simple_query("SELECT pg_sleep(60)").await;
        (cancelled, one.simple_query("SELECT 1").await)
    });
    let undisturbed = tokio::spawn(async move { other.simple_query("SELECT pg_sleep(1)").await });
    until("the statement to run", || {
        let running = postgres.admin("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)%' AND state = 'active'");
        (running == "1").then_some(())
    });
    cancel.cancel_query(NoTls).await.unwrap();
    let (cancelled, after) = sleeping.await.unwrap();
    assert_eq!(cancelled.unwrap_err().code().unwrap().code(), "57014");
    assert!(after.is_ok());
    assert!(undisturbed.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_large_result_streams_through() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    let client = connect(&gateway).await;
    let rows = client
        .query_raw("SELECT i, repeat('x', 100) FROM generate_series(1, 200000) i", &[] as &[i32])
        .await
        .unwrap();
    let count = rows.fold(0, |count, row| async move { row.map(|_| count + 1).unwrap() }).await;
    assert_eq!(count, 200_000);
}

#[test]
fn psqls_own_commands_work() {
    let (_postgres, gateway) = baseline();
    let agent = gateway.agent();
    assert!(agent.query("\\d orders").contains("amount|numeric"));
    assert!(agent.query("\\dt").contains("secrets"));
    assert!(agent.query("\\l").contains("orders"));
    assert!(agent.query("\\df").is_empty());
}

#[test]
fn bytes_ahead_of_the_tls_handshake_are_refused() {
    let (_postgres, gateway) = baseline();
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
    let mut packet = vec![0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
    packet.extend_from_slice(b"\0\0\0\x10\0\x03\0\0user\0x\0\0");
    stream.write_all(&packet).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.is_empty() || answer == b"S", "{answer:?}");
}

#[test]
fn replication_is_refused() {
    let (_postgres, gateway) = baseline();
    let token = gateway.token("agent-7", "support-agent");
    let mut command = std::process::Command::new("psql");
    let target = format!(
        "host=127.0.0.1 port={} user=orders dbname=orders sslmode=require replication=database",
        gateway.port
    );
    command.args(["-X", "-c", "IDENTIFY_SYSTEM"]).arg(target).env("PGPASSWORD", token);
    let outcome = crate::harness::run(&mut command);
    assert!(!outcome.ok && outcome.stderr.contains("replication cannot be judged"), "{outcome:?}");
}

/// Speaks the protocol by hand up to the first `ReadyForQuery`.
pub(crate) fn raw_session(gateway: &Gateway) -> TcpStream {
    let token = gateway.token("agent-7", "support-agent");
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
    let mut startup = b"\0\x03\0\0user\0orders\0database\0orders\0\0".to_vec();
    let mut packet = u32::try_from(startup.len() + 4).unwrap().to_be_bytes().to_vec();
    packet.append(&mut startup);
    stream.write_all(&packet).unwrap();
    send(&mut stream, b'p', format!("{token}\0").as_bytes());
    read_until(&mut stream, b'Z');
    stream
}

pub(crate) fn send(stream: &mut TcpStream, tag: u8, body: &[u8]) {
    let mut frame = vec![tag];
    frame.extend_from_slice(&u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    frame.extend_from_slice(body);
    stream.write_all(&frame).unwrap();
}

/// Reads messages up to one of this type, or to the end; gives the types and the last body.
pub(crate) fn read_until(stream: &mut TcpStream, tag: u8) -> (String, String) {
    let mut seen = String::new();
    let mut bodies = String::new();
    loop {
        let mut header = [0; 5];
        if stream.read_exact(&mut header).is_err() {
            return (seen, bodies);
        }
        let length = u32::from_be_bytes(header[1..].try_into().unwrap()) as usize - 4;
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        seen.push(char::from(header[0]));
        bodies.push_str(&String::from_utf8_lossy(&body));
        if header[0] == tag {
            return (seen, bodies);
        }
    }
}

#[test]
fn a_function_call_message_is_judged_by_what_it_calls_and_the_session_goes_on() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    let mut stream = raw_session(&gateway);
    // length(text), lo_import(text), and none.
    let call = |oid: u32, argument: &[u8]| {
        let length = u32::try_from(argument.len()).unwrap().to_be_bytes();
        [&oid.to_be_bytes()[..], &[0, 0, 0, 1], &length, argument, &[0, 0]].concat()
    };
    send(&mut stream, b'F', &call(1317, b"quiet"));
    let (seen, text) = read_until(&mut stream, b'Z');
    assert_eq!(seen, "VZ");
    assert!(text.contains('5'), "{text}");
    for (oid, why) in [(764, "files of the server"), (1, "no function")] {
        send(&mut stream, b'F', &call(oid, b"1"));
        let (seen, text) = read_until(&mut stream, b'Z');
        assert_eq!(seen, "EZ");
        assert!(text.contains(why), "{text}");
    }
    send(&mut stream, b'Q', b"SELECT 1\0");
    assert_eq!(read_until(&mut stream, b'Z').0, "TDCZ");
}

#[test]
fn an_unknown_message_ends_the_session() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    let mut stream = raw_session(&gateway);
    send(&mut stream, b'y', b"");
    let (seen, text) = read_until(&mut stream, b'Z');
    assert_eq!(seen, "E");
    assert!(text.contains("FATAL") && text.contains("08P01"), "{text}");
}

#[test]
fn a_frame_above_the_limit_ends_the_session_before_it_is_read() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    let mut stream = raw_session(&gateway);
    stream.write_all(&[b'Q', 0x7f, 0xff, 0xff, 0xff]).unwrap();
    let (seen, text) = read_until(&mut stream, b'Z');
    assert_eq!(seen, "E");
    assert!(text.contains("FATAL") && text.contains("54000"), "{text}");
}

#[test]
fn a_statement_of_sqls_prepare_cannot_be_bound_past_the_judge() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    let mut stream = raw_session(&gateway);
    send(&mut stream, b'Q', b"PREPARE p AS SELECT password FROM secrets\0");
    read_until(&mut stream, b'Z');
    send(&mut stream, b'B', b"\0p\0\0\0\0\0\0\0");
    send(&mut stream, b'E', b"\0\0\0\0\0");
    send(&mut stream, b'S', b"");
    let (seen, text) = read_until(&mut stream, b'Z');
    assert_eq!(seen, "EZ");
    assert!(text.contains("26000") && !text.contains("hunter2"), "{text}");
}

#[test]
fn rows_without_a_description_are_masked_all_the_same() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    let mut stream = raw_session(&gateway);
    send(&mut stream, b'P', b"\0SELECT name, password FROM secrets WHERE id = 1\0\0\0");
    send(&mut stream, b'B', b"\0\0\0\0\0\0\0\0");
    send(&mut stream, b'E', b"\0\0\0\0\0");
    send(&mut stream, b'S', b"");
    let (seen, text) = read_until(&mut stream, b'Z');
    assert_eq!(seen, "12DCZ", "the gateway's own question for a description must not show");
    assert!(
        text.contains("billing") && text.contains("********") && !text.contains("hunter2"),
        "{text}"
    );
}

#[test]
fn a_held_statement_does_not_let_a_later_message_overtake_it() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    let mut stream = raw_session(&gateway);
    send(&mut stream, b'Q', b"UPDATE secrets SET name = 'x' WHERE id = 1\0");
    send(&mut stream, b'Q', b"SELECT name FROM secrets WHERE id = 1\0");
    let id = gateway.hold()["id"].as_str().unwrap().to_owned();
    assert!(gateway.cli(&["approvals", "approve", &id]).ok);
    assert_eq!(read_until(&mut stream, b'Z').0, "NCZ");
    let (seen, text) = read_until(&mut stream, b'Z');
    assert_eq!(seen, "TDCZ");
    assert!(text.contains('x'), "{text}");
}

#[test]
fn a_server_that_stops_ends_the_session_with_a_clear_fatal() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    let mut stream = raw_session(&gateway);
    drop(postgres);
    let (seen, text) = read_until(&mut stream, b'Z');
    assert!(seen.starts_with('E'), "{seen}");
    assert!(text.contains("57P0"), "{text}");
}

#[test]
fn an_error_that_comes_before_the_clients_sync_leaves_the_session_usable() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    let mut stream = raw_session(&gateway);
    send(&mut stream, b'P', b"\0SELECT nonsense FROM orders\0\0\0");
    send(&mut stream, b'H', b"");
    assert_eq!(read_until(&mut stream, b'E').0, "E");
    send(&mut stream, b'B', b"\0\0\0\0\0\0\0\0");
    send(&mut stream, b'E', b"\0\0\0\0\0");
    send(&mut stream, b'S', b"");
    assert_eq!(read_until(&mut stream, b'Z').0, "Z");
    send(&mut stream, b'Q', b"SELECT 1\0");
    assert_eq!(read_until(&mut stream, b'Z').0, "TDCZ");
}

#[test]
fn a_cursor_of_sqls_own_can_be_described() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    let mut stream = raw_session(&gateway);
    send(&mut stream, b'Q', b"BEGIN; DECLARE c CURSOR FOR SELECT id FROM orders\0");
    read_until(&mut stream, b'Z');
    send(&mut stream, b'D', b"Pc\0");
    send(&mut stream, b'S', b"");
    assert_eq!(read_until(&mut stream, b'Z').0, "TZ");
}

#[test]
fn a_table_made_in_a_transaction_can_be_used_in_it() {
    let (_postgres, gateway) = baseline();
    let outcome = gateway.agent().run(&[
        "BEGIN",
        "CREATE TABLE fresh (id int PRIMARY KEY, note text)",
        "CREATE INDEX ON fresh (note)",
        "INSERT INTO fresh VALUES (1, 'as written')",
        "SELECT note FROM fresh",
        "SELECT * FROM fresh",
        "COMMIT",
        "SELECT upper(note) FROM fresh",
    ]);
    assert!(outcome.ok, "{}", outcome.stderr);
    assert!(outcome.stdout.contains("as written\n1|as written"), "{outcome:?}");
    assert!(outcome.stdout.contains("AS WRITTEN"), "{outcome:?}");
}

#[test]
fn a_cursors_name_can_be_used_again_and_again() {
    let (_postgres, gateway) = baseline();
    let rounds = [
        "BEGIN",
        "DECLARE c CURSOR FOR SELECT id FROM orders ORDER BY id",
        "FETCH 1 FROM c",
        "CLOSE c",
        "COMMIT",
    ];
    let all: Vec<_> = rounds.iter().copied().cycle().take(rounds.len() * 70).collect();
    let outcome = gateway.agent().run(&all);
    assert!(outcome.ok, "{}", outcome.stderr);
}

#[test]
fn what_a_client_sent_before_it_left_is_run() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    for (id, goodbye) in [(901, true), (902, false)] {
        let mut stream = raw_session(&gateway);
        let insert = format!("INSERT INTO orders VALUES ({id}, 'last', 1)\0");
        send(&mut stream, b'Q', insert.as_bytes());
        if goodbye {
            send(&mut stream, b'X', b"");
        }
        drop(stream);
        until("the row", || {
            let count = postgres.direct(&format!("SELECT count(*) FROM orders WHERE id = {id}"));
            (count == "1").then_some(())
        });
    }
}

#[test]
fn a_server_that_goes_away_ends_the_session_with_a_word_and_a_record() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    let mut stream = raw_session(&gateway);
    postgres.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'svc_orders' AND application_name <> 'palisade'");
    let (_, text) = read_until(&mut stream, b'E');
    assert!(text.contains("FATAL") && text.contains("57P01"), "{text}");
    until("the session's record to end", || {
        let sessions = gateway.json(&["sessions", "list"]);
        (sessions[0]["state"] != "open" && !sessions[0]["ended_at"].is_null()).then_some(())
    });
}

/// Begins with TLS at once, as libpq does for `sslnegotiation=direct`, sends a start-up packet, and gives what comes back.
fn begin_with_tls(gateway: &Gateway, protocol: &[&str]) -> Vec<u8> {
    let mut client = std::process::Command::new("openssl")
        .args(["s_client", "-quiet", "-connect", &format!("127.0.0.1:{}", gateway.port)])
        .args(protocol)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = client.stdin.take().unwrap();
    // Where the gateway refuses the handshake there is nobody to read it.
    let _ = stdin.write_all(b"\0\0\0\x25\0\x03\0\0user\0orders\0database\0orders\0\0");
    let mut answer = vec![0; 9];
    let read = client.stdout.take().unwrap().read(&mut answer).unwrap();
    answer.truncate(read);
    drop(stdin);
    // It may wait for more of the gateway.
    let _ = client.kill();
    client.wait().unwrap();
    answer
}

#[test]
fn a_client_may_begin_with_tls_at_once_if_it_says_for_which_protocol() {
    let (_postgres, gateway) = baseline();
    let asked_for_a_password = b"R\0\0\0\x08\0\0\0\x03";
    assert_eq!(begin_with_tls(&gateway, &["-alpn", "postgresql"]), asked_for_a_password);
    assert_eq!(begin_with_tls(&gateway, &["-alpn", "http/1.1"]), b"");
    assert_eq!(begin_with_tls(&gateway, &[]), b"");
}
