//! The table: what was to be reached, what an earlier build did, and what this one does.

/// A line of it.
pub(crate) struct Line {
    what: String,
    earlier: String,
    now: String,
    target: String,
    /// None: nothing is wanted of it.
    reached: Option<bool>,
}

impl Line {
    /// Something that is to be at least, or at most, so much.
    pub(crate) fn new(what: impl Into<String>, now: f64, unit: &str, target: Target) -> Self {
        let (bound, reached) = match target {
            Target::AtLeast(bound) => (format!("≥ {}", number(bound)), now >= bound),
            Target::AtMost(bound) => (format!("≤ {}", number(bound)), now <= bound),
        };
        Self {
            target: format!("{bound}{unit}"),
            reached: Some(reached),
            ..Self::bound(what, now, unit)
        }
    }

    /// What another figure can be at most.
    pub(crate) fn bound(what: impl Into<String>, now: f64, unit: &str) -> Self {
        Self {
            what: what.into(),
            earlier: String::new(),
            now: format!("{}{unit}", number(now)),
            target: String::new(),
            reached: None,
        }
    }

    /// What the earlier build did.
    pub(crate) fn earlier(mut self, earlier: impl Into<String>) -> Self {
        self.earlier = earlier.into();
        self
    }

    /// What the figure is made of.
    pub(crate) fn of(mut self, parts: impl AsRef<str>) -> Self {
        self.now = format!("{} ({})", self.now, parts.as_ref());
        self
    }
}

/// What is wanted of a figure.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

/// As people read it: two digits after the point below ten, none from a hundred on.
pub(crate) fn number(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

/// As Markdown.
pub(crate) fn print(lines: &[Line]) {
    println!(
        "| what | {} | now | wanted | |\n|---|---|---|---|---|",
        crate::earlier::COMMIT
    );
    for Line {
        what,
        earlier,
        now,
        target,
        reached,
    } in lines
    {
        let reached = match reached {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "",
        };
        println!("| {what} | {earlier} | {now} | {target} | {reached} |");
    }
}
