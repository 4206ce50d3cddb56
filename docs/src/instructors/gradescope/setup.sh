#!/usr/bin/env bash
# Runs once, when Gradescope builds the autograder's image. The zip's root holds this file, run_autograder, suite.toml,
# secret and the `grade` binary (cargo build --release -p grader --bin grade; copy target/release/grade).
set -euo pipefail
apt-get update
apt-get install -y --no-install-recommends build-essential python3 strace
useradd --create-home student
chmod 600 /autograder/source/secret
chmod 755 /autograder/source/grade
