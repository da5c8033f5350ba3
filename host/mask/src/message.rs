//! Treats what a server says besides results: errors, notices, notifications, parameters.

use crate::cell::{CellForm, Treated};
use crate::cover::Masker;
use crate::document::{DocumentMask, PlanRefused};
use crate::seen::Seen;
use palisade_policy::Masking;
use std::borrow::Cow;

/// The media type under which policies plan for such messages: a document of named texts.
pub const MESSAGE: &str = "application/vnd.palisade.message";

/// A plan for messages, ready to be applied to text after text.
#[derive(Clone, Debug)]
pub struct MessageMask(DocumentMask);

impl MessageMask {
    /// Prepares a plan. Inspections by plugins are for rows alone, and left out here.
    ///
    /// # Errors
    /// When it cannot be carried out.
    pub fn new(masking: &Masking) -> Result<Self, PlanRefused> {
        Ok(Self(DocumentMask::without_inspection(masking)?))
    }
}

impl Masker {
    /// What a client may see of the text called `name` in a message; `None` where it may see nothing of it.
    pub fn message<'a>(
        &self,
        mask: &MessageMask,
        seen: &Seen,
        name: &str,
        text: &'a str,
    ) -> Option<Cow<'a, str>> {
        let mut treated = Vec::new();
        let mask = mask.0.named(name);
        let text = match self.treat(mask, CellForm::Text, text.as_bytes(), &mut treated) {
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
    use palisade_policy::{Action, Plan, Shape};

    fn shown(plans: &[Plan], name: &str, text: &str) -> Option<String> {
        let mut masking = Masking::default();
        for (index, plan) in plans.iter().enumerate() {
            masking.add(index, &Shape::Document(MESSAGE.into()), plan).unwrap();
        }
        let mask = MessageMask::new(&masking).unwrap();
        let mut seen = Seen::default();
        seen.remember(b"hunter2");
        Masker::new([0; 32]).message(&mask, &seen, name, text).map(Cow::into_owned)
    }

    fn plan(keys: &[(&str, Action)], rest: Action) -> Plan {
        let keys = keys.iter().map(|(key, action)| ((*key).to_owned(), action.clone())).collect();
        Plan { fields: vec![], keys, rest }
    }

    #[test]
    fn a_message_is_searched_for_secrets_and_for_what_was_covered_before() {
        let plan = plan(&[], Action::Scan(vec!["aws-key".to_owned()]));
        let text = shown(&[plan], "message", "hunter2 or AKIAIOSFODNN7EXAMPLE").unwrap();
        assert!(!text.contains("hunter2") && !text.contains("AKIA"), "{text}");
    }

    #[test]
    fn a_plan_may_drop_a_part_of_a_message() {
        let plans = [plan(&[("detail", Action::Nullify)], Action::Keep)];
        assert_eq!(shown(&plans, "detail", "x"), None);
        assert_eq!(shown(&plans, "message", "x").as_deref(), Some("x"));
    }

    #[test]
    fn what_one_policy_keeps_another_may_still_drop() {
        let plans = [
            plan(&[("*", Action::Keep)], Action::Keep),
            plan(&[("detail", Action::Nullify)], Action::Keep),
        ];
        assert_eq!(shown(&plans, "detail", "x"), None);
    }
}
