//! A held command: its open tickets, and what comes of them.

use std::sync::Arc;

use super::{
    Allowed, Decision, Edition, Gate, Granted, HoldNotice, Kept, SessionContext, unrecorded,
};
use crate::{
    Chain, Denial, Entry, Hold, HoldRequest, JournalFailure, Later, Moment, Outcome, Reviewed,
    Ruling, Ticket,
};

/// Everything a held command waits for. Dropping it withdraws what is still open.
pub(super) struct OpenHolds {
    gate: Arc<Gate>,
    session: String,
    context: SessionContext,
    allowed: Allowed,
    open: Vec<(Box<dyn Ticket>, Hold)>,
    /// Ends when the last that was recorded of it without waiting is kept, and with it all before.
    kept: Option<Later<Result<(), JournalFailure>>>,
}

impl OpenHolds {
    pub(super) fn new(
        gate: Arc<Gate>,
        context: SessionContext,
        allowed: Allowed,
        kept: Option<Later<Result<(), JournalFailure>>>,
    ) -> Self {
        let session = context.get().session.clone();
        Self { gate, session, context, allowed, open: vec![], kept }
    }

    /// A reviewing policy granted this hold, so that no person is asked.
    pub(super) fn granted_by_policy(
        &mut self,
        hold: &Hold,
        by: &str,
        reason: &str,
    ) -> Result<(), Denial> {
        let by = vec![format!("{by}: {reason}")];
        let granted = Granted { hold: hold.clone(), by: by.clone(), by_policy: true };
        self.allowed.granted.push(granted);
        let kept = self.record("", &Outcome::Granted { by });
        self.kept = kept.map_err(|failure| unrecorded(&failure))?;
        Ok(())
    }

    /// A reviewing policy refused this hold, so that no person is asked.
    pub(super) fn refused_by_policy(&self, hold: &Hold, by: String, reason: String) -> Denial {
        let denial = refused(hold, &by, &reason);
        // Denied either way.
        let _ = self.record("", &Outcome::Refused { by, reason });
        denial
    }

    pub(super) fn open(&mut self, request: HoldRequest) -> Result<(), Denial> {
        let terms = request.terms.clone();
        let ticket = self.gate.approvals.open(request).map_err(|problem| Denial {
            reason: format!("the command must be approved, but cannot be held: {problem}"),
            rule: terms.rule.clone(),
            hint: "Tell whoever operates the gateway.".into(),
        })?;
        let entry = Entry::Held { number: self.allowed.number, hold: ticket.id(), terms: &terms };
        let kept = self.gate.journal.put(&self.session, &entry);
        self.open.push((ticket, terms));
        kept.map(drop).map_err(|failure| unrecorded(&failure))
    }

    pub(super) fn notices(&self) -> Vec<HoldNotice> {
        let notice = |(ticket, terms): &(Box<dyn Ticket>, Hold)| HoldNotice {
            id: ticket.id().to_owned(),
            reason: terms.reason.clone(),
            rule: terms.rule.clone(),
            how: ticket.how(),
            expires_in: terms.expires_in,
        };
        self.open.iter().map(notice).collect()
    }

    /// Waits for every ticket, then judges again: what was approved must still be what the policies would hold.
    pub(super) async fn decision(mut self) -> Decision {
        while let Some((ticket, _)) = self.open.first_mut() {
            let outcome = ticket.outcome().await;
            let recorded = self.end_first(&outcome).await;
            let Some(terms) = recorded else { continue };
            match terms {
                Ok(hold) => {
                    let by = match outcome {
                        Outcome::Granted { by } => by,
                        _ => vec![],
                    };
                    self.allowed.granted.push(Granted { hold, by, by_policy: false });
                }
                Err(denial) => return Decision::Deny(denial),
            }
        }
        if let Some(kept) = self.kept.take()
            && let Err(failure) = kept.await
        {
            return Decision::Deny(unrecorded(&failure));
        }
        self.judge_again()
    }

    async fn end_first(&mut self, outcome: &Outcome) -> Option<Result<Hold, Denial>> {
        let kept = {
            let (ticket, _) = self.open.first()?;
            self.record(ticket.id(), outcome)
        };
        let (_, hold) = self.open.remove(0);
        let kept = match kept {
            Ok(Some(commit)) => commit.await,
            Ok(None) => Ok(()),
            Err(failure) => Err(failure),
        };
        Some(match (outcome, kept) {
            (Outcome::Granted { .. }, Ok(())) => Ok(hold),
            (Outcome::Granted { .. }, Err(failure)) => Err(unrecorded(&failure)),
            (other, _) => Err(ended(&hold, other)),
        })
    }

    fn judge_again(&self) -> Decision {
        let (number, context) = self.context.now();
        let chain = Chain::new(self.gate.policies(), &context);
        let edition = Edition { policies: chain.version(), context: number };
        let unchanged = edition == self.allowed.edition;
        let allowed = Allowed { edition, ..self.allowed.clone() };
        if unchanged {
            return Decision::Allow(allowed);
        }
        let judged = chain.judge(&self.allowed.command);
        let allows = judged.ruling == Ruling::Allow;
        let denied = match judged.ruling {
            Ruling::Allow => None,
            Ruling::Hold(holds) if holds.iter().all(|hold| self.is_granted(hold)) => None,
            Ruling::Deny(denial) => Some((denial, judged.by)),
            Ruling::Hold(_) | Ruling::Rewrite { .. } => Some((changed(), String::new())),
        };
        match denied.or_else(|| self.review_again(&chain, allows)) {
            None => Decision::Allow(allowed),
            Some((denial, by)) => {
                self.note_denial(&denial, &by, chain.version());
                Decision::Deny(denial)
            }
        }
    }

    /// A refusal of the policies in force, with the name of the policy; or that one which granted does not any more, where they
    /// do not allow the command anyway.
    fn review_again(&self, chain: &Chain, allows: bool) -> Option<(Denial, String)> {
        self.allowed.granted.iter().find_map(|Granted { hold, by_policy, .. }| {
            match chain.review(&self.allowed.command, hold) {
                Reviewed::Denied { by, reason } => Some((refused(hold, &by, &reason), by)),
                Reviewed::Undecided if *by_policy && !allows => Some((changed(), String::new())),
                Reviewed::Undecided | Reviewed::Approved { .. } => None,
            }
        })
    }

    /// Whether the same rule's hold was granted, by those that it asks for now and by as many of them.
    fn is_granted(&self, hold: &Hold) -> bool {
        self.allowed.granted.iter().any(|granted| granted.hold.covers(hold))
    }

    fn note_denial(&self, denial: &Denial, by: &str, policies: u64) {
        let entry = Entry::Command {
            number: self.allowed.number,
            command: &self.allowed.command,
            moment: Moment::Run,
            ruling: "deny",
            rule: &denial.rule,
            reason: &denial.reason,
            by,
            policies,
            observed: &[],
        };
        // Denied either way.
        let _ = self.gate.journal.put(&self.session, &entry);
    }

    fn record(&self, hold: &str, outcome: &Outcome) -> Kept {
        let entry = Entry::Decided { number: self.allowed.number, hold, outcome };
        self.gate.journal.put(&self.session, &entry)
    }
}

impl Drop for OpenHolds {
    fn drop(&mut self) {
        for (ticket, _) in &self.open {
            // Nobody is left to be told if this fails.
            let _ = self.record(ticket.id(), &Outcome::Withdrawn);
        }
    }
}

/// The denial of a hold that a reviewing policy refused.
fn refused(hold: &Hold, by: &str, reason: &str) -> Denial {
    Denial {
        reason: format!("{} — refused by review: {by}: {reason}", hold.reason),
        rule: hold.rule.clone(),
        hint: "Run it again when what the reviewer asks for is in place.".into(),
    }
}

fn changed() -> Denial {
    Denial {
        reason: "the policies changed while the command was held".into(),
        rule: "gateway.policy-changed".into(),
        hint: "Run the command again, so that it is judged anew.".into(),
    }
}

fn ended(hold: &Hold, outcome: &Outcome) -> Denial {
    let (what, hint) = match outcome {
        Outcome::Refused { by, reason } if reason.is_empty() => {
            (format!("refused by {by}"), "Ask them why before you run it again.")
        }
        Outcome::Refused { by, reason } => {
            (format!("refused by {by}: {reason}"), "Ask them before you run it again.")
        }
        Outcome::Expired => (
            format!("nobody decided within {} seconds", hold.expires_in),
            "Run it again when somebody is there to approve it.",
        ),
        Outcome::Withdrawn => ("withdrawn".to_owned(), "Run it again if it is still wanted."),
        Outcome::Failed(problem) => {
            (format!("the hold failed: {problem}"), "Tell whoever operates the gateway.")
        }
        Outcome::Granted { .. } => ("granted".to_owned(), ""),
    };
    Denial {
        reason: format!("{} — {what}", hold.reason),
        rule: hold.rule.clone(),
        hint: hint.to_owned(),
    }
}
