//! COPY in both directions.

use std::io::Write;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};

use crate::harness::{Gateway, Postgres, Settings, baseline};
use crate::masking::connect;

#[test]
fn a_copy_out_is_masked() {
    let (_postgres, gateway) = baseline();
    let agent = gateway.agent();
    for text in [
        "COPY secrets TO STDOUT",
        "COPY secrets (name, password, api_key, token) TO STDOUT WITH (DELIMITER '|')",
        "COPY (SELECT name, password AS x FROM secrets) TO STDOUT",
    ] {
        let shown = agent.query(text);
        assert!(shown.contains("billing") && shown.contains("********"), "{text}: {shown}");
        assert!(!shown.contains("hunter2") && !shown.contains("-777"), "{text}: {shown}");
        assert_eq!(shown.lines().count(), 3, "{text}: {shown}");
    }
}

#[test]
fn a_copy_out_is_masked_in_csv_and_in_binary_too() {
    let (postgres, gateway) = baseline();
    postgres.direct(
        "INSERT INTO secrets VALUES (4, E'two\\nlines, \"quoted\"', E'hunter2\\n\",\"', 'k', 't')",
    );
    let agent = gateway.agent();
    let shown = agent.query("COPY (SELECT name, password FROM secrets WHERE id > 2 ORDER BY id) TO STDOUT WITH (FORMAT csv, HEADER)");
    assert_eq!(shown, "name,password\nempty,\n\"two\nlines, \"\"quoted\"\"\",\"********\"");
    let shown = agent.query("COPY secrets TO STDOUT WITH (FORMAT binary)");
    assert!(
        shown.contains("billing") && !shown.contains("hunter2") && !shown.contains("key-"),
        "{shown:?}"
    );
}

#[test]
fn a_copy_out_whose_columns_are_not_known_is_refused_where_it_would_have_to_be_masked() {
    let (_postgres, gateway) = baseline();
    let error = gateway.agent().error("COPY (SELECT * FROM secrets NATURAL JOIN orders) TO STDOUT");
    assert!(error.contains("gateway.copy-unmaskable"), "{error}");
}

#[test]
fn a_copy_out_of_what_nobody_protects_passes_in_every_format() {
    let (_postgres, gateway) = baseline();
    let agent = gateway.agent();
    assert_eq!(
        agent.query("COPY (SELECT id FROM orders WHERE id < 3) TO STDOUT WITH (FORMAT csv)"),
        "1\n2"
    );
    assert_eq!(agent.query("COPY orders TO STDOUT").lines().count(), 100);
}

#[test]
fn psqls_copy_in_stores_the_rows() {
    let (postgres, gateway) = baseline();
    let mut rows = tempfile::NamedTempFile::new().unwrap();
    writeln!(rows, "201\tone\t1.5\n202\ttwo\t2.5").unwrap();
    let text = format!("\\copy orders FROM '{}'", rows.path().display());
    let outcome = gateway.agent().run(&[&text, "SELECT count(*) FROM orders"]);
    assert!(outcome.ok, "{}", outcome.stderr);
    assert!(outcome.stdout.contains("102"), "{}", outcome.stdout);
    assert_eq!(postgres.direct("SELECT item FROM orders WHERE id = 202"), "two");
}

#[test]
fn a_copy_in_with_a_bad_row_fails_and_the_session_goes_on() {
    let (postgres, gateway) = baseline();
    let mut rows = tempfile::NamedTempFile::new().unwrap();
    writeln!(rows, "301\tone\t1.5\nno number\ttwo\t2.5").unwrap();
    let text = format!("\\copy orders FROM '{}'", rows.path().display());
    let outcome = gateway.agent().run(&[&text, "SELECT 'still here'"]);
    assert!(outcome.stderr.contains("22P02"), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("still here"), "{}", outcome.stdout);
    assert_eq!(postgres.direct("SELECT count(*) FROM orders"), "100");
}

#[tokio::test]
async fn copies_in_the_extended_protocol_work_both_ways() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    let client = connect(&gateway).await;
    let mut sink = Box::pin(client.copy_in::<_, Bytes>("COPY orders FROM STDIN").await.unwrap());
    sink.send(Bytes::from_static(b"401\tone\t1.5\n402\ttw")).await.unwrap();
    sink.send(Bytes::from_static(b"o\t2.5\n")).await.unwrap();
    assert_eq!(sink.as_mut().finish().await.unwrap(), 2);
    let stream = client
        .copy_out("COPY (SELECT id, item FROM orders WHERE id > 400) TO STDOUT")
        .await
        .unwrap();
    let rows: Vec<_> = stream.map(|part| part.unwrap()).collect().await;
    assert_eq!(rows.concat(), b"401\tone\n402\ttwo\n");
    assert!(client.simple_query("SELECT 1").await.is_ok());
}
