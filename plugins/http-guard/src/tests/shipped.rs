//! The policies that are shipped.

use super::*;

/// The configuration of a policy file's plugin at this place.
fn config(file: &str, place: usize) -> String {
    let file: toml::Table = file.parse().unwrap();
    serde_json::to_string(&file["use"][place]["config"]).unwrap()
}

#[test]
fn the_policy_for_services_keeps_agents_out_of_where_they_are_looked_after() {
    let config = config(include_str!("../../../../policies/http.toml"), 0);
    for path in [
        "/admin",
        "/Admin/users",
        "/internal",
        "/internal/keys",
        "/actuator",
        "/actuator/env",
        "/shop/actuator/heapdump",
        "/debug/",
        "/debug/pprof",
        "/admin.json",
        "/shop/actuator.xml",
    ] {
        check(&config, [operation("GET", path)], "deny http-guard.admin");
    }
    for path in ["/v1/orders", "/administration", "/v1/actuators", "/admin.css", "/debug.js"] {
        check(&config, [operation("GET", path)], "allow");
    }
}

#[test]
fn the_policy_for_services_gives_no_rights_in_whatever_is_sent() {
    let config = config(include_str!("../../../../policies/http.toml"), 0);
    for (action, fields, rule) in [
        ("POST", ["name", "role"], "rights"),
        ("PATCH", ["user", "user.isAdmin"], "rights"),
        ("MESSAGE", ["payload", "payload.user.roles"], "rights"),
        ("mutation", ["id", "arguments.role"], "rights-by-graphql"),
        ("mutation", ["id", "posts.arguments.input.user.permissions"], "rights-by-graphql"),
    ] {
        let request = operation(action, "setUser").with_fields(fields);
        check(&config, [request], &format!("deny http-guard.{rule}"));
    }
    // Who asks for a role sets none.
    for (action, field) in [("mutation", "user.role"), ("query", "arguments.role"), ("GET", "role")]
    {
        check(&config, [operation(action, "user").with_fields([field])], "allow");
    }
}

#[test]
fn the_policy_for_grpc_holds_what_deletes_whatever_stands_before_the_word() {
    let config = config(include_str!("../../../../policies/grpc.toml"), 0);
    for method in ["DeleteOrder", "BatchDeleteOrders", "HardDelete", "BulkRemove", "ForcePurge"] {
        let call = operation("call", &format!("/shop.Orders/{method}"));
        check(&config, [call], "hold http-guard.delete approver");
    }
    for method in ["GetOrder", "ListDroplets", "CallRemote"] {
        check(&config, [operation("call", &format!("/shop.Orders/{method}"))], "allow");
    }
}

#[test]
fn the_policy_for_aws_holds_what_deletes_in_batches_and_by_statements() {
    let config = config(include_str!("../../../../policies/aws.toml"), 1);
    let asked = |target: &str| operation("POST", "/").with_fact("header:x-amz-target", target);
    for (target, rule) in [
        ("DynamoDB_20120810.DeleteItem", "delete-by-target"),
        ("AmazonEC2ContainerRegistry_V20150921.BatchDeleteImage", "delete-by-target"),
        ("TrentService.ScheduleKeyDeletion", "delete-by-target"),
        ("DynamoDB_20120810.BatchWriteItem", "delete-by-batch"),
        ("DynamoDB_20120810.TransactWriteItems", "delete-by-batch"),
    ] {
        check(&config, [asked(target)], &format!("hold http-guard.{rule} approver"));
    }
    let by_form = operation("POST", "/").with_fact("body:Action", "BatchDeleteThings");
    check(&config, [by_form], "hold http-guard.delete-by-form approver");
    let stated = |target: &str, field: &str, text: &str| {
        asked(&format!("DynamoDB_20120810.{target}")).with_fact(field, text)
    };
    for stated in [
        stated("ExecuteStatement", "body:Statement", "DELETE FROM orders WHERE id = '7'"),
        stated("BatchExecuteStatement", "body:Statements.Statement", "delete from orders"),
        stated("ExecuteTransaction", "body:TransactStatements.Statement", "DELETE FROM orders"),
    ] {
        check(&config, [stated], "hold http-guard.delete-by-statement approver");
    }
    for asked in [
        asked("DynamoDB_20120810.PutItem"),
        asked("AmazonSQS.SendMessageBatch"),
        stated("ExecuteStatement", "body:Statement", "SELECT * FROM orders"),
    ] {
        check(&config, [asked], "allow");
    }
}
