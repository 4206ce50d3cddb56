//! `cargo grade`: judges a server by what its socket shows, and teaches where it fails.

use std::process::ExitCode;

use clap::Parser as _;
use grader::cli;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    match cli::run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("grade: {error:#}");
            ExitCode::from(2)
        }
    }
}
