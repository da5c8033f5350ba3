//! Treats what a server says besides results: errors, notices, notifications, parameters.

use crate::cell::{CellForm, CellMask, Treated};
use crate::cover::Masker;
use crate::detect::DetectorRefused;
use crate::seen::Seen;
use palisade_policy::Masking;
use std::borrow::Cow;

/// The media type under which policies plan for such messages: a document of named texts.
pub const MESSAGE: &str = "application/vnd.palisade.message";

/// A plan for messages, ready to be applied to text after text.
#[derive(Clone, Debug, Default)]
pub struct MessageMask {
    keys: Vec<(String, CellMask)>,
    rest: CellMask,
}

impl MessageMask {
    /// Prepares a plan.
    ///
    /// # Errors
    /// When it names a detector that there is not.
    pub fn new(masking: &Masking) -> Result<Self, DetectorRefused> {
        let keys = masking.keys.iter();
        let keys = keys.map(|(key, treatment)| Ok((key.clone(), CellMask::new(treatment)?)));
        Ok(Self { keys: keys.collect::<Result<_, _>>()?, rest: CellMask::new(&masking.rest)? })
    }

    fn of(&self, name: &str) -> &CellMask {
        let named = self.keys.iter().find(|(pattern, _)| pattern == "*" || pattern == name);
        named.map_or(&self.rest, |(_, mask)| mask)
    }
}

impl Masker {
    /// What a client may see of the text called `name` in a message; `None` where it may see nothing of it.
    pub fn message<'a>(
        &self,
        mask: &MessageMask,
        seen: &mut Seen,
        name: &str,
        text: &'a str,
    ) -> Option<Cow<'a, str>> {
        let mut treated = Vec::new();
        let text = match self.treat(mask.of(name), CellForm::Text, text.as_bytes(), &mut treated) {
            Treated::Null => return None,
            Treated::Unchanged => Cow::Borrowed(text),
            Treated::Changed => Cow::Owned(String::from_utf8_lossy(&treated).into_owned()),
        };
        Some(match seen.cover(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(covered) => Cow::Owned(covered),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use palisade_policy::{Action, Treatment};

    fn treatment(action: Action) -> Treatment {
        let mut treatment = Treatment::default();
        treatment.add(0, &action);
        treatment
    }

    fn shown(masking: &Masking, name: &str, text: &str) -> Option<String> {
        let mask = MessageMask::new(masking).unwrap();
        let mut seen = Seen::default();
        seen.remember(b"hunter2");
        Masker::new([0; 32]).message(&mask, &mut seen, name, text).map(Cow::into_owned)
    }

    #[test]
    fn a_message_is_searched_for_secrets_and_for_what_was_covered_before() {
        let masking = Masking {
            rest: treatment(Action::Scan(vec!["aws-key".to_owned()])),
            ..Masking::default()
        };
        let text = shown(&masking, "message", "hunter2 or AKIAIOSFODNN7EXAMPLE").unwrap();
        assert!(!text.contains("hunter2") && !text.contains("AKIA"), "{text}");
    }

    #[test]
    fn a_plan_may_drop_a_part_of_a_message() {
        let masking = Masking {
            keys: vec![("detail".to_owned(), treatment(Action::Nullify))],
            ..Masking::default()
        };
        assert_eq!(shown(&masking, "detail", "x"), None);
        assert_eq!(shown(&masking, "message", "x").as_deref(), Some("x"));
    }
}
