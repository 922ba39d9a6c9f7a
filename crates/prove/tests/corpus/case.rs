//! A case of the corpus: SQL that says in its first lines what must be found.

use std::path::{Path, PathBuf};

use prove::rules::{self, Rule};
use prove::{Model, Severity, Verdict};

/// A case: SQL with the intent and the expected findings in comments.
pub(crate) struct Case {
    /// Without `.leak.sql`, `.risk.sql` or `.sound.sql`.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) sql: String,
    pub(crate) model: Model,
    pub(crate) expected: Vec<Expected>,
    /// Expected to be incomplete, whatever it is.
    incomplete: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Leak,
    Risk,
    Sound,
}

/// What must be found, and where; without a rule: any leak.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expected {
    pub(crate) about: String,
    pub(crate) rule: Option<&'static Rule>,
}

impl Case {
    pub(crate) fn verdict(&self) -> Verdict {
        match self.kind {
            _ if self.incomplete => Verdict::Incomplete,
            Kind::Leak => Verdict::Leak,
            Kind::Risk | Kind::Sound => Verdict::Proven,
        }
    }

    pub(crate) fn title(&self) -> String {
        format!("{} ({:?})", self.name, self.kind)
    }

    fn read(file: &Path) -> Self {
        let sql = std::fs::read_to_string(file).unwrap();
        let file = file.file_name().unwrap().to_str().unwrap();
        let mut parts = file.rsplitn(3, '.').skip(1);
        let kind = match parts.next() {
            Some("leak") => Kind::Leak,
            Some("risk") => Kind::Risk,
            Some("sound") => Kind::Sound,
            _ => panic!("{file}: is it a leak, a risk or sound?"),
        };
        let lines = |prefix| sql.lines().filter_map(move |line| line.strip_prefix(prefix));
        let model = lines("-- model: ").collect::<Vec<_>>().join("\n");
        Self {
            name: parts.next().unwrap().to_owned(),
            kind,
            model: Model::parse(&model).unwrap_or_else(|error| panic!("{file}: {error}")),
            expected: lines("-- expect: ")
                .filter(|line| *line != "incomplete")
                .map(|line| Expected::read(line).unwrap_or_else(|| panic!("{file}: {line}")))
                .collect(),
            incomplete: lines("-- expect: ").any(|line| line == "incomplete"),
            sql: sql.clone(),
        }
    }
}

impl Expected {
    /// `public.notes cross_tenant_read leak`, or `*` for any rule that is a leak.
    fn read(line: &str) -> Option<Self> {
        let mut words = line.rsplitn(3, ' ');
        let (severity, rule, about) = (words.next()?, words.next()?, words.next()?);
        let rule = match rule {
            "*" => None,
            id => Some(*rules::ALL.iter().find(|rule| rule.id == id)?),
        };
        let leak = rule.is_none_or(|rule| rule.severity == Severity::Leak);
        (severity == if leak { "leak" } else { "risk" }).then(|| Self {
            about: about.to_owned(),
            rule,
        })
    }

    pub(crate) fn is_leak(&self) -> bool {
        self.rule.is_none_or(|rule| rule.severity == Severity::Leak)
    }
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus")
}

pub(crate) fn cases() -> Vec<Case> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.retain(|file| {
        file.extension().is_some_and(|extension| extension == "sql") && !file.ends_with("supabase.sql")
    });
    files.sort();
    files.iter().map(|file| Case::read(file)).collect()
}

/// For whoever looks into one case by hand.
#[expect(
    clippy::disallowed_methods,
    reason = "a test is told nothing by its configuration"
)]
pub(crate) fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
