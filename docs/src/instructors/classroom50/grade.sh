#!/usr/bin/env bash
# Grades a checked-out submission with the teacher's grader and leaves result.json in the current folder, with exit status 0
# even when checks fail. Usage: grade.sh GRADE PHASE SUBMISSION [OPTION…]
# GRADE is the grader that was built from the teacher's checkout; what the submission holds under tests/ is never run. The
# variables CLASSROOM, ASSIGNMENT, OWNER and so on go into the result; SECRET_FILE names the course's secret.
set -u
grade=$1 phase=$2 submission=$(realpath "$3")
shift 3
user=${STUDENT_USER-student}
as=()
if [ -n "$user" ]; then
    chown -R "$user" "$submission"
    as=(--as-user "$user")
fi
seed=()
[ -z "${SECRET_FILE:-}" ] || seed=(--student "$OWNER" --secret "$SECRET_FILE")
result=$PWD/result.json
HOME=$submission "$grade" "$phase" --submission "$submission" "${as[@]}" "${seed[@]}" "$@" \
    --format "classroom50=$result" --format "markdown=$PWD/feedback.md"
if [ -n "$user" ]; then
    for _ in {1..50}; do pkill -KILL -U "$user" || break; sleep 0.1; done
fi
[ -s "$result" ]
