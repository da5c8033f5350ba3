//! Allows, denies or fails, as its configuration says: for the whole-path tests.

use plugin_sdk::prelude::*;

/// How it behaves.
#[config]
struct Moody {
    behaviour: Behaviour,
}

/// What it does with every command and every result.
#[config]
#[serde(rename_all = "kebab-case")]
enum Behaviour {
    Allow,
    Trap,
    Loop,
    Memory,
    TrapInPlan,
    ShortPlan,
    Inspect,
    TrapInInspect,
    Rewrite,
}

impl Plugin for Moody {}

impl Guard for Moody {
    #[allow(clippy::panic, reason = "a trap is what is asked for")]
    fn judge(&self, _context: &Context, command: &Command) -> Verdict {
        match self.behaviour {
            Behaviour::Trap => panic!("as asked for"),
            Behaviour::Loop => loop {
                std::hint::black_box(());
            },
            Behaviour::Memory => {
                let mut hoard: Vec<Vec<u8>> = Vec::new();
                loop {
                    hoard.push(std::hint::black_box(vec![1; 1 << 20]));
                }
            }
            Behaviour::Rewrite if !command.text.contains("LIMIT") => {
                Verdict::Rewrite(format!("{} LIMIT 1", command.text))
            }
            _ => Verdict::Allow,
        }
    }
}

impl Mask for Moody {
    #[allow(clippy::panic, reason = "a trap is what is asked for")]
    fn plan(&self, _context: &Context, shape: &Shape) -> Plan {
        match self.behaviour {
            Behaviour::TrapInPlan => panic!("as asked for"),
            Behaviour::ShortPlan => Plan { fields: vec![], keys: vec![], rest: Action::Keep },
            Behaviour::Inspect | Behaviour::TrapInInspect => {
                Plan::new(shape, Action::Keep, |field| {
                    if field.type_name == "text" { Action::Inspect } else { Action::Keep }
                })
            }
            _ => Plan::keep(shape),
        }
    }

    #[allow(clippy::panic, reason = "a trap is what is asked for")]
    fn inspect(&self, _context: &Context, value: &[u8]) -> Option<Vec<u8>> {
        if matches!(self.behaviour, Behaviour::TrapInInspect) {
            panic!("as asked for");
        }
        Some(value.iter().rev().copied().collect())
    }
}

plugin_sdk::plugin!(Moody: guard, mask);
