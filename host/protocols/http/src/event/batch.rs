//! Requests that hold others.

use super::{Body, Request, Templates};
use crate::body::may_hold_requests;

/// Whether a request holds others for the service that it is sent to: in its body, or in its query, whatever its body is.
pub(super) fn holds_requests(request: &Request, templates: &Templates) -> bool {
    let names = [request.head.host.as_str(), templates.host()];
    let query = request.head.target.query.as_ref();
    query.is_some_and(|query| may_hold_requests(query, &names))
        || matches!(&request.body, Body::Read { contents, .. } if contents.requests.are_for(&names))
}
