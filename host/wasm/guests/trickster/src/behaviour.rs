//! What each behaviour does in each hook. A behaviour without a meaning in a hook is harmless there.

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::bindings::exports::palisade::policy::reviewer::Decision;
use crate::bindings::palisade::policy::types::{
    Action, Batch, Command, Context, Denial, Hold, Plan, Shape, Verdict,
};
use crate::memory;

/// Calls that this instance has served.
static CALLS: AtomicU32 = AtomicU32::new(0);

pub(crate) fn judge(config: &str, context: &Context, command: Command) -> Verdict {
    let (behaviour, argument) = config.split_once(':').unwrap_or((config, ""));
    match behaviour {
        "deny" => deny(argument),
        "echo" => deny(&format!("{context:?} {command:?}")),
        "count" => deny(&(CALLS.fetch_add(1, Ordering::Relaxed) + 1).to_string()),
        "hold" => hold(argument, 2, 60),
        "hold-quorum-0" => hold(argument, 0, 60),
        "hold-expired" => hold(argument, 2, 0),
        "hold-many" => Verdict::Hold(Hold {
            approvers: vec![String::new(); number(argument)],
            ..a_hold("many", 1, 1)
        }),
        "hold-same" => Verdict::Hold(Hold {
            approvers: memory::same_text(number(argument)),
            ..a_hold("same", 1, 1)
        }),
        "no-text" => Verdict::Rewrite(memory::no_text()),
        "rewrite" => Verdict::Rewrite(argument.to_owned()),
        "long-deny" => deny(&"ä".repeat(number(argument))),
        "long-rewrite" => Verdict::Rewrite("x".repeat(number(argument))),
        "plant" => {
            memory::plant(command.text.as_bytes());
            Verdict::Allow
        }
        "seek" => deny(&memory::count_reversed(argument.as_bytes()).to_string()),
        failure => {
            fail(failure);
            Verdict::Allow
        }
    }
}

pub(crate) fn plan(config: &str, shape: Shape) -> Plan {
    let (behaviour, argument) = config.split_once(':').unwrap_or((config, ""));
    let count = match shape {
        Shape::Table(fields) => fields.len(),
        Shape::Document(_) | Shape::ByteStream => 0,
    };
    let fields = match behaviour {
        "one-too-many" => vec![Action::Keep; count + 1],
        "many-fields" => vec![Action::Keep; number(argument)],
        "replace" => vec![Action::Replace(argument.to_owned()); count],
        "long-replace" => vec![Action::Replace("x".repeat(number(argument))); count],
        "scan-many" => vec![Action::Scan(vec![String::new(); number(argument)]); count],
        "every-action" => every_action(),
        failure => {
            fail(failure);
            vec![Action::Inspect; count]
        }
    };
    let keys = match behaviour {
        "many-keys" => vec![(String::new(), Action::Keep); number(argument)],
        _ => vec![("*_key".to_owned(), Action::Nullify)],
    };
    Plan { fields, keys, rest: Action::Pseudonym }
}

fn every_action() -> Vec<Action> {
    vec![
        Action::Keep,
        Action::Replace("gone".to_owned()),
        Action::Partial((2, 4)),
        Action::Pseudonym,
        Action::Nullify,
        Action::Scan(vec!["email".to_owned(), "card".to_owned()]),
        Action::Inspect,
    ]
}

pub(crate) fn inspect(config: &str, mut values: Batch) -> Batch {
    match config {
        "unchanged" => Batch { bytes: Vec::new(), ends: Vec::new() },
        "stars" => {
            values.bytes.fill(b'*');
            values
        }
        "one-value-less" => {
            values.ends.pop();
            values
        }
        "ends-beyond" => {
            values.ends.fill(u32::MAX);
            values
        }
        "ends-backwards" => {
            values.ends.reverse();
            values
        }
        "bytes-without-ends" => Batch { bytes: vec![0; 3], ends: Vec::new() },
        failure => {
            fail(failure);
            values
        }
    }
}

pub(crate) fn review(config: &str, hold: &Hold) -> Decision {
    let (behaviour, argument) = config.split_once(':').unwrap_or((config, ""));
    match behaviour {
        "approve" => Decision::Approve(argument.to_owned()),
        "deny" => Decision::Deny(argument.to_owned()),
        "echo" => Decision::Deny(format!("{hold:?}")),
        failure => {
            fail(failure);
            Decision::Undecided
        }
    }
}

/// Fails as told; returns where the word names no failure.
pub(crate) fn fail(how: &str) {
    match how {
        "loop" => loop {
            black_box(());
        },
        "trap" => std::process::abort(),
        "memory-bomb" => memory::exhaust(),
        "stack-overflow" => {
            black_box(recurse(black_box(1)));
        }
        _ => {}
    }
}

fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 32]);
    if depth == 0 { 0 } else { recurse(depth.wrapping_add(1)) + frame.iter().sum::<u64>() }
}

fn deny(reason: &str) -> Verdict {
    Verdict::Deny(Denial {
        reason: reason.to_owned(),
        rule: "trickster".to_owned(),
        hint: "stop".to_owned(),
    })
}

fn hold(reason: &str, quorum: u32, expires_in: u32) -> Verdict {
    Verdict::Hold(a_hold(reason, quorum, expires_in))
}

fn a_hold(reason: &str, quorum: u32, expires_in: u32) -> Hold {
    Hold {
        reason: reason.to_owned(),
        rule: "trickster".to_owned(),
        approvers: vec!["approver".to_owned()],
        quorum,
        expires_in,
    }
}

fn number(text: &str) -> usize {
    text.parse().unwrap_or(0)
}
