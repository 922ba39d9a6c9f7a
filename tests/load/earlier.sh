#!/bin/sh
# Builds an earlier commit's service, for the comparison, and prints where it is. What was built is kept.
set -eu
cd "$(dirname "$0")/../.."
commit=$1
folder=$PWD/target/earlier/$commit
if ! [ -x "$folder/mako" ]; then
  mkdir -p "$folder/source"
  git archive "$commit" | tar -x -C "$folder/source"
  CARGO_TARGET_DIR=$folder/build cargo build --release --package mako --manifest-path "$folder/source/Cargo.toml" >&2
  mv "$folder/build/release/mako" "$folder/mako"
  rm -r "$folder/build" "$folder/source"
fi
echo "$folder/mako"
