use std::sync::Arc;
use std::thread;

use palisade_policy::{Denial, Field, Grants, Operation, Principal, Target};
use tempfile::TempDir;

use super::*;
use crate::testing::{HOST, KEY, TRICKSTER, guest, patient, trickster};
use crate::{HostOptions, PluginHost};

const UNREACHABLE: &str = "trapped: wasm `unreachable` instruction executed";

fn command(text: &str) -> Command {
    Command { text: text.to_owned(), ..Command::default() }
}

fn judge(config: &str) -> Result<Verdict, PolicyFailure> {
    trickster(config).judge(&Context::default(), &command("select 1"))
}

fn table(count: usize) -> Shape {
    Shape::Table(vec![Field::default(); count])
}

fn plan(config: &str) -> Result<Plan, PolicyFailure> {
    trickster(config).plan(&Context::default(), &table(2))
}

fn two_values() -> Batch {
    let mut batch = Batch::default();
    batch.push(b"secret");
    batch.push(b"value");
    batch
}

fn inspect(config: &str) -> Result<Batch, PolicyFailure> {
    trickster(config).inspect(&Context::default(), &two_values())
}

fn a_hold() -> Hold {
    Hold {
        reason: "why".to_owned(),
        rule: "trickster".to_owned(),
        approvers: vec!["approver".to_owned()],
        quorum: 2,
        expires_in: 60,
        for_approvers: String::new(),
    }
}

fn review(config: &str) -> Result<Review, PolicyFailure> {
    trickster(config).review(&Context::default(), &Command::default(), &a_hold())
}

fn reason(verdict: Result<Verdict, PolicyFailure>) -> String {
    let Ok(Verdict::Deny(Denial { reason, .. })) = verdict else { panic!("{verdict:?}") };
    reason
}

fn fails<T: fmt::Debug>(answer: Result<T, PolicyFailure>, text: &str) {
    assert_eq!(answer.unwrap_err().to_string(), text);
}

#[test]
fn a_verdict_comes_back_as_it_was_given() {
    assert_eq!(judge("allow"), Ok(Verdict::Allow));
    let denial =
        Denial { reason: "no".to_owned(), rule: "trickster".to_owned(), hint: "stop".to_owned() };
    assert_eq!(judge("deny:no"), Ok(Verdict::Deny(denial)));
    assert_eq!(judge("hold:why"), Ok(Verdict::Hold(a_hold())));
    assert_eq!(judge("rewrite:select 2"), Ok(Verdict::Rewrite("select 2".to_owned())));
}

#[test]
fn the_whole_command_and_context_reach_the_plugin() {
    let context = Context {
        session: "s-1".to_owned(),
        principal: Principal {
            subject: "ada".to_owned(),
            issuer: "here".to_owned(),
            roles: vec!["agent".to_owned(), "reader".to_owned()],
            acting_for: Some("grace".to_owned()),
            ..Principal::default()
        },
        target: Target {
            connection: "orders".to_owned(),
            protocol: "postgres".to_owned(),
            labels: vec![("env".to_owned(), "prod".to_owned())],
        },
        client_address: "127.0.0.1:9".to_owned(),
    };
    let command = Command {
        text: "delete from t".to_owned(),
        operations: [Operation {
            action: "delete".to_owned(),
            object: "public.t".to_owned(),
            fields: vec!["id".to_owned()],
            facts: vec![("where".to_owned(), "absent".to_owned())],
        }]
        .into(),
        complete: true,
    };
    let echo = reason(trickster("echo").judge(&context, &command));
    for part in [
        "s-1",
        "\"ada\"",
        "\"here\"",
        "[\"agent\", \"reader\"]",
        "Some(\"grace\")",
        "orders",
        "postgres",
        "[(\"env\", \"prod\")]",
        "127.0.0.1:9",
        "delete from t",
        "\"delete\"",
        "public.t",
        "[\"id\"]",
        "[(\"where\", \"absent\")]",
        "complete: true",
    ] {
        assert!(echo.contains(part), "{part} is not in {echo}");
    }
}

#[test]
fn an_endless_loop_runs_out_of_time() {
    let policy =
        TRICKSTER.configure("loop", "loop", Limits::default(), &Grants::default()).unwrap();
    fails(policy.judge(&Context::default(), &Command::default()), "ran over its time limit");
    fails(policy.plan(&Context::default(), &table(1)), "ran over its time limit");
    fails(policy.inspect(&Context::default(), &two_values()), "ran over its time limit");
    let review = policy.review(&Context::default(), &Command::default(), &a_hold());
    fails(review, "ran over its time limit");
}

#[test]
fn a_memory_bomb_runs_out_of_memory() {
    fails(judge("memory-bomb"), "ran over its memory limit");
}

#[test]
fn a_trap_fails_every_hook() {
    fails(judge("trap"), UNREACHABLE);
    fails(plan("trap"), UNREACHABLE);
    fails(inspect("trap"), UNREACHABLE);
    fails(review("trap"), UNREACHABLE);
}

#[test]
fn a_stack_overflow_is_a_trap() {
    let text = judge("stack-overflow").unwrap_err().to_string();
    assert!(text.starts_with("trapped: "), "{text}");
}

#[test]
fn a_failure_leaves_the_policy_and_others_as_they_were() {
    let policy = trickster("trap");
    for _ in 0..3 {
        fails(policy.judge(&Context::default(), &Command::default()), UNREACHABLE);
        assert_eq!(judge("allow"), Ok(Verdict::Allow));
    }
}

#[test]
fn a_long_reason_is_cut_not_refused() {
    assert_eq!(reason(judge("long-deny:5000")).len(), 4096);
}

#[test]
fn a_rewrite_has_a_limit() {
    assert!(judge("long-rewrite:1048576").is_ok());
    fails(
        judge("long-rewrite:1048577"),
        "gave an unusable answer: its rewrite has 1048577 bytes, 1048576 are allowed",
    );
}

#[test]
fn an_answer_that_is_no_utf8_is_unusable() {
    let text = judge("no-text").unwrap_err().to_string();
    assert!(text.starts_with("gave an unusable answer: invalid utf-8"), "{text}");
}

#[test]
fn a_hold_needs_at_least_one_person() {
    let Ok(Verdict::Hold(hold)) = judge("hold-quorum-0:why") else { panic!("a hold") };
    assert_eq!(hold.quorum, 1);
}

#[test]
fn a_hold_that_nobody_is_named_for_is_unusable() {
    fails(judge("hold-many:0"), "gave an unusable answer: its hold names no approvers");
}

#[test]
fn a_hold_that_expires_at_once_is_unusable() {
    fails(judge("hold-expired:why"), "gave an unusable answer: its hold expires in 0 seconds");
}

#[test]
fn lists_have_a_limit() {
    let check = |answer: Result<(), PolicyFailure>, what: &str| {
        let text = format!(
            "gave an unusable answer: its list of {what} has 65537 elements, 65536 are allowed"
        );
        fails(answer, &text);
    };
    check(judge("hold-many:65537").map(drop), "approvers");
    check(plan("many-fields:65537").map(drop), "fields");
    check(plan("many-keys:65537").map(drop), "keys");
    check(plan("scan-many:65537").map(drop), "detectors");
    assert!(judge("hold-many:65536").is_ok());
}

#[test]
fn an_answer_cannot_take_more_of_the_hosts_memory_than_it_may() {
    let text = judge("hold-same:60000").unwrap_err().to_string();
    assert!(text.starts_with("gave an unusable answer: too much data"), "{text}");
}

#[test]
fn a_plan_comes_back_as_it_was_given() {
    let plan = plan("every-action").unwrap();
    let expected = [
        Action::Keep,
        Action::Replace("gone".to_owned()),
        Action::Partial(2, 4),
        Action::Pseudonym,
        Action::Nullify,
        Action::Scan(vec!["email".to_owned(), "card".to_owned()]),
        Action::Inspect,
    ];
    assert_eq!(plan.fields, expected);
    assert_eq!(plan.keys, [("*_key".to_owned(), Action::Nullify)]);
    assert_eq!(plan.rest, Action::Pseudonym);
}

#[test]
fn a_plan_of_the_wrong_length_is_left_to_the_caller_who_knows_the_shape() {
    assert_eq!(plan("one-too-many").unwrap().fields.len(), 3);
}

#[test]
fn documents_and_streams_can_be_planned_too() {
    for shape in [Shape::Document("application/json".to_owned()), Shape::ByteStream] {
        let plan = trickster("plain").plan(&Context::default(), &shape).unwrap();
        assert_eq!((plan.fields.len(), plan.rest), (0, Action::Pseudonym));
    }
}

#[test]
fn a_replacement_has_a_limit() {
    assert!(plan("long-replace:4096").is_ok());
    fails(
        plan("long-replace:4097"),
        "gave an unusable answer: its replacement has 4097 bytes, 4096 are allowed",
    );
}

#[test]
fn inspected_values_come_back() {
    let batch = inspect("stars").unwrap();
    assert_eq!(batch.values().collect::<Vec<_>>(), [&b"******"[..], b"*****"]);
    assert_eq!(inspect("unchanged"), Ok(Batch::default()));
    assert_eq!(inspect("plain"), Ok(two_values()));
}

#[test]
fn a_batch_larger_than_any_other_answer_comes_back() {
    let mut batch = Batch::default();
    batch.push(&vec![7; 16 << 20]);
    assert_eq!(trickster("plain").inspect(&Context::default(), &batch), Ok(batch));
}

#[test]
fn a_malformed_batch_is_unusable() {
    for config in ["one-value-less", "ends-beyond", "ends-backwards", "bytes-without-ends"] {
        let text = inspect(config).unwrap_err().to_string();
        assert!(text.starts_with("gave an unusable answer: its batch of"), "{config}: {text}");
    }
}

#[test]
fn a_review_comes_back_as_it_was_given() {
    assert_eq!(review("plain"), Ok(Review::Undecided));
    assert_eq!(review("approve:window"), Ok(Review::Approve("window".to_owned())));
    assert_eq!(review("deny:frozen"), Ok(Review::Deny("frozen".to_owned())));
    let Ok(Review::Deny(echo)) = review("echo") else { panic!("a denial") };
    assert!(echo.contains("[\"approver\"]") && echo.contains("expires-in: 60"), "{echo}");
}

#[test]
fn a_hook_that_the_plugin_lacks_changes_nothing() {
    let plugin = HOST.compile(&guest("lookout")).unwrap();
    let policy = plugin.configure("lookout", "{}", patient(), &Grants::default()).unwrap();
    let context = Context::default();
    let nothing = Plan { fields: vec![Action::Keep; 2], keys: Vec::new(), rest: Action::Keep };
    assert_eq!(policy.judge(&context, &Command::default()), Ok(Verdict::Allow));
    assert_eq!(policy.plan(&context, &table(2)), Ok(nothing));
    assert_eq!(policy.inspect(&context, &two_values()), Ok(Batch::default()));
    let review = policy.review(&context, &Command::default(), &a_hold());
    assert_eq!(review, Ok(Review::Undecided));
}

#[test]
fn a_policy_keeps_the_operators_name_and_is_pure() {
    let policy = trickster("allow");
    assert_eq!((policy.name(), policy.is_pure()), ("trickster", true));
    assert_eq!(policy.plugin().hash(), TRICKSTER.hash());
}

#[test]
fn every_call_gets_a_fresh_instance() {
    let policy = trickster("count");
    for _ in 0..3 {
        assert_eq!(reason(policy.judge(&Context::default(), &Command::default())), "1");
    }
}

/// A host whose pool has a single slot, which every call must reuse.
fn one_slot(folder: &TempDir) -> Arc<CompiledPlugin> {
    let options = HostOptions { max_instances: 1, ..HostOptions::new(folder.path(), KEY) };
    PluginHost::new(options).unwrap().compile(&guest("trickster")).unwrap()
}

#[test]
fn nothing_of_one_call_can_be_found_by_the_next_in_the_same_slot() {
    let folder = TempDir::new().unwrap();
    let plugin = one_slot(&folder);
    let canary = "canary-4f1d9c";
    let reversed: String = canary.chars().rev().collect();
    let plant = plugin.configure("plant", "plant", patient(), &Grants::default()).unwrap();
    let seek = plugin
        .configure("seek", &format!("seek:{reversed}"), patient(), &Grants::default())
        .unwrap();
    let found = |text: &str| -> usize {
        reason(seek.judge(&Context::default(), &command(text))).parse().unwrap()
    };
    assert!(found(canary) > 0, "the search finds what is there");
    assert_eq!(plant.judge(&Context::default(), &command(canary)), Ok(Verdict::Allow));
    assert_eq!(found("nothing"), 0);
}

#[test]
fn calls_on_many_threads_do_not_disturb_each_other() {
    let policy = trickster("echo");
    thread::scope(|scope| {
        for index in 0..8 {
            let policy = &policy;
            scope.spawn(move || {
                let mine = format!("<thread {index}>");
                for _ in 0..50 {
                    let echo = reason(policy.judge(&Context::default(), &command(&mine)));
                    assert!(echo.contains(&mine) && echo.matches("<thread").count() == 1);
                }
            });
        }
    });
}

#[test]
fn policies_outlive_the_host_that_made_them() {
    let folder = TempDir::new().unwrap();
    let policy =
        one_slot(&folder).configure("loop", "loop", Limits::default(), &Grants::default()).unwrap();
    fails(policy.judge(&Context::default(), &Command::default()), "ran over its time limit");
}

#[test]
fn a_call_beyond_the_pool_fails_and_the_next_one_does_not() {
    let folder = TempDir::new().unwrap();
    let plugin = one_slot(&folder);
    let policy = plugin.configure("allow", "allow", patient(), &Grants::default()).unwrap();
    let taken = Instance::start(&plugin, patient(), Caller::default(), ANSWER_BYTES).unwrap();
    let text = policy.judge(&Context::default(), &Command::default()).unwrap_err().to_string();
    assert!(text.starts_with("trapped: no instance: maximum concurrent"), "{text}");
    drop(taken);
    assert_eq!(policy.judge(&Context::default(), &Command::default()), Ok(Verdict::Allow));
}

#[test]
fn what_is_said_of_operations_has_time_as_the_text_has() {
    let operation = Operation {
        action: "call".to_owned(),
        object: "git.push".to_owned(),
        fields: vec!["branch".to_owned()],
        facts: vec![("argument:branch".to_owned(), "main".to_owned())],
    };
    let operations = vec![operation.clone(), operation].into();
    assert_eq!(size_of_command(&Command { operations, ..command("push") }), 4 + 2 * 37);
}
