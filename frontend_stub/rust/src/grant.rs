//! What this worker may do, as `welcome` said it: patterns over whole segments (protocol, section 8).
//!
//! Decides nothing that counts: the core checks everything again. It is here so that a worker's author gets a clear
//! error at once, and before an emit, which has no answer.

use std::collections::BTreeSet;

/// What this worker may call, listen to and emit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// The commands that it may call.
    pub commands: Grant,
    /// The events that it may listen to.
    pub listen: Grant,
    /// The events that it may emit.
    pub emit: Grant,
}

/// Patterns that allow and patterns that deny, over names whose segments a separator joins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    separator: char,
    allow: Vec<Pattern>,
    deny: Vec<Pattern>,
}

impl Grant {
    pub(crate) fn new<'a>(
        separator: char,
        allow: impl IntoIterator<Item = &'a str>,
        deny: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let pattern = |text: &str| Pattern(text.split(separator).map(Segment::new).collect());
        Self {
            separator,
            allow: allow.into_iter().map(pattern).collect(),
            deny: deny.into_iter().map(pattern).collect(),
        }
    }

    /// Whether an allowed pattern matches this name and no denied one does.
    #[must_use]
    pub fn allows(&self, name: &str) -> bool {
        let segments = || name.split(self.separator);
        self.allow.iter().any(|pattern| pattern.matches(segments()))
            && !self.deny.iter().any(|pattern| pattern.matches(segments()))
    }

    /// Whether one allowed pattern matches *every* name that begins with this prefix, which ends in the separator, and
    /// no denied pattern matches any.
    #[must_use]
    pub fn covers(&self, prefix: &str) -> bool {
        let stem = prefix.strip_suffix(self.separator).unwrap_or(prefix);
        let segments = || stem.split(self.separator);
        self.allow.iter().any(|pattern| pattern.covers(segments()))
            && !self.deny.iter().any(|pattern| pattern.meets(segments()))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// Itself.
    Name(String),
    /// `*`: one, whatever it is.
    One,
    /// `**`: any number, also none.
    Any,
}

impl Segment {
    fn new(text: &str) -> Self {
        match text {
            "*" => Self::One,
            "**" => Self::Any,
            name => Self::Name(name.to_owned()),
        }
    }
}

/// An automaton: its states are positions in it, and the one past its end is where it accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern(Vec<Segment>);

type Positions = BTreeSet<usize>;

impl Pattern {
    fn matches<'a>(&self, segments: impl Iterator<Item = &'a str>) -> bool {
        self.accepts(&self.after(segments))
    }

    /// Whether it matches whatever one or more segments follow: if it does so for segments that it does not name, it
    /// does so for all.
    fn covers<'a>(&self, segments: impl Iterator<Item = &'a str>) -> bool {
        let mut positions = self.after(segments);
        let mut seen = BTreeSet::new();
        while seen.insert(positions.clone()) {
            positions = self.step(&positions, None);
            if !self.accepts(&positions) {
                return false;
            }
        }
        true
    }

    /// Whether it matches anything at all that has one or more segments behind these.
    fn meets<'a>(&self, segments: impl Iterator<Item = &'a str>) -> bool {
        self.after(segments).iter().any(|position| *position < self.0.len())
    }

    fn accepts(&self, positions: &Positions) -> bool {
        positions.contains(&self.0.len())
    }

    fn after<'a>(&self, segments: impl Iterator<Item = &'a str>) -> Positions {
        let mut positions = Positions::new();
        self.settle(0, &mut positions);
        segments.fold(positions, |positions, segment| self.step(&positions, Some(segment)))
    }

    /// Where it stands after one more segment; `None` is one that it does not name.
    fn step(&self, positions: &Positions, segment: Option<&str>) -> Positions {
        let mut reached = Positions::new();
        for &position in positions {
            match self.0.get(position) {
                Some(Segment::Any) => self.settle(position, &mut reached),
                Some(Segment::One) => self.settle(position + 1, &mut reached),
                Some(Segment::Name(name)) if Some(name.as_str()) == segment => {
                    self.settle(position + 1, &mut reached);
                }
                _ => {}
            }
        }
        reached
    }

    /// Add a position, and those that are reached from it by letting `**` stand for nothing.
    fn settle(&self, mut position: usize, reached: &mut Positions) {
        reached.insert(position);
        while self.0.get(position) == Some(&Segment::Any) {
            position += 1;
            reached.insert(position);
        }
    }
}
