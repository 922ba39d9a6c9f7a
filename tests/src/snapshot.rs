//! Expectations that people read: files beside the tests.

use std::path::Path;

/// Compares with `tests/it/<name>`; with `MAKO_ACCEPT` in the environment it writes the file instead.
pub fn assert_snapshot(name: &str, actual: &str) {
    assert_file(&Path::new("it").join(name), actual);
}

/// Compares with a file, by its path from `tests/`.
pub fn assert_file(path: &Path, actual: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("MAKO_ACCEPT").is_some() {
        std::fs::write(&file, actual).expect("the file can be written");
        return;
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    if let Some((line, (was, is))) = expected
        .lines()
        .zip(actual.lines())
        .enumerate()
        .find(|(_, (was, is))| was != is)
    {
        panic!(
            "{} differs in line {}:\n- {was}\n+ {is}\nIf that is right: MAKO_ACCEPT=1 cargo test, and review the diff",
            file.display(),
            line + 1
        );
    }
    assert_eq!(expected, actual, "{} differs in length", file.display());
}
