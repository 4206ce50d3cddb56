//! The book keeps its word: every console block of every chapter prints what the chapter says.
use std::io::Write;
use std::process::Command;

mod support;

#[test]
#[ignore = "needs nc, telnet, strace, redis-cli, ip and unshare"]
fn every_console_block_prints_what_the_book_says() {
    let output = Command::new(support::binary("labs")).output().expect("labs starts");
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let closing = said.lines().last().unwrap_or_default();
    assert!(
        closing.starts_with("console blocks: ") && !closing.starts_with("console blocks: 0"),
        "no block was executed: {closing}"
    );
    // Past the test runner, which keeps what a passing test prints to itself: the count is part of the claim.
    writeln!(std::io::stderr(), "{closing}").expect("stderr is open");
}
