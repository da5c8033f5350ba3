//! Judges by the text and by who acts, and says that it looks at neither: what `plugins test` must tell.

use plugin_sdk::prelude::*;

/// Keeps a word from everybody but one subject.
#[config]
struct Blinkered {
    word: String,
    except: String,
}

impl Plugin for Blinkered {
    const LOOKS_AT: ContextParts = ContextParts::empty();
}

impl Guard for Blinkered {
    const JUDGES_BY: CommandParts = CommandParts::OPERATIONS;

    fn judge(&self, context: &Context, command: &Command) -> Verdict {
        if command.text.contains(&self.word) && context.principal.subject != self.except {
            return Verdict::deny("blinkered.word", "the word is kept");
        }
        Verdict::Allow
    }
}

plugin_sdk::plugin!(Blinkered: guard);
