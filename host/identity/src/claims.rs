//! Finding one's way in the claims of somebody else's token.

use serde_json::Value;

/// How many texts are taken from one claim.
const MOST_TEXTS: usize = 1000;

/// What stands at a name or a dotted path.
///
/// Names may hold dots themselves (`kubernetes.io`, `https://example.com/groups`), so the longest name that is there counts.
pub(crate) fn lookup<'a>(claims: &'a Value, path: &str) -> Option<&'a Value> {
    let object = claims.as_object()?;
    if let Some(found) = object.get(path) {
        return Some(found);
    }
    path.rmatch_indices('.').find_map(|(dot, _)| {
        let (name, rest) = path.split_at_checked(dot)?;
        lookup(object.get(name)?, rest.strip_prefix('.')?)
    })
}

/// What a claim says as texts: itself, or each of its elements; numbers and truth values as JSON writes them.
pub(crate) fn texts(claim: &Value) -> Vec<String> {
    match claim {
        Value::Array(items) => items.iter().filter_map(text).take(MOST_TEXTS).collect(),
        single => text(single).into_iter().collect(),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A time in Unix seconds; RFC 7519 allows parts of a second, which are dropped.
pub(crate) fn seconds(claim: &Value) -> Option<u64> {
    let fraction = |number: f64| (0.0..1e15).contains(&number).then_some(number as u64);
    claim.as_u64().or_else(|| claim.as_f64().and_then(fraction))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_leads_through_names_with_dots() {
        let claims = json!({
            "kubernetes.io": { "namespace": "shop" }, "https://a.example/groups": ["x"], "a": { "b": 1 },
        });
        assert_eq!(lookup(&claims, "kubernetes.io.namespace"), Some(&json!("shop")));
        assert_eq!(lookup(&claims, "https://a.example/groups"), Some(&json!(["x"])));
        assert_eq!(lookup(&claims, "a.b"), Some(&json!(1)));
        for missing in ["a.b.c", "b", "", ".", "a.", "kubernetes.io"] {
            let found = lookup(&claims, missing).and_then(Value::as_str);
            assert_eq!(found, None, "{missing}");
        }
    }

    #[test]
    fn what_is_no_text_is_left_out() {
        assert_eq!(texts(&json!(["a", 1, true, null, {}, ["b"]])), ["a", "1", "true"]);
        assert_eq!(texts(&json!("a b")), ["a b"]);
        assert_eq!(texts(&json!({})), [""; 0]);
    }

    #[test]
    fn a_time_may_have_parts_of_a_second_but_no_sign() {
        assert_eq!(seconds(&json!(12.9)), Some(12));
        assert_eq!(seconds(&json!(-1)), None);
        assert_eq!(seconds(&json!("12")), None);
        assert_eq!(seconds(&json!(1e300)), None);
    }
}
