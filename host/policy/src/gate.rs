//! The only place where commands meet verdicts: fail-closed, approval, record.
//!
//! A protocol is told a [`Decision`], which has no "hold": a protocol cannot forget a pending approval, because it never sees one.

mod apart;
mod context;
mod ending;
mod entering;
mod held;
mod planned;
mod remembered;
mod teller;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use arc_swap::ArcSwap;

pub use self::context::{Edition, SessionContext};
pub use self::ending::Ending;
pub use self::entering::{Ended, NotAdmitted, Place};
use self::held::OpenHolds;
pub use self::planned::{Planned, Planner};
use self::remembered::Remembered;
pub use self::teller::Teller;
use crate::{
    Approvals, Chain, Command, CommandParts, Context, Denial, Entry, Hold, HoldRequest, Journal,
    JournalFailure, Judged, Later, Moment, Placed, PolicySet, RecordedResult, Reviewed, Ruling,
    Shape, Verdict,
};

/// How often a command may be rewritten before the policies are taken to disagree for ever.
const MOST_REWRITES: usize = 4;

/// The policies in force, and where the record and the holds are kept.
pub struct Gate {
    set: ArcSwap<PolicySet>,
    /// Commands judged by what their own session remembered.
    recalled: AtomicU64,
    approvals: Arc<dyn Approvals>,
    journal: Arc<dyn Journal>,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").field("set", &self.set.load()).finish_non_exhaustive()
    }
}

impl Gate {
    /// What a command of a session with this context is judged by now.
    fn edition(&self, context: &SessionContext) -> Edition {
        Edition { policies: self.set.load().version, context: context.number() }
    }

    /// A gate without policies; [`install`](Self::install) brings them.
    #[must_use]
    pub fn new(approvals: Arc<dyn Approvals>, journal: Arc<dyn Journal>) -> Self {
        Self { set: ArcSwap::default(), recalled: AtomicU64::new(0), approvals, journal }
    }

    /// Puts a whole new set of policies in force, from each session's next command on.
    /// Gives the set's version.
    pub fn install(&self, policies: Vec<Placed>) -> u64 {
        let version = self.set.load().version + 1;
        self.install_as(version, policies);
        version
    }

    /// The same under a version that the caller chose, which must be higher than any before.
    pub fn install_as(&self, version: u64, policies: Vec<Placed>) {
        self.set.store(Arc::new(PolicySet { version, policies }));
    }

    /// How many commands were judged by what their own session remembered, so that no policy was asked.
    pub fn recalled(&self) -> u64 {
        self.recalled.load(Relaxed)
    }

    /// The set in force.
    #[must_use]
    pub fn policies(&self) -> Arc<PolicySet> {
        self.set.load_full()
    }

    /// Opens the gate for one session.
    #[must_use]
    pub fn session(self: &Arc<Self>, context: Context) -> GateSession {
        let newest = SessionContext::new(context);
        let context = newest.get();
        let chain = Arc::new(Chain::new(self.set.load_full(), &context));
        let edition = Edition { policies: chain.version(), context: 0 };
        GateSession {
            gate: Arc::clone(self),
            newest,
            context,
            edition,
            chain,
            remembered: Remembered::default(),
            numbers: Arc::default(),
            last_number: 0,
        }
    }
}

/// A command that may run.
#[derive(Clone, Debug)]
pub struct Allowed {
    /// The command's number in the session's record.
    pub number: u64,
    /// What may run: what was asked for, or what a policy put in its place.
    pub command: Arc<Command>,
    /// Whether a policy put it there.
    pub rewritten: bool,
    /// Whether it may run once: a hold was spent on it, or a policy may say otherwise next time.
    pub once: bool,
    /// What allowed it.
    pub edition: Edition,
    /// The holds that were granted.
    pub granted: Vec<Granted>,
}

/// A hold that was granted.
#[derive(Clone, Debug)]
pub struct Granted {
    /// Its terms.
    pub hold: Hold,
    /// Who granted it: people, or a policy and why.
    pub by: Vec<String>,
    /// Whether it was a policy, whose grant is worth what the policies in force say.
    pub by_policy: bool,
}

/// What a protocol is told.
#[derive(Clone, Debug)]
pub enum Decision {
    /// Send it on.
    Allow(Allowed),
    /// Tell the client why not.
    Deny(Denial),
}

/// What a waiting client may be told of one hold.
#[derive(Clone, Debug)]
pub struct HoldNotice {
    /// The hold's id.
    pub id: String,
    /// Why the command waits.
    pub reason: String,
    /// The rule that holds it.
    pub rule: String,
    /// How the hold can be decided.
    pub how: String,
    /// Seconds until it is denied.
    pub expires_in: u32,
}

/// A decision that is not there yet. Dropping it withdraws the command.
pub struct Waiting {
    /// What the client may be told meanwhile; empty where only the record is waited for.
    pub notices: Vec<HoldNotice>,
    /// The decision.
    pub decision: Later<Decision>,
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting").field("notices", &self.notices).finish_non_exhaustive()
    }
}

/// The gate's answer.
#[derive(Debug)]
pub enum Asked {
    /// At once.
    Decided(Decision),
    /// Later.
    Waiting(Waiting),
}

/// The gate of one session. Takes the newest policies at each command's boundary.
#[derive(Debug)]
pub struct GateSession {
    gate: Arc<Gate>,
    newest: SessionContext,
    context: Arc<Context>,
    edition: Edition,
    chain: Arc<Chain>,
    remembered: Remembered,
    /// The last number that was given in this session, by this gate or one apart from it.
    numbers: Arc<AtomicU64>,
    last_number: u64,
}

impl GateSession {
    /// The session's context.
    #[must_use]
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// What exchanges the session's context.
    #[must_use]
    pub fn exchange(&self) -> SessionContext {
        self.newest.clone()
    }

    /// What was taken up last to judge by.
    #[must_use]
    pub fn edition(&self) -> Edition {
        self.edition
    }

    /// What the next command is judged by.
    #[must_use]
    pub fn newest(&self) -> Edition {
        self.gate.edition(&self.newest)
    }

    /// Whether what was allowed may run without asking: it would be judged by what allowed it.
    /// Of an approval that is for one run, the caller sees to it that it is spent once.
    #[must_use]
    pub fn still_allows(&self, allowed: &Allowed) -> bool {
        allowed.edition == self.newest()
    }

    /// Takes up the newest policies, and the newest context: a command's boundary. Gives which these are.
    pub fn renew(&mut self) -> Edition {
        if self.newest() != self.edition {
            let (number, context) = self.newest.now();
            self.context = context;
            self.chain = Arc::new(Chain::new(self.gate.policies(), &self.context));
            self.edition = Edition { policies: self.chain.version(), context: number };
            self.remembered.forget();
        }
        self.edition
    }

    /// Asks whether a command may run, or be prepared for running, by the policies that [`renew`](Self::renew) took up.
    ///
    /// `read` turns the text of a rewrite into a command, as the protocol would.
    pub fn ask(
        &mut self,
        command: &Arc<Command>,
        moment: Moment,
        read: &dyn Fn(&str) -> Arc<Command>,
    ) -> Asked {
        self.ask_with(command, moment, read, None)
    }

    /// The same for a command that the gateway itself holds, whatever the policies say, unless they deny it.
    pub fn ask_with(
        &mut self,
        command: &Arc<Command>,
        moment: Moment,
        read: &dyn Fn(&str) -> Arc<Command>,
        own: Option<&Hold>,
    ) -> Asked {
        let mut command = Arc::clone(command);
        let mut rewritten = false;
        let mut before: Vec<Hold> = vec![];
        for _ in 0..=MOST_REWRITES {
            let judged = self.judge(&command);
            let judged = match before.is_empty() {
                true => judged,
                false => Arc::new(held_as_before(&judged, &before)),
            };
            // What is held is what will run, so rewrites come first.
            let judged = match (own, &judged.ruling) {
                (Some(own), Ruling::Allow | Ruling::Hold(_)) => {
                    Arc::new(held_besides(&judged, own))
                }
                _ => judged,
            };
            let text = match &judged.ruling {
                Ruling::Allow => return self.allow(&command, &judged, moment, rewritten),
                Ruling::Deny(denial) => return self.deny(&command, &judged, moment, denial),
                Ruling::Hold(_) => return self.hold(&command, &judged, moment, rewritten),
                Ruling::Rewrite { text, holds } => {
                    before.clone_from(holds);
                    text
                }
            };
            if let Err(failure) = self.note(&command, &judged, moment) {
                return Asked::Decided(Decision::Deny(unrecorded(&failure)));
            }
            command = read(text);
            rewritten = true;
        }
        let denial = Denial {
            reason: "the policies rewrite this command without end".into(),
            rule: "gateway.rewrite-loop".into(),
            hint: "Tell whoever operates the gateway.".into(),
        };
        let judged = judged_by_gateway(Ruling::Deny(denial.clone()));
        self.deny(&command, &judged, moment, &denial)
    }

    /// What the policies would say of a command, as far as that does not count as asking: nothing is recorded, and those
    /// that keep counts or ask others are left out.
    #[must_use]
    pub fn foresee(&self, command: &Arc<Command>) -> Ruling {
        self.chain.foresee(command)
    }

    /// Records that something runs which [`still_allows`](Self::still_allows) lets run again.
    pub fn run_again(&mut self, allowed: &Allowed) -> Asked {
        let judged = judged_by_gateway(Ruling::Allow);
        let kept = self.note(&allowed.command, &judged, Moment::Run);
        asked(kept, Allowed { number: self.last_number, ..allowed.clone() })
    }

    /// Records a denial that the protocol itself must give, such as of a message it does not understand.
    pub fn refuse(&mut self, command: &Command, denial: &Denial) {
        let judged = judged_by_gateway(Ruling::Deny(denial.clone()));
        // The command is refused either way.
        let _ = self.note(command, &judged, Moment::Run);
    }

    /// Plans what to do with a result of this shape.
    ///
    /// # Errors
    /// A denial when a policy fails; the result must then be withheld.
    pub fn plan(&mut self, shape: &Shape) -> Result<Planned, Denial> {
        let (masking, observed) = match self.remembered.plan(shape) {
            Some(planned) => planned,
            None => {
                let masking = Arc::new(self.chain.plan(shape)?);
                let observed: Arc<[_]> = self.chain.observe(shape, &masking).into();
                if self.chain.plans_last() {
                    self.remembered.keep_plan(shape, &masking, &observed);
                }
                (masking, observed)
            }
        };
        Ok(Planned { masking, observed, chain: Arc::clone(&self.chain) })
    }

    /// Whether what is planned for a result holds for the next one of its shape, until the policies change.
    #[must_use]
    pub fn plans_last(&self) -> bool {
        self.chain.plans_last()
    }

    /// What plans results as this session does now, apart from it.
    #[must_use]
    pub fn planner(&self) -> Planner {
        Planner { chain: Arc::clone(&self.chain) }
    }

    /// What records results of this session's commands, apart from it.
    #[must_use]
    pub fn teller(&self) -> Teller {
        let newest = self.newest.clone();
        Teller { gate: Arc::clone(&self.gate), context: Arc::clone(&self.context), newest }
    }

    /// Whether it is known that the policies allow a command or deny it, so that none is asked: of what they hold or rewrite
    /// some are asked again.
    #[must_use]
    pub fn knows(&mut self, command: &Arc<Command>) -> bool {
        let parts = self.judged_parts();
        let known = self.remembered.verdict(command, parts);
        known.is_some_and(|judged| matches!(judged.ruling, Ruling::Allow | Ruling::Deny(_)))
    }

    /// Whether no policy looks at this session's results.
    #[must_use]
    pub fn masks_nothing(&self) -> bool {
        self.chain.masks_nothing()
    }

    /// Records what came back.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn tell_result(&self, number: u64, result: &RecordedResult) -> Result<(), JournalFailure> {
        self.put(&Entry::Result { number, result }).map(drop)
    }

    /// Records an error that the client was sent.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn tell_error(&self, number: u64, code: &str, message: &str) -> Result<(), JournalFailure> {
        self.put(&Entry::Error { number, code, message }).map(drop)
    }

    /// What no guard looks at cannot change what they say.
    fn judged_parts(&self) -> CommandParts {
        CommandParts { text: self.chain.judges_by_text(), operations: true }
    }

    fn judge(&mut self, command: &Arc<Command>) -> Arc<Judged> {
        let parts = self.judged_parts();
        if let Some(judged) = self.remembered.verdict(command, parts) {
            self.gate.recalled.fetch_add(1, Relaxed);
            return judged;
        }
        let judged = Arc::new(self.chain.judge(command));
        if judged.memorable {
            self.remembered.keep_verdict(command, parts, &judged);
        }
        judged
    }

    fn allow(
        &mut self,
        command: &Arc<Command>,
        judged: &Judged,
        moment: Moment,
        rewritten: bool,
    ) -> Asked {
        // Preparing runs nothing: where nobody has anything to say, the run will be recorded.
        let silent = moment == Moment::Prepare && judged.observed.is_empty();
        let kept = if silent { Ok(None) } else { self.note(command, judged, moment) };
        let allowed = Allowed {
            number: self.last_number,
            command: Arc::clone(command),
            rewritten,
            once: !judged.memorable,
            edition: self.edition,
            granted: vec![],
        };
        asked(kept, allowed)
    }

    fn deny(
        &mut self,
        command: &Command,
        judged: &Judged,
        moment: Moment,
        denial: &Denial,
    ) -> Asked {
        // Denied either way; a record that fails shows in the next command that would pass.
        let _ = self.note(command, judged, moment);
        Asked::Decided(Decision::Deny(denial.clone()))
    }

    fn hold(
        &mut self,
        command: &Arc<Command>,
        judged: &Judged,
        moment: Moment,
        rewritten: bool,
    ) -> Asked {
        let Ruling::Hold(terms) = &judged.ruling else {
            return self.allow(command, judged, moment, rewritten);
        };
        let kept = match self.note(command, judged, moment) {
            Ok(kept) => kept,
            Err(failure) => return Asked::Decided(Decision::Deny(unrecorded(&failure))),
        };
        let allowed = Allowed {
            number: self.last_number,
            command: Arc::clone(command),
            rewritten,
            once: true,
            edition: self.edition,
            granted: vec![],
        };
        let mut open = OpenHolds::new(Arc::clone(&self.gate), self.newest.clone(), allowed, kept);
        for hold in terms {
            let opened = match self.chain.review(command, hold) {
                Reviewed::Undecided => open.open(HoldRequest {
                    context: Arc::clone(&self.context),
                    command: Arc::clone(command),
                    number: self.last_number,
                    terms: hold.clone(),
                }),
                Reviewed::Approved { by, reason } => open.granted_by_policy(hold, &by, &reason),
                Reviewed::Denied { by, reason } => Err(open.refused_by_policy(hold, by, reason)),
            };
            if let Err(denial) = opened {
                return Asked::Decided(Decision::Deny(denial));
            }
        }
        let notices = open.notices();
        Asked::Waiting(Waiting { notices, decision: Box::pin(open.decision()) })
    }

    /// Gives the command its number and records what was said of it.
    fn note(&mut self, command: &Command, judged: &Judged, moment: Moment) -> Kept {
        self.last_number = self.numbers.fetch_add(1, Relaxed) + 1;
        let (rule, reason) = match &judged.ruling {
            Ruling::Allow => ("", ""),
            Ruling::Deny(denial) => (denial.rule.as_str(), denial.reason.as_str()),
            Ruling::Hold(holds) => {
                holds.first().map_or(("", ""), |hold| (hold.rule.as_str(), hold.reason.as_str()))
            }
            Ruling::Rewrite { .. } => ("", "rewritten"),
        };
        self.put(&Entry::Command {
            number: self.last_number,
            command,
            moment,
            ruling: judged.ruling.word(),
            rule,
            reason,
            by: &judged.by,
            policies: self.chain.version(),
            observed: &judged.observed,
        })
    }

    fn put(&self, entry: &Entry<'_>) -> Kept {
        self.gate.journal.put(&self.context.session, entry)
    }
}

/// What was judged, and held by the gateway as well.
fn held_besides(judged: &Judged, own: &Hold) -> Judged {
    let ruling = judged.ruling.clone().and(Verdict::Hold(own.clone()));
    Judged { ruling, memorable: false, ..judged.clone() }
}

/// What was judged of a text that a rewrite made, and held as what it was made of.
fn held_as_before(judged: &Judged, before: &[Hold]) -> Judged {
    let ruling = judged.ruling.clone().besides(before);
    Judged { ruling, memorable: false, ..judged.clone() }
}

/// What no policy was asked about.
fn judged_by_gateway(ruling: Ruling) -> Judged {
    Judged { ruling, observed: vec![], by: String::new(), memorable: false }
}

/// The answer that allows, once it is recorded.
fn asked(kept: Kept, allowed: Allowed) -> Asked {
    match kept {
        Ok(None) => Asked::Decided(Decision::Allow(allowed)),
        Ok(Some(commit)) => Asked::Waiting(Waiting {
            notices: vec![],
            decision: Box::pin(async move {
                match commit.await {
                    Ok(()) => Decision::Allow(allowed),
                    Err(failure) => Decision::Deny(unrecorded(&failure)),
                }
            }),
        }),
        Err(failure) => Asked::Decided(Decision::Deny(unrecorded(&failure))),
    }
}

type Kept = Result<Option<Later<Result<(), JournalFailure>>>, JournalFailure>;

fn unrecorded(failure: &JournalFailure) -> Denial {
    Denial {
        reason: failure.to_string(),
        rule: "gateway.record".into(),
        hint: "Nothing runs that cannot be recorded; tell whoever operates the gateway.".into(),
    }
}

#[cfg(test)]
mod tests;
