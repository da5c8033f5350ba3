//! Clients and services that others wrote, and that know nothing of the gateway.

#![cfg(have_python3)]

use std::process::Stdio;

use serde_json::Value;

use crate::harness::{Aws, Curl, Gateway, aws_cli, boto, repository, run};

const POLICY: &str = r#"
[[use]]
plugin = "http-guard"
on = { protocols = ["http"] }
[use.config]
incomplete = "allow"
[[use.config.rules]]
name = "delete"
methods = ["DELETE"]
then = "deny"
hint = "Ask whoever owns the bucket."
[[use.config.rules]]
name = "held"
methods = ["PUT"]
paths = ["/files/held*"]
then = { hold = { approvers = ["approver"] } }
"#;

/// curl's options for a body of XML.
const XML: [&str; 4] = ["--header", "Content-Type: application/xml", "--data-binary", "<x/>"];

fn file(gateway: &Gateway, name: &str, bytes: &[u8]) {
    std::fs::write(gateway.folder.path().join(name), bytes).unwrap();
}

#[test]
fn the_aws_command_line_puts_lists_and_gets_and_is_shown_why_it_may_not_delete() {
    let aws = Aws::start();
    let gateway = aws.gateway(None, POLICY);
    let s3 = |arguments: &[&str]| run(&mut aws_cli(&gateway, "s3", arguments));
    assert!(s3(&["s3", "mb", "s3://files"]).ok);
    let big: Vec<u8> = (0..9_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    file(&gateway, "small", b"hello");
    file(&gateway, "big", &big);
    for name in ["small", "big"] {
        let put = s3(&["s3", "cp", "--quiet", name, &format!("s3://files/{name}")]);
        assert!(put.ok, "{put:?}");
        let got = s3(&["s3", "cp", "--quiet", &format!("s3://files/{name}"), "back"]);
        assert!(got.ok, "{got:?}");
        let path = gateway.folder.path();
        assert!(
            std::fs::read(path.join("back")).unwrap() == std::fs::read(path.join(name)).unwrap()
        );
    }
    let listed = s3(&["s3", "ls", "s3://files/"]).stdout;
    assert!(listed.contains("small") && listed.contains("9000000 big"), "{listed}");
    let denied = s3(&["s3", "rm", "s3://files/small"]);
    for part in ["AccessDenied", "http-guard.delete", "Ask whoever owns the bucket."] {
        assert!(denied.stderr.contains(part), "{denied:?}");
    }
    let whoami = run(&mut aws_cli(&gateway, "sts", &["sts", "get-caller-identity"]));
    assert!(whoami.stdout.contains("user/gateway"), "{whoami:?}");
}

#[test]
fn under_the_shipped_policy_for_aws_objects_come_and_go_and_what_deletes_waits() {
    let aws = Aws::start();
    let shipped = repository().join("policies/aws.toml");
    let shipped = std::fs::read_to_string(shipped).unwrap().replace(r#"["files"]"#, r#"["s3"]"#);
    let gateway = aws.gateway(None, &shipped);
    let s3 = |arguments: &[&str]| run(&mut aws_cli(&gateway, "s3", arguments));
    assert!(s3(&["s3", "mb", "s3://files"]).ok);
    let big: Vec<u8> = (0..9_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    file(&gateway, "big", &big);
    let put = s3(&["s3", "cp", "--quiet", "big", "s3://files/big"]);
    assert!(put.ok, "{put:?}");
    let got = s3(&["s3", "cp", "--quiet", "s3://files/big", "back"]);
    assert!(got.ok, "{got:?}");
    assert!(std::fs::read(gateway.folder.path().join("back")).unwrap() == big);
    let listed = s3(&["s3", "ls", "s3://files/"]).stdout;
    assert!(listed.contains("9000000 big"), "{listed}");
    let place = ["--bucket", "files", "--key", "big"];
    let opened = s3(&[&["s3api", "put-object-acl", "--acl", "public-read"], &place[..]].concat());
    assert!(opened.stderr.contains("http-guard.acl"), "{opened:?}");
    let opened = s3(&["s3", "cp", "--quiet", "--acl", "public-read", "big", "s3://files/other"]);
    assert!(!opened.ok, "{opened:?}");
    let curl = Curl::new(&gateway, "cloud-agent");
    for (place, rule) in [
        ("PUT /files/?lifecycle", "http-guard.bucket"),
        ("PUT /files?lifecycle", "http-guard.bucket"),
        ("POST /files/?delete&uploadId=x", "http-guard.bucket"),
        ("PUT /files/open?x-amz-acl=public-read", "http-guard.public-by-query"),
        ("PUT /files/open?X-Amz-Grant-Read=uri=all", "http-guard.grant-by-query"),
    ] {
        let (method, place) = place.split_once(' ').unwrap();
        let path = format!("/c/s3{place}");
        let denied = run(curl.command(&path, &XML).args(["-X", method]));
        assert!(denied.stdout.contains(rule), "{path}: {denied:?}");
    }
    let all = ["s3api", "delete-objects", "--bucket", "files", "--delete", "Objects=[{Key=big}]"];
    assert!(s3(&all).stderr.contains("AccessDenied"));
    let mut delete = aws_cli(&gateway, "s3", &["s3", "rm", "s3://files/big"]);
    let delete = delete.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let hold = gateway.hold();
    assert_eq!(hold["rule"], "http-guard.delete", "{hold}");
    gateway.approve(&hold);
    let done = delete.wait_with_output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn an_upload_that_is_held_is_done_once_it_is_approved() {
    let aws = Aws::start();
    let gateway = aws.gateway(None, POLICY);
    assert!(run(&mut aws_cli(&gateway, "s3", &["s3", "mb", "s3://files"])).ok);
    file(&gateway, "small", b"hello");
    let mut put = aws_cli(&gateway, "s3", &["s3", "cp", "--quiet", "small", "s3://files/held"]);
    let put = put.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let hold = gateway.hold();
    assert_eq!(hold["rule"], "http-guard.held", "{hold}");
    gateway.approve(&hold);
    let done = put.wait_with_output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_wrong_key_of_the_gateways_is_refused_by_the_service() {
    let aws = Aws::start();
    let gateway = aws.gateway(Some("wrong"), POLICY);
    let refused = run(&mut aws_cli(&gateway, "s3", &["s3", "mb", "s3://files"]));
    assert!(refused.stderr.contains("SignatureDoesNotMatch"), "{refused:?}");
}

#[test]
fn a_program_with_boto3_uses_storage_tables_and_tokens() {
    let aws = Aws::start();
    let gateway = aws.gateway(None, POLICY);
    let outcome = run(&mut boto(&gateway));
    assert!(outcome.ok, "{}{}", outcome.stdout, outcome.stderr);
    let steps: Vec<Value> =
        outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let step = |name: &str| {
        let found = steps.iter().find(|step| step["step"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {steps:?}"))["value"].clone()
    };
    for key in ["plain", "a+b (1)!.json", "deep/ä"] {
        assert_eq!(step(&format!("got {key}")), format!("hello {key}"));
    }
    assert_eq!(step("listed"), serde_json::json!(["deep/ä"]));
    assert_eq!(step("multipart"), true);
    assert_eq!(step("denied")["Code"], "AccessDenied");
    assert!(step("denied")["Message"].as_str().unwrap().contains("rule http-guard.delete"));
    assert_eq!(step("item"), "Ada");
    assert!(step("caller").as_str().unwrap().contains("user/gateway"));
}
