#!/usr/bin/env bash
# Puts the autograder's zip together, from the root of the course's workspace: make-zip.sh PHASE SUITE SECRET ZIP [OPTION…]
# The options are the grader's, --strace for instance.
set -euo pipefail
[ $# -ge 4 ] || { sed -n 2,3p "$0"; exit 2; }
phase=$1 suite=$2 secret=$3 zip=$(realpath "$4")
shift 4
here=$(realpath "$(dirname "$0")")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$here/setup.sh" "$here/run_autograder" "$folder"
cp "$suite" "$folder/suite.toml"
cp "$secret" "$folder/secret"
printf '%s\n' "$@" | grep . >"$folder/options" || true
# The workspace that students get: the grader's source, and the crates that their servers need.
cargo handout "$phase" "$folder/course"
cd "$folder"
rm -f "$zip"
python3 -m zipfile -c "$zip" ./*
echo "$zip: upload it as the autograder"
