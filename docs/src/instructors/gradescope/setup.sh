#!/usr/bin/env bash
# Runs once, when Gradescope builds the autograder's image: installs the languages, makes the user `student` and compiles the
# grader. What lies in the zip's root is unpacked to /autograder/source; make-zip.sh puts it together.
set -euo pipefail
source=${AUTOGRADER:-/autograder}/source
apt-get update
apt-get install -y --no-install-recommends build-essential ca-certificates curl golang-go nodejs procps python3 strace
id student >/dev/null 2>&1 || useradd --create-home student

# Rust, for the grader and for hand-ins in Rust.
export RUSTUP_HOME=/usr/local/rustup CARGO_HOME=/usr/local/cargo PATH=/usr/local/cargo/bin:$PATH
command -v cargo >/dev/null || curl -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal --no-modify-path
ln -sf /usr/local/cargo/bin/* /usr/local/bin/

cd "$source/course"
cargo build --release --package grader --bin grade
cp target/release/grade "$source/grade"
# What every Rust hand-in needs is compiled and downloaded once: each submission starts from a copy.
cargo build --bins
mkdir -p "$source/warm"
cp -r target/debug "$source/warm/debug"
cp -r "$CARGO_HOME/registry" "$source/warm/registry"

# Student code runs as `student` and reads nothing in here: not the secret, not the suite, not the grader.
chmod -R go-rwx "$source"
