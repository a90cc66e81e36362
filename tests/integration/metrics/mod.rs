//! Metrics: what is counted is what clients got, whatever happens to workers; and Prometheus understands all of it.

mod prometheus;
mod totals;

use crate::harness::Proxy;

/// The metrics of a proxy, as text.
fn scrape(proxy: &Proxy) -> String {
    let answer = proxy.get_admin("/metrics");
    assert_eq!(answer.status, 200, "{answer:?}");
    let media_type = answer.headers.get("content-type").map(String::as_str);
    assert_eq!(media_type, Some("text/plain; version=0.0.4; charset=utf-8"));
    answer.text()
}

/// The sum of all samples whose names and labels begin so.
fn sum(text: &str, sample: &str) -> f64 {
    let values = text.lines().filter_map(|line| {
        let value = line.starts_with(sample).then(|| line.rsplit(' ').next())?;
        value?.parse::<f64>().ok()
    });
    values.sum()
}
