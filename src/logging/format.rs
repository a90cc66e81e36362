//! How a line of the log is written: as text for people, or as JSON for programs.

use std::fmt::{Display, Write as _};
use std::io::{self, IsTerminal, Write};

use contract::{EventFieldName, LogFormat, Logging};
use jiff::Timestamp;
use log::kv::{Error, Key, Value, VisitSource, VisitValue};
use log::{Level, Record};

use crate::config::variable;

use super::escape::{write_json, write_text};

/// How many bytes the text of a line has at most. With the fields it fits into what a pipe takes in one piece.
const MAX_TEXT: usize = 2000;

/// How many bytes a field has at most.
const MAX_FIELD: usize = 400;

/// How a line is written.
pub(super) struct Format {
    kind: Kind,
    /// The slot, if this process is a worker.
    worker: Option<usize>,
}

enum Kind {
    Text {
        has_colours: bool,
    },
    /// With the name of the field that has the text.
    Json {
        event: String,
    },
}

impl Format {
    pub(super) fn new(settings: &Logging, worker: Option<usize>) -> Self {
        let kind = match settings.log_format {
            LogFormat::Generic => Kind::Text {
                has_colours: settings.colours.unwrap_or_else(terminal_has_colours),
            },
            LogFormat::Json => Kind::Json {
                event: settings.log_event_field_name.clone(),
            },
        };
        Self { kind, worker }
    }

    /// Writes a line.
    pub(super) fn write(&self, out: &mut impl Write, record: &Record) -> io::Result<()> {
        let mut line = match &self.kind {
            Kind::Text { has_colours } => text(record, *has_colours),
            Kind::Json { event } => self.json(record, event),
        };
        line.push('\n');
        out.write_all(line.as_bytes())
    }

    /// Writes why the process ends.
    pub(super) fn write_last_words(&self, out: &mut impl Write, reason: &str) -> io::Result<()> {
        match &self.kind {
            Kind::Text { .. } => {
                let mut line = String::from("edge-proxy: ");
                write_text(&mut line, reason, MAX_TEXT);
                writeln!(out, "{line}")
            }
            Kind::Json { .. } => {
                let mut record = Record::builder();
                record.level(Level::Error).target("edge_proxy");
                self.write(out, &record.args(format_args!("{reason}")).build())
            }
        }
    }

    fn json(&self, record: &Record, event: &str) -> String {
        let mut fields = Fields {
            line: String::from("{"),
            event,
            has_worker: self.worker.is_some(),
        };
        let timestamp = format!("{:.6}", Timestamp::now());
        fields.add_text("timestamp", &timestamp, MAX_FIELD);
        fields.add_text("level", level_name(record.level()), MAX_FIELD);
        fields.add_text("logger", record.target(), MAX_FIELD);
        fields.add_text(event, &record.args().to_string(), MAX_TEXT);
        if let Some(worker) = self.worker {
            fields.add("worker", worker);
        }
        // A field that cannot be written is left out. None of ours is such a field.
        let _ = record.key_values().visit(&mut fields);
        fields.line.push('}');
        fields.line
    }
}

/// The level as the official proxy names it.
fn level_name(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warning",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}

fn text(record: &Record, has_colours: bool) -> String {
    let (grey, colour, end) = match (has_colours, record.level()) {
        (false, _) => ("", "", ""),
        (true, Level::Error) => ("\x1b[90m", "\x1b[1;31m", "\x1b[0m"),
        (true, Level::Warn) => ("\x1b[90m", "\x1b[33m", "\x1b[0m"),
        (true, Level::Info) => ("\x1b[90m", "\x1b[32m", "\x1b[0m"),
        (true, Level::Debug) => ("\x1b[90m", "\x1b[34m", "\x1b[0m"),
        (true, Level::Trace) => ("\x1b[90m", "\x1b[36m", "\x1b[0m"),
    };
    let (level, target) = (record.level(), record.target());
    let timestamp = Timestamp::now();
    let mut line =
        format!("{grey}[{end}{timestamp:.3} {colour}{level:<5}{end} {target}{grey}]{end} ");
    write_text(&mut line, &record.args().to_string(), MAX_TEXT);
    line
}

/// Whether stderr is a terminal, and its user has not declined colours (<https://no-color.org>).
fn terminal_has_colours() -> bool {
    let has = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    io::stderr().is_terminal() && !has("NO_COLOR") && variable("TERM").as_deref() != Some("dumb")
}

/// The fields of a line of JSON, while they are written.
struct Fields<'a> {
    line: String,
    event: &'a str,
    has_worker: bool,
}

impl Fields<'_> {
    fn add_name(&mut self, name: &str) {
        if self.line.len() > 1 {
            self.line.push(',');
        }
        write_json(&mut self.line, name, MAX_FIELD);
        self.line.push(':');
    }

    /// Adds a field whose value is JSON as it is displayed.
    fn add(&mut self, name: &str, value: impl Display) {
        self.add_name(name);
        let _ = write!(self.line, "{value}");
    }

    fn add_text(&mut self, name: &str, text: &str, limit: usize) {
        self.add_name(name);
        write_json(&mut self.line, text, limit);
    }

    fn has(&self, name: &str) -> bool {
        name == self.event
            || EventFieldName::OTHERS.contains(&name)
            || name == "worker" && self.has_worker
    }
}

impl<'kvs> VisitSource<'kvs> for Fields<'_> {
    fn visit_pair(&mut self, name: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        if self.has(name.as_str()) {
            return Ok(());
        }
        self.add_name(name.as_str());
        value.visit(Json(&mut self.line))
    }
}

/// Writes the value of a field.
struct Json<'a>(&'a mut String);

impl Json<'_> {
    fn push(&mut self, value: impl Display) -> Result<(), Error> {
        Ok(write!(self.0, "{value}")?)
    }
}

impl<'v> VisitValue<'v> for Json<'_> {
    fn visit_any(&mut self, value: Value) -> Result<(), Error> {
        self.visit_str(&value.to_string())
    }

    fn visit_null(&mut self) -> Result<(), Error> {
        self.push("null")
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), Error> {
        self.push(value)
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), Error> {
        self.push(value)
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), Error> {
        self.push(value)
    }

    fn visit_f64(&mut self, value: f64) -> Result<(), Error> {
        // JSON has no other numbers.
        if value.is_finite() {
            self.push(value)
        } else {
            self.visit_null()
        }
    }

    fn visit_str(&mut self, value: &str) -> Result<(), Error> {
        write_json(self.0, value, MAX_FIELD);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(settings: Logging, record: &Record) -> String {
        let mut line = Vec::new();
        Format::new(&settings, Some(3))
            .write(&mut line, record)
            .unwrap();
        String::from_utf8(line).unwrap()
    }

    fn as_json(event: &str) -> Logging {
        Logging {
            log_format: LogFormat::Json,
            log_event_field_name: event.to_owned(),
            ..Logging::default()
        }
    }

    /// A text with much that needs care.
    fn nasty(random: &mut fastrand::Rng) -> String {
        const PIECES: [&str; 16] = [
            "a",
            "\"",
            "\\",
            "\n",
            "\r",
            "\0",
            "\u{1b}[31m",
            "\u{7f}",
            "\u{85}",
            "\u{2028}",
            "\u{202e}",
            "}",
            "{\"a\":",
            "東",
            "\u{10ffff}",
            "',",
        ];
        let most = if random.u8(..8) == 0 { 2000 } else { 8 };
        let length = random.usize(..most);
        (0..length)
            .map(|_| random.choice(PIECES).unwrap())
            .collect()
    }

    #[test]
    fn a_line_of_json_is_json_whatever_is_in_it() {
        let scale = testing::scale();
        let mut random = fastrand::Rng::with_seed(testing::seed(12));
        for _ in 0..2000 * scale {
            let texts: [String; 3] = std::array::from_fn(|_| nasty(&mut random));
            let [text, target, value] = &texts;
            let event = random
                .choice(["message", "event", "\"\n", "value"])
                .unwrap();
            let number = f64::from_bits(random.u64(..));
            let fields = [
                ("value", Value::from(value.as_str())),
                ("number", Value::from(number)),
                ("debug", Value::from_debug(value)),
                ("count", Value::from(random.u64(..))),
                ("big", Value::from(random.u128(..))),
                ("nothing", Value::null()),
                ("level", Value::from("loud")),
            ];
            let mut record = Record::builder();
            record.level(Level::Warn).target(target).key_values(&fields);
            let line = line(as_json(event), &record.args(format_args!("{text}")).build());
            let content = line.strip_suffix('\n').expect("its end");
            assert!(!content.contains(char::is_control), "{content:?}");
            assert!(
                line.len() <= super::super::queue::PIECE,
                "{} bytes",
                line.len()
            );
            let read: serde_json::Value = serde_json::from_str(content).expect(content);
            assert_eq!(read["level"], "warning");
            if text.len() < 100 {
                assert_eq!(read[event], json!(text), "{content}");
            }
            if value.len() < 60 && event != "value" {
                assert_eq!(read["value"], json!(value), "{content}");
            }
        }
    }

    #[test]
    fn fields_have_their_types_and_none_is_there_twice() {
        let fields = [
            ("environment", Value::from("abc")),
            ("seconds", Value::from(1.5)),
            ("worker", Value::from(7)),
            ("is_on", Value::from(true)),
        ];
        let mut record = Record::builder();
        record
            .level(Level::Info)
            .target("supervisor")
            .key_values(&fields);
        let line = line(
            as_json("environment"),
            &record.args(format_args!("went well")).build(),
        );
        let (_, after) = line.split_once(r#"Z","#).expect("a timestamp");
        let expected =
            r#""level":"info","logger":"supervisor","environment":"went well","worker":3,"#;
        assert_eq!(
            after,
            format!("{expected}\"seconds\":1.5,\"is_on\":true}}\n")
        );
    }

    #[test]
    fn text_has_colours_where_the_setting_says_so() {
        let mut record = Record::builder();
        let record = record
            .level(Level::Warn)
            .target("worker")
            .args(format_args!("tired\n\x1b[2J"));
        for (colours, expected) in [
            (Some(false), " WARN  worker] tired\\n\\u{1b}[2J\n"),
            (
                Some(true),
                " \x1b[33mWARN \x1b[0m worker\x1b[90m]\x1b[0m tired\\n\\u{1b}[2J\n",
            ),
        ] {
            let settings = Logging {
                colours,
                ..Logging::default()
            };
            let line = line(settings, &record.build());
            assert!(line.ends_with(expected), "{line:?}");
        }
    }
}
