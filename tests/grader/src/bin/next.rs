//! `cargo next`: where a learner stands, and which step comes next.

use std::process::ExitCode;

use clap::Parser as _;
use grader::next;

fn main() -> ExitCode {
    match next::run(&next::Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("next: {error:#}");
            ExitCode::from(2)
        }
    }
}
