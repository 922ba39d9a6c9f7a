//! Lists `policies/*.sql` for the binary, and notices new files there and among the migrations.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    // Of this run: `env!` would be that of whichever checkout compiled this script, if several share a target folder.
    let crate_folder =
        env::var_os("CARGO_MANIFEST_DIR").ok_or_else(|| io::Error::other("cargo sets CARGO_MANIFEST_DIR"))?;
    let root = Path::new(&crate_folder).join("../..").canonicalize()?;
    for folder in ["policies", "sql"] {
        println!("cargo::rerun-if-changed={}", root.join(folder).display());
    }
    let mut files: Vec<_> = fs::read_dir(root.join("policies"))?
        .collect::<io::Result<Vec<_>>>()?
        .into_iter()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        // Read-only checks for people; they change nothing.
        .filter(|path| path.file_stem().is_some_and(|stem| stem != "verify"))
        .collect();
    files.sort();
    let mut list = String::from("&[\n");
    for file in files {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        writeln!(
            list,
            "    ({name:?}, include_str!({:?})),",
            file.display().to_string()
        )
        .map_err(io::Error::other)?;
    }
    list.push(']');
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    fs::write(Path::new(&out).join("policies.rs"), list)
}
