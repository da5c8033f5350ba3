//! What the gateway counts, in the text form that Prometheus and others read (OpenMetrics 1.0).

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::gateway::Gateway;

type Labels = Vec<(&'static str, String)>;
type Counters = Family<Labels, Counter>;

/// Everything that is counted, as text.
pub fn metrics(gateway: &Gateway) -> String {
    let mut registry = Registry::with_prefix("palisade");
    whole(gateway, &mut registry);
    policies(gateway, &mut registry);
    let mut text = String::new();
    // A text has room for what is written to it.
    let _infallible = encode(&mut text, &registry);
    text
}

fn whole(gateway: &Gateway, registry: &mut Registry) {
    let gauge = |number: usize| {
        let gauge = Gauge::<i64>::default();
        gauge.set(i64::try_from(number).unwrap_or(i64::MAX));
        gauge
    };
    let open = gauge(gateway.sessions.open_count());
    registry.register("sessions_open", "Sessions that run", open);
    let held = gauge(gateway.approvals.open_count());
    registry.register("holds_open", "Commands that wait for a decision", held);
    let version = usize::try_from(gateway.gate.policies().version).unwrap_or(usize::MAX);
    registry.register("policies_version", "Version of the policies in force", gauge(version));
    let recalled = Counter::<u64>::default();
    recalled.inc_by(gateway.gate.recalled());
    let help = "Commands judged by what their own session remembered";
    registry.register("verdicts_recalled", help, recalled);
}

fn policies(gateway: &Gateway, registry: &mut Registry) {
    let (calls, remembered, failures) = <(Counters, Counters, Counters)>::default();
    for (policy, counts) in gateway.plugins.counts() {
        let labels = || vec![("policy", policy.clone())];
        calls.get_or_create(&labels()).inc_by(counts.asked);
        remembered.get_or_create(&labels()).inc_by(counts.remembered);
        for (reason, count) in [
            ("time", counts.time),
            ("memory", counts.memory),
            ("trap", counts.trap),
            ("answer", counts.answer),
        ] {
            let labels = [labels(), vec![("reason", reason.to_owned())]].concat();
            failures.get_or_create(&labels).inc_by(count);
        }
    }
    registry.register("policy_calls", "Calls of a policy's plugin", calls);
    let help = "Answers of a policy that were remembered from an earlier call";
    registry.register("policy_remembered", help, remembered);
    let help = "Calls that failed: over their time or memory, by a trap, with an unusable answer";
    registry.register("policy_failures", help, failures);
}
