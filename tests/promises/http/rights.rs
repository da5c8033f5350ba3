//! The policy for HTTP that comes with the gateway, against names that servers read and nobody seems to write.

use crate::harness::{Curl, Web, api};

use super::{BEARER, hello};

const POLICY: &str = include_str!("../../../policies/http.toml");

/// What an agent that may give no rights sends all the same; nothing of it reaches the service.
#[test]
fn rights_are_given_by_no_name_that_a_server_would_read() {
    let web = Web::start(hello);
    let gateway = api(&web, BEARER, POLICY);
    let curl = Curl::new(&gateway, "api-agent");
    let utf_7 = "Content-Type: application/x-www-form-urlencoded; charset=utf-7";
    let in_utf_7 = "Content-Type: multipart/form-data; charset=utf-7; boundary=b";
    let part = "--b\r\nContent-Disposition: form-data; name=\"+AHI-ole\"\r\n\r\nadmin\r\n--b--\r\n";
    let query = "/graphql?query=mutation(%24i:In!)%7BsetUser(input:%24i)%7Bid%7D%7D";
    let decoy = r#"{"query":"{me{id}}","variables":"{\"i\":{\"role\":\"admin\"}}"}"#;
    let json = ["--header", "Content-Type: application/json", "--data"];
    for (path, arguments) in [
        ("/users", vec!["--data", "user[role]x=admin"]),
        ("/users", vec!["--data", "permissions[admin]=1"]),
        ("/users", vec!["--data", "is.admin=1"]),
        ("/users", vec!["--data", "!role=admin"]),
        ("/users?is.admin=1", vec!["--data", "a=1"]),
        ("/users", vec!["--header", utf_7, "--data", "%2BAHI-ole=admin"]),
        ("/users", vec!["--header", in_utf_7, "--data-binary", part]),
        ("/users", vec!["--form", "=?utf-8?Q?role?==admin"]),
        ("/users", vec![json[0], json[1], json[2], r#"{"roles.0":"admin"}"#]),
        ("/cable", vec![json[0], json[1], json[2], r#"{"data":"{\"role\":\"admin\"}"}"#]),
        ("/hook", vec!["--data", "payload=%5B%7B%22role%22:%22admin%22%7D%5D"]),
        ("/hook", vec!["--form", r#"payload={"role":"admin"}"#]),
        ("/cable", vec![json[0], json[1], json[2], r#"{"data":"{\"a\":1,\"a\":2}"}"#]),
        ("/admin.json", vec![]),
        (query, vec![json[0], json[1], json[2], decoy]),
    ] {
        let answer = curl.ask(path, &arguments);
        let refused = ["HTTP/2 400", "HTTP/2 403", "HTTP/2 415"];
        assert!(
            refused.iter().any(|it| answer.stdout.starts_with(it)),
            "{arguments:?}: {answer:?}"
        );
    }
    assert!(web.asked().is_empty(), "{:?}", web.asked());
    // What says plainly that it is something else goes through.
    for arguments in [
        vec!["--data", "user[name]=a&is.new=1"],
        vec!["--form", "name=a"],
        vec![json[0], json[1], json[2], r#"{"data":"{\"name\":\"a\"}","note":"[WIP] {mend} it"}"#],
    ] {
        let answer = curl.ask("/users", &arguments);
        assert!(answer.stdout.starts_with("HTTP/2 200"), "{arguments:?}: {answer:?}");
    }
}

/// One request that holds others is not judged as if it were alone.
#[test]
fn a_deletion_inside_another_requests_body_does_not_reach_the_service() {
    let web = Web::start(hello);
    let gateway = api(&web, BEARER, POLICY);
    let curl = Curl::new(&gateway, "api-agent");
    let own = format!("{}/users/7", web.url());
    for body in [
        r#"{"requests":[{"id":"1","method":"DELETE","url":"/users/7"}]}"#,
        r#"{"requests":[{"id":"1","Method":"DELETE","Url":"/users/7?x=://"}]}"#,
        r#"{"requests":[{"httpMethod":"DELETE","relativeUrl":"/users/7"}]}"#,
        r#"[{"method":"DELETE","url":"/users/7"}]"#,
        &format!(
            r#"{{"requests":[{{"x":[1{}],"method":"DELETE","url":"{own}"}}]}}"#,
            ",1".repeat(70)
        ),
    ] {
        let json = ["--header", "Content-Type: application/json", "--data", body];
        let answer = curl.ask("/$batch", &json);
        assert!(answer.stdout.starts_with("HTTP/2 403"), "{body}: {answer:?}");
        assert!(web.asked().is_empty(), "{body}");
    }
    let hook = r#"{"hook":{"method":"POST","url":"https://hooks.example/x"}}"#;
    let answer =
        curl.ask("/hooks", &["--header", "Content-Type: application/json", "--data", hook]);
    assert!(answer.stdout.starts_with("HTTP/2 200"), "{answer:?}");
}
