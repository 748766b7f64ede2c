//! The lines of an access log, in the common log format. Knows no file and no worker.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

/// What was asked of a server, and how it went.
#[derive(Debug, PartialEq, Eq)]
pub struct Request<'a> {
    pub path: &'a str,
    pub status: u16,
    pub bytes: u64,
}

impl<'a> Request<'a> {
    /// What a line says, if it is one of a log: anybody can write into these.
    pub fn parse(line: &'a str) -> Option<Self> {
        let (_, rest) = line.split_once(" \"")?;
        let (request, rest) = rest.rsplit_once("\" ")?;
        let (status, bytes) = rest.split_once(' ')?;
        let bytes = if bytes == "-" { 0 } else { bytes.parse().ok()? };
        Some(Self { path: request.split(' ').nth(1)?, status: status.parse().ok()?, bytes })
    }
}

/// A path, and how often it was asked for.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Asked {
    pub path: String,
    pub times: u64,
}

/// What was in the logs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    pub requests: u64,
    pub bytes: u64,
    /// Lines that are none.
    pub strange: u64,
    #[serde(skip)]
    statuses: BTreeMap<u16, u64>,
    #[serde(skip)]
    paths: BTreeMap<String, u64>,
}

impl Summary {
    /// One line more.
    pub fn add(&mut self, line: &str) {
        let Some(request) = Request::parse(line) else {
            self.strange += 1;
            return;
        };
        self.requests += 1;
        self.bytes = self.bytes.saturating_add(request.bytes);
        *self.statuses.entry(request.status).or_default() += 1;
        *self.paths.entry(request.path.to_owned()).or_default() += 1;
    }

    /// The paths that were asked for most often.
    pub fn top(&self, count: usize) -> Vec<Asked> {
        let mut paths: Vec<_> = self.paths.iter().collect();
        paths.sort_by_key(|(path, times)| (std::cmp::Reverse(**times), *path));
        paths
            .into_iter()
            .take(count)
            .map(|(path, times)| Asked { path: path.clone(), times: *times })
            .collect()
    }

    /// For people.
    pub fn report(&self) -> String {
        let Self { requests, bytes, strange, .. } = self;
        let mut report =
            format!("# Access\n\n{requests} requests, {bytes} bytes, {strange} lines that are none.\n\n");
        for (status, times) in &self.statuses {
            let _ = writeln!(report, "- {status}: {times}"); // text takes what is written
        }
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_was_asked_for() {
        let line = r#"192.0.2.7 - - [23/Nov/2026:06:25:14 +0000] "GET /a HTTP/1.1" 304 -"#;
        assert_eq!(Request::parse(line), Some(Request { path: "/a", status: 304, bytes: 0 }));
    }

    #[test]
    fn what_is_no_line_is_counted_as_such() {
        let mut summary = Summary::default();
        for line in ["", "\"", "a \"b\" c", "a \"GET /a HTTP/1.1\" 99999 1", "a \"GET\" 200 1"] {
            summary.add(line);
        }
        assert_eq!((summary.requests, summary.strange), (0, 5));
    }
}
