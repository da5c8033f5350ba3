use crate::testing::field;
use crate::{Action, Batch, Plan, Shape};

fn batch(values: &[&str]) -> Batch {
    let mut batch = Batch { bytes: Vec::new(), ends: Vec::new() };
    for value in values {
        batch.bytes.extend_from_slice(value.as_bytes());
        batch.ends.push(batch.bytes.len() as u32);
    }
    batch
}

#[test]
fn a_plan_has_one_action_for_each_field_of_a_table() {
    let shape = Shape::Table(vec![field("a", []), field("b", [])]);
    assert_eq!(Plan::keep(&shape).fields, [Action::Keep, Action::Keep]);
}

#[test]
fn a_plan_for_a_byte_stream_has_no_fields() {
    assert!(Plan::keep(&Shape::ByteStream).fields.is_empty());
}

#[test]
fn an_inspected_batch_holds_changed_and_unchanged_values_in_order() {
    let changed =
        batch(&["a", "secret", "", "b"]).map(|v| (v == b"secret").then(|| b"***".to_vec()));
    assert_eq!(changed, batch(&["a", "***", "", "b"]));
}

#[test]
fn an_inspected_batch_without_a_change_is_empty() {
    assert_eq!(batch(&["a", "b"]).map(|_| None), batch(&[]));
}
