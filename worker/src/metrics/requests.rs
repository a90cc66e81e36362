//! Requests and connections, of all workers together: those of now and those that they replaced.

use contract::{BoardWords, Closed, Counters, Endpoint, STATUS_CLASSES};
use snapshot::Board;

use super::family::{Family, Text};

pub(super) fn add(text: &mut Text, board: &Board) {
    let counters: Vec<Counters<'_>> = (0..board.shape().slots)
        .map(|slot| board.counters(slot))
        .collect();
    let sum = |count: &dyn Fn(&Counters<'_>) -> u64| counters.iter().map(count).sum::<u64>();

    let mut requests = Family::counter("requests_total", "Requests that were answered.");
    let mut bytes = Family::counter(
        "response_body_bytes_total",
        "Bytes of answers, without their heads.",
    );
    let mut durations = Family::histogram(
        "request_duration_seconds",
        "Time from the head of a request until its answer is made. Waiting for the request's body counts, sending the \
         answer does not.",
    );
    for endpoint in Endpoint::ALL {
        let label = ("endpoint", endpoint.name());
        let totals = board.totals(endpoint);
        for (count, name) in totals.requests.into_iter().zip(STATUS_CLASSES) {
            requests.add(&[label, ("status", name)], count);
        }
        bytes.add(&[label], totals.bytes);
        durations.add_histogram(&[label], &totals.durations);
    }
    text.add(requests);
    text.add(bytes);
    text.add(durations);

    let mut open = Family::gauge("connections_open", "Connections that each worker has open.");
    for slot in 0..board.shape().slots {
        let count = board.open_connections(slot);
        open.add(&[("worker", &slot.to_string())], count);
    }
    text.add(open);
    let mut streams = Family::gauge("streams_open", "Streams that each worker has open.");
    for slot in 0..board.shape().slots {
        let count = board.open_streams(slot);
        streams.add(&[("worker", &slot.to_string())], count);
    }
    text.add(streams);
    let accepted = Family::counter(
        "connections_accepted_total",
        "Connections that were accepted.",
    );
    text.add(accepted.of(sum(&|counters| counters.connections())));
    let mut closed = Family::counter(
        "connections_closed_total",
        "Connections that the proxy refused or closed: not accepted for want of files, idle at the limit of \
         connections, too slow or silent for too long, too much memory for unfinished requests.",
    );
    for reason in Closed::ALL {
        let count = sum(&|counters| counters.closed_connections(reason));
        closed.add(&[("reason", reason.name())], count);
    }
    text.add(closed);
}
