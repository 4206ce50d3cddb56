//! `cargo run -p grader --bin doctor`: is this machine ready for the labs?
use grader::doctor::{State, examine};

fn main() {
    if std::env::args().len() > 1 {
        println!(
            "doctor: looks for the programs and kernel features that the labs use. It takes no arguments."
        );
        return;
    }
    let findings = examine();
    for finding in &findings {
        let mark = match finding.state {
            State::Ready => "ok     ",
            State::Differs => "differs",
            State::Missing => "missing",
        };
        println!("{mark}  {}", finding.what);
        for line in wrap(&finding.meaning, 90) {
            println!("         {line}");
        }
    }
    let missing = findings.iter().filter(|f| f.state == State::Missing).count();
    match missing {
        0 => println!("\nEverything the labs use is here."),
        n => println!("\n{n} missing. Phases 1 to 3 need nc and telnet; the rest says above what it is for."),
    }
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("starts with one line and only grows");
        if line.len() + word.len() < width || line.is_empty() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
