//! Allows, denies or fails, as its configuration says: for the whole-path tests.

use plugin_sdk::Batch;
use plugin_sdk::prelude::*;

/// How it behaves.
#[config]
struct Moody {
    behaviour: Behaviour,
    /// It misbehaves only where a command's text, or the name of a result's field, contains this.
    #[serde(default)]
    only: String,
}

/// What it does with every command and every result.
#[config]
#[serde(rename_all = "kebab-case")]
enum Behaviour {
    Allow,
    Trap,
    Loop,
    Memory,
    StackOverflow,
    HugeAnswer,
    NoText,
    TrapInPlan,
    LoopInPlan,
    ShortPlan,
    LongPlan,
    HugePlan,
    Inspect,
    TrapInInspect,
    LoseAValue,
    Rewrite,
}

impl Plugin for Moody {}

impl Guard for Moody {
    fn judge(&self, _context: &Context, command: &Command) -> Verdict {
        if !command.text.contains(&self.only) {
            return Verdict::Allow;
        }
        match self.behaviour {
            Behaviour::Trap => trap(),
            Behaviour::Loop => spin(),
            Behaviour::Memory => hoard(),
            Behaviour::StackOverflow => {
                std::hint::black_box(recurse(std::hint::black_box(1)));
                Verdict::Allow
            }
            Behaviour::HugeAnswer => Verdict::Rewrite("x".repeat(16 << 20)),
            Behaviour::NoText => Verdict::deny("moody", no_text()),
            Behaviour::Rewrite if !command.text.contains("LIMIT") => {
                Verdict::Rewrite(format!("{} LIMIT 1", command.text))
            }
            _ => Verdict::Allow,
        }
    }
}

impl Mask for Moody {
    fn plan(&self, _context: &Context, shape: &Shape) -> Plan {
        let Shape::Table(fields) = shape else { return Plan::keep(shape) };
        if !fields.iter().any(|field| field.name.contains(&self.only)) {
            return Plan::keep(shape);
        }
        let keep =
            |count| Plan { fields: vec![Action::Keep; count], keys: vec![], rest: Action::Keep };
        match self.behaviour {
            Behaviour::TrapInPlan => trap(),
            Behaviour::LoopInPlan => spin(),
            Behaviour::ShortPlan => keep(0),
            Behaviour::LongPlan => keep(fields.len() + 1),
            Behaviour::HugePlan => keep(1 << 20),
            Behaviour::Inspect | Behaviour::TrapInInspect | Behaviour::LoseAValue => {
                Plan::new(shape, Action::Keep, |field| {
                    if field.type_name == "text" { Action::Inspect } else { Action::Keep }
                })
            }
            _ => Plan::keep(shape),
        }
    }

    fn inspect(&self, _context: &Context, value: &[u8]) -> Option<Vec<u8>> {
        if matches!(self.behaviour, Behaviour::TrapInInspect) {
            trap();
        }
        Some(value.iter().rev().copied().collect())
    }

    fn inspect_all(&self, context: &Context, values: &Batch) -> Batch {
        let mut inspected = values.map(|value| self.inspect(context, value));
        if matches!(self.behaviour, Behaviour::LoseAValue) {
            inspected.ends.pop();
        }
        inspected
    }
}

#[allow(clippy::panic, reason = "a trap is what is asked for")]
fn trap() -> ! {
    panic!("as asked for")
}

fn spin() -> ! {
    loop {
        std::hint::black_box(());
    }
}

fn hoard() -> ! {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    loop {
        hoard.push(std::hint::black_box(vec![1; 1 << 20]));
    }
}

fn recurse(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 32]);
    if depth == 0 { 0 } else { recurse(depth.wrapping_add(1)) + frame.iter().sum::<u64>() }
}

#[allow(unsafe_code, reason = "bytes that are no text are what is asked for")]
fn no_text() -> String {
    // SAFETY: none. The bytes are only handed to the host, which must refuse them.
    unsafe { String::from_utf8_unchecked(vec![b'n', b'o', 0xff, 0xfe]) }
}

plugin_sdk::plugin!(Moody: guard, mask);
