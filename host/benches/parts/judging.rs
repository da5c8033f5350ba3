//! Verdicts and plans: what a session remembers, what all sessions remember, and what a plugin is asked.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion};
use palisade_policy::{
    Approvals, Asked, Command, Context, Entry, Field, Gate, GateSession, Grants, HoldRequest,
    Journal, JournalFailure, Later, Moment, Operation, Placed, Policy, Shape, Ticket,
};
use palisade_sql::{Dialect, PostgreSql};
use palisade_wasm::{HostOptions, Limits, PluginHost, WasmPolicy};

use super::protocol::STATEMENT;

const BUNDLED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/bundled.rs"));

const GUARD: &str = r#"{"deny":["drop","truncate","delete-without-where","update-without-where","grant","revoke"],
    "read_only":["audit.*"],"deny_uses":["predicate","join","sort","group"],"incomplete":"deny"}"#;
const MASK: &str =
    r#"{"protect":["*.*.password","*.*.api_key","*.*.token"],"detect":["jwt","password"]}"#;
const HOLD: &str = r#"{"hold":[{"name":"secrets","actions":["update","delete"],"objects":["*.secrets"],
    "approvers":["approver"],"expires_in":300}]}"#;

/// Keeps nothing: storing is measured by itself.
struct Nowhere;

impl Journal for Nowhere {
    fn put(
        &self,
        _: &str,
        entry: &Entry<'_>,
    ) -> Result<Option<Later<Result<(), JournalFailure>>>, JournalFailure> {
        black_box(entry);
        Ok(None)
    }
}

impl Approvals for Nowhere {
    fn open(&self, _: HoldRequest) -> Result<Box<dyn Ticket>, String> {
        Err("nobody is there".to_owned())
    }
}

pub(crate) fn all(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let host = PluginHost::new(HostOptions::new(folder.path(), [7; 32])).unwrap();
    let guard = plugin(&host, "sql-guard", GUARD);
    let mask = plugin(&host, "mask-secrets", MASK);
    let hold = plugin(&host, "approve-risky", HOLD);
    calls(criterion, &guard, &mask);
    unknown(
        criterion,
        "a guard's verdict, not known, with parsing",
        &gate_of(vec![Arc::clone(&guard)]),
    );
    let gate = gate_of(vec![guard, mask, hold]);
    unknown(criterion, "a verdict, not known, with parsing", &gate);
    remembered(criterion, &gate);
}

fn gate_of(policies: Vec<Arc<WasmPolicy>>) -> Arc<Gate> {
    let gate = Arc::new(Gate::new(Arc::new(Nowhere), Arc::new(Nowhere)));
    gate.install(policies.into_iter().map(|policy| Placed::everywhere(policy)).collect());
    gate
}

fn plugin(host: &PluginHost, name: &str, config: &str) -> Arc<WasmPolicy> {
    let (_, file) = BUNDLED.iter().find(|(bundled, _)| *bundled == name).unwrap();
    let compiled = host.compile(file).unwrap();
    Arc::new(compiled.configure(name, config, Limits::default(), &Grants::default()).unwrap())
}

fn calls(criterion: &mut Criterion, guard: &WasmPolicy, mask: &WasmPolicy) {
    let (context, command) = (Context::default(), command(STATEMENT));
    criterion.bench_function("a guard called", |bencher| {
        bencher.iter(|| guard.judge(black_box(&context), &command).unwrap());
    });
    let field = |at| Field {
        name: format!("c{at}"),
        sources: vec![format!("public.wide.c{at}")],
        type_name: "text".to_owned(),
    };
    let shape = Shape::Table((0..10).map(field).collect());
    criterion.bench_function("a plan of 10 columns", |bencher| {
        bencher.iter(|| mask.plan(black_box(&context), &shape).unwrap());
    });
}

fn remembered(criterion: &mut Criterion, gate: &Arc<Gate>) {
    let mut session = gate.session(Context::default());
    let known = command(STATEMENT);
    criterion.bench_function("a verdict, known to the session", |bencher| {
        bencher.iter(|| ask(&mut session, black_box(&known)));
    });
    criterion.bench_function("a verdict, known to another session", |bencher| {
        bencher.iter_batched_ref(
            || gate.session(Context::default()),
            |session| ask(session, black_box(&known)),
            BatchSize::SmallInput,
        );
    });
    let mut number = 0;
    criterion.bench_function("a verdict, of another text of a known shape", |bencher| {
        bencher.iter(|| {
            number += 1;
            let text = format!("SELECT abalance FROM pgbench_accounts WHERE aid = {number};");
            black_box(palisade_sql::shape(&text));
            ask(&mut session, &Arc::new(Command { text, ..(*known).clone() }))
        });
    });
}

/// What it takes to judge a statement whose like was not there before, from its text on.
fn unknown(criterion: &mut Criterion, name: &str, gate: &Arc<Gate>) {
    let mut session = gate.session(Context::default());
    let mut number = 0;
    criterion.bench_function(name, |bencher| {
        bencher.iter(|| {
            number += 1;
            // Neither the text nor what it does was there before.
            let text = format!("SELECT abalance FROM pgbench_accounts{number} WHERE aid = 1;");
            black_box(PostgreSql.analyze(&text));
            ask(&mut session, &command_on(&format!("public.pgbench_accounts{number}"), &text))
        });
    });
}

fn ask(session: &mut GateSession, command: &Arc<Command>) -> bool {
    let asked = session.ask(command, Moment::Run, &|_| Arc::clone(command));
    matches!(asked, Asked::Decided(_))
}

/// What a session makes of the statement.
fn command(text: &str) -> Arc<Command> {
    command_on("public.pgbench_accounts", text)
}

/// The same of another table.
fn command_on(table: &str, text: &str) -> Arc<Command> {
    let operation = |action: &str, facts: &[(&str, &str)]| Operation {
        action: action.to_owned(),
        object: table.to_owned(),
        fields: vec!["abalance".to_owned(), "aid".to_owned()],
        facts: facts.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
    };
    let operations = [
        operation("select", &[("where", "present")]),
        operation("use", &[("for", "predicate"), ("how", "equals-constant")]),
    ];
    Arc::new(Command { text: text.to_owned(), operations: operations.into(), complete: true })
}
