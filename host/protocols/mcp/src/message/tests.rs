use super::*;

fn read(text: &str) -> Result<Vec<String>, String> {
    let messages = Message::read(text.as_bytes(), false).map_err(|refused| refused.to_string())?;
    Ok(messages.iter().map(|message| message.json().to_text()).collect())
}

#[test]
fn a_message_is_what_json_rpc_says() {
    for text in [
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}"#,
        r#"{"jsonrpc":"2.0","id":"x","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
    ] {
        assert_eq!(read(text).unwrap(), [text]);
    }
}

#[test]
fn what_is_ambiguous_or_wrong_is_refused() {
    for text in [
        r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","Method":"b"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":[1]}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":7}"#,
        r#"{"jsonrpc":"2.0","id":1.5,"method":"a"}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"a"}"#,
        r#"{"jsonrpc":"2.0","id":{},"method":"a"}"#,
        r#"{"jsonrpc":"1.0","id":1,"method":"a"}"#,
        r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"a"}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":1}"#,
        r#"{"jsonrpc":"2.0","result":{}}"#,
        "[]",
        r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
        "7",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn a_refused_message_is_answered_under_its_id() {
    let text = br#"{"jsonrpc":"2.0","id":7,"method":"a","params":[]}"#;
    let answer = Message::read(text, false).unwrap_err().answer().json().to_text();
    assert!(answer.starts_with(r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32600"#), "{answer}");
    let answer = Message::read(b"{", false).unwrap_err().answer().json().to_text();
    assert!(answer.starts_with(r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700"#), "{answer}");
}

#[test]
fn batches_are_read_where_the_revision_has_them() {
    let one = r#"{"jsonrpc":"2.0","method":"a"}"#;
    let batch = format!("[{one},{one}]");
    assert_eq!(Message::read(batch.as_bytes(), true).unwrap().len(), 2);
    assert_eq!(Message::read(batch.as_bytes(), false), Err(MessageRefused::Batch));
    let many = format!("[{}]", vec![one; 65].join(","));
    assert_eq!(Message::read(many.as_bytes(), true), Err(MessageRefused::BatchSize));
}
