//! Can a file be read without half its crate? Imports within a crate form no circle of more than three files.
//!
//! What a module re-exports counts as imported from the file that defines it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The files of a crate, each by the path of its module.
type Sources = BTreeMap<Module, Source>;
type Module = Vec<String>;
/// Which files each one imports.
type Imports<'a> = BTreeMap<&'a Module, BTreeSet<&'a Module>>;

/// The paths in a file.
#[derive(Default)]
struct Source {
    imports: Vec<String>,
    /// What it re-exports, by name.
    exports: BTreeMap<String, String>,
}

#[test]
fn no_circle_of_imports_has_more_than_three_files() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    for folder in std::fs::read_dir(crates).unwrap() {
        let folder = folder.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        let mut sources = Sources::new();
        read(&folder.join("src"), &[], &mut sources);
        assert!(sources.len() > 2, "{}", folder.display());
        for circle in circles(&sources) {
            let files: Vec<_> = circle.iter().map(|module| module.join("::")).collect();
            assert!(files.len() <= 3, "{}: {}", folder.display(), files.join(", "));
        }
    }
}

#[test]
fn a_circle_is_found_through_groups_and_re_exports() {
    let sources = Sources::from([
        (
            module(""),
            Source::of("mod a;\nmod b;\npub(crate) use a::{A, A2 as Other};\n"),
        ),
        (module("a"), Source::of("use crate::b::{self, deep::{B, C}};\n")),
        (module("b"), Source::of("//! crate::c is not meant.\nmod deep;\n")),
        (module("b::deep"), Source::of("fn f(_: crate::c::D) {}\n")),
        (
            module("c"),
            Source::of("use super::Other;\n#[cfg(test)]\nmod tests { use crate::d; }\n"),
        ),
        (module("d"), Source::of("use crate::a::A;\n")),
    ]);
    let circle = BTreeSet::from([module("a"), module("b::deep"), module("c")]);
    assert_eq!(circles(&sources), BTreeSet::from([circle]));
}

fn module(path: &str) -> Module {
    path.split("::")
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn read(folder: &Path, outer: &[String], sources: &mut Sources) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let inner = [outer, &[name.to_owned()]].concat();
        if path.is_dir() {
            read(&path, &inner, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") && name != "tests" {
            let is_root = ["mod", "lib", "main"].contains(&name);
            let module = if is_root { outer.to_vec() } else { inner };
            sources.insert(module, Source::of(&std::fs::read_to_string(&path).unwrap()));
        }
    }
}

impl Source {
    fn of(text: &str) -> Self {
        let code = text.split("#[cfg(test)]\nmod").next().unwrap();
        let lines = code.lines().map(|line| line.split("//").next().unwrap().trim());
        let code = lines.collect::<Vec<_>>().join("\n");
        let mut source = Self::default();
        let mut rest = String::new();
        for statement in code.split_inclusive(';') {
            let start = statement
                .find("use ")
                .filter(|at| is_statement(&statement[..*at]));
            let Some(at) = start else {
                rest += statement;
                continue;
            };
            let is_export = statement[..at].trim_end().ends_with(['b', ')']);
            for (name, path) in leaves(statement[at + 4..].trim_end_matches(';')) {
                if is_export {
                    source.exports.insert(name, path);
                } else {
                    source.imports.push(path);
                }
            }
        }
        let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        let words = rest.split(|c| !is_path(c));
        let within = words.filter(|word| {
            ["crate::", "super::", "self::"]
                .iter()
                .any(|start| word.starts_with(start))
        });
        source.imports.extend(within.map(str::to_owned));
        source
    }
}

/// Whether what stands before `use ` ends another statement, or says who may see this one.
fn is_statement(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap();
    line.is_empty() || line.trim_end() == "pub" || line.starts_with("pub(")
}

/// The names that a tree of `use` brings, with their paths.
fn leaves(tree: &str) -> Vec<(String, String)> {
    let mut leaves = Vec::new();
    let (mut depth, mut start) = (0, 0);
    let mut branches = Vec::new();
    for (at, c) in tree.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                branches.push(&tree[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    branches.push(&tree[start..]);
    for branch in branches
        .into_iter()
        .map(str::trim)
        .filter(|branch| !branch.is_empty())
    {
        if let Some((stem, group)) = branch.split_once('{') {
            let group = group.trim_end().trim_end_matches('}');
            leaves.extend(
                self::leaves(group)
                    .into_iter()
                    .map(|(name, path)| (name, format!("{stem}{path}"))),
            );
        } else {
            let (path, name) = branch.split_once(" as ").unwrap_or((branch, branch));
            let name = name.rsplit("::").next().unwrap().trim();
            leaves.push((name.to_owned(), path.trim().to_owned()));
        }
    }
    leaves
}

/// The file that defines what a path leads to from a module; None for what is another crate's.
fn definer<'a>(sources: &'a Sources, from: &Module, path: &str) -> Option<&'a Module> {
    let mut names = path.split("::").map(str::trim).peekable();
    let mut module = match *names.peek()? {
        "crate" => Module::new(),
        "super" | "self" => from.clone(),
        name if sources.contains_key(&[from.as_slice(), &[name.to_owned()]].concat()) => from.clone(),
        _ => return None,
    };
    while let Some(keyword) = names.next_if(|name| ["crate", "super", "self"].contains(name)) {
        if keyword == "super" {
            module.pop();
        }
    }
    for name in names {
        let inner = [module.as_slice(), &[name.to_owned()]].concat();
        if sources.contains_key(&inner) {
            module = inner;
            continue;
        }
        let exported = sources.get(&module)?.exports.get(name);
        if let Some(definer) = exported.and_then(|path| definer(sources, &module, path)) {
            return Some(definer);
        }
        break;
    }
    sources.get_key_value(&module).map(|(module, _)| module)
}

/// Sets of files each of which leads to every other.
fn circles(sources: &Sources) -> BTreeSet<BTreeSet<Module>> {
    let mut reached: Imports<'_> = sources
        .iter()
        .map(|(module, source)| {
            let definers = source
                .imports
                .iter()
                .filter_map(|path| definer(sources, module, path));
            (module, definers.filter(|definer| *definer != module).collect())
        })
        .collect();
    loop {
        let further: Imports<'_> = reached
            .iter()
            .map(|(module, there)| {
                let beyond = there.iter().flat_map(|next| &reached[next]).copied();
                (*module, there.iter().copied().chain(beyond).collect())
            })
            .collect();
        if further == reached {
            break;
        }
        reached = further;
    }
    let circle = |module: &Module| {
        let there = reached[module]
            .iter()
            .filter(|other| reached[**other].contains(module));
        there.map(|other| (*other).clone()).collect::<BTreeSet<_>>()
    };
    let circles = sources.keys().map(circle);
    circles.filter(|circle| !circle.is_empty()).collect()
}
