#!/usr/bin/env bash
# Plain batch grading: every folder below SUBMISSIONS is one student's. Usage: grade-all.sh PHASE SUBMISSIONS SECRET
set -euo pipefail
phase=$1 submissions=$2 secret=$3
mkdir -p feedback
grade "$phase" --batch "$submissions" --secret "$secret" --csv grades.csv --format "markdown=feedback/{student}.md"
echo "grades.csv holds the table, feedback/ a page per student"
