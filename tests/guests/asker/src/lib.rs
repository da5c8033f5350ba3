//! Asks the gateway for what a policy file may grant, as its configuration says: for the whole-path tests.

use plugin_sdk::granted;
use plugin_sdk::prelude::*;

/// What it does.
#[config]
struct Asker {
    behaviour: Behaviour,
    /// Only where a command's text contains this.
    only: String,
}

#[config]
#[serde(rename_all = "kebab-case")]
enum Behaviour {
    /// Denies every other time.
    Moods,
    /// Writes the command to the log.
    Log,
    /// Lets pass what is answered by "yes" at this URL.
    Ask(String),
}

impl Plugin for Asker {}

impl Guard for Asker {
    fn judge(&self, _context: &Context, command: &Command) -> Verdict {
        if !command.text.contains(&self.only) {
            return Verdict::Allow;
        }
        match &self.behaviour {
            Behaviour::Moods if granted::count("moods", 1, 3600) % 2 == 0 => {
                Verdict::deny("asker", "not this time")
            }
            Behaviour::Moods => Verdict::Allow,
            Behaviour::Log => {
                granted::log(&command.text);
                Verdict::Allow
            }
            Behaviour::Ask(url) => asked(url),
        }
    }
}

fn asked(url: &str) -> Verdict {
    match granted::send("GET", url, &[("accept", "text/plain")], b"") {
        Ok(answer) if answer.status == 200 && answer.body == b"yes" => Verdict::Allow,
        Ok(answer) => Verdict::deny("asker", format!("it said {}", answer.status)),
        Err(problem) => Verdict::deny("asker", problem),
    }
}

plugin_sdk::plugin!(Asker: guard);
