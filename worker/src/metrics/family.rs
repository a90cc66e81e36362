//! Families of metrics: a name, a help text and samples that differ in their labels.

use std::time::{Duration, SystemTime};

use contract::Histogram;
use prometheus::TextEncoder;
use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram as HistogramSample, LabelPair, Metric, MetricFamily,
    MetricType,
};

/// Every name begins with this.
const PREFIX: &str = "edge_proxy_";

/// A label and its value.
pub(super) type Label<'text> = (&'static str, &'text str);

/// A metric with the samples that were added so far.
pub(super) struct Family(MetricFamily);

impl Family {
    /// A number that only grows, whose name ends with `_total`.
    pub(super) fn counter(name: &str, help: &str) -> Self {
        Self::new(name, help, MetricType::COUNTER)
    }

    /// A number that also falls.
    pub(super) fn gauge(name: &str, help: &str) -> Self {
        Self::new(name, help, MetricType::GAUGE)
    }

    /// Durations in buckets, whose name ends with `_seconds`.
    pub(super) fn histogram(name: &str, help: &str) -> Self {
        Self::new(name, help, MetricType::HISTOGRAM)
    }

    fn new(name: &str, help: &str, kind: MetricType) -> Self {
        let mut family = MetricFamily::default();
        family.set_name([PREFIX, name].concat());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        Self(family)
    }

    /// Adds a sample of a counter or a gauge.
    pub(super) fn add(&mut self, labels: &[Label<'_>], value: impl Number) {
        let mut metric = labelled(labels);
        let value = value.number();
        if self.0.get_field_type() == MetricType::COUNTER {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        self.0.mut_metric().push(metric);
    }

    /// Adds a sample of a histogram.
    pub(super) fn add_histogram(&mut self, labels: &[Label<'_>], histogram: &Histogram) {
        let mut sample = HistogramSample::default();
        sample.set_sample_count(histogram.count());
        sample.set_sample_sum(histogram.sum.as_secs_f64());
        let buckets = histogram.cumulative().map(|(bound, count)| {
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(bound.as_secs_f64());
            bucket.set_cumulative_count(count);
            bucket
        });
        sample.set_bucket(buckets.collect());
        let mut metric = labelled(labels);
        metric.set_histogram(sample);
        self.0.mut_metric().push(metric);
    }

    /// The same with one sample that has no label.
    pub(super) fn of(mut self, value: impl Number) -> Self {
        self.add(&[], value);
        self
    }
}

fn labelled(labels: &[Label<'_>]) -> Metric {
    let pairs = labels.iter().map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    });
    let mut metric = Metric::default();
    metric.set_label(pairs.collect());
    metric
}

/// What can be a sample's value, in base units.
pub(super) trait Number {
    fn number(&self) -> f64;
}

impl Number for u64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "Prometheus has no other numbers, and 53 bits are enough to see a rate"
    )]
    fn number(&self) -> f64 {
        *self as f64
    }
}

impl Number for bool {
    fn number(&self) -> f64 {
        f64::from(u8::from(*self))
    }
}

impl Number for Duration {
    fn number(&self) -> f64 {
        self.as_secs_f64()
    }
}

impl Number for SystemTime {
    fn number(&self) -> f64 {
        let since = self.duration_since(Self::UNIX_EPOCH);
        since.unwrap_or_default().as_secs_f64()
    }
}

/// The text of several families.
#[derive(Default)]
pub(super) struct Text(String);

impl Text {
    /// Adds a family. One without samples is left out: there is nothing to say.
    pub(super) fn add(&mut self, family: Family) {
        if family.0.get_metric().is_empty() {
            return;
        }
        if let Err(error) = TextEncoder::new().encode_utf8(&[family.0], &mut self.0) {
            log::error!("cannot write a metric: {error}");
        }
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}
