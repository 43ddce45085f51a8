//! What requests do is told in accordance with what they carry.

#[path = "support/samples.rs"]
mod samples;

use coffer_protocol::effect::Effect;
use samples::{request_name, requests};

#[test]
fn what_carries_an_operation_id_changes_something_and_may_be_repeated() {
    let mut carriers = 0;
    for (request, _) in requests() {
        let effect = request.effect();
        if format!("{request:?}").contains("op: OpId") {
            carriers += 1;
            assert_eq!(effect, Effect::ChangeOnce, "{}", request_name(&request));
        }
        assert!(!(effect.changes() && effect.reads()), "{}", request_name(&request));
    }
    assert!(carriers >= 15, "{carriers}");
}

#[test]
fn what_comes_with_contents_is_no_read() {
    for (request, payload) in requests() {
        let reads = request.effect().reads();
        assert!(payload.is_empty() || !reads, "{}", request_name(&request));
    }
}
