//! Whatever arrives: the entry point that the tests run as well.
#![no_main]

#[path = "../../tests/it/entry.rs"]
mod entry;

libfuzzer_sys::fuzz_target!(|input: &[u8]| entry::deliver(input));
