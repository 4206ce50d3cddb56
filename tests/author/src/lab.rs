//! The book's console blocks, executed: what a chapter shows is what a reader gets.
//!
//! A chapter is one session in a folder of its own and, where the kernel allows it, in a network namespace of its own, so
//! that the default ports are free and typed as printed. Three kinds of fenced block take part:
//!
//! - `console` — every line that begins with `$ ` is a command (`> ` continues it); the lines below it are what it
//!   prints, standard error included. It must end by itself.
//! - `console,terminal=NAME` — one command that stays: the expected lines must appear, in order, and it lives on until the
//!   chapter ends. A later block of the same name without a command expects further lines; `^C` as its first line
//!   interrupts the program first.
//! - `console,interactive` — a dialogue: a line that ends in ` ↵` is typed by the reader, `^D` closes standard input, every
//!   other line is printed by the program.
//!
//! In expected lines `[..]` stands for anything on that line and a line `...` for any number of lines. A block whose
//! expectation accepts everything is refused: a block that cannot fail proves nothing.
//!
//! Folder and PATH carry over from one `console` block to whatever follows it in the chapter, as in a reader's shell. For
//! `<this repository>` the command gets this repository's path.
//!
//! There is no block that is only shown: what a machine in CI cannot run is a `text` block, with a sentence that says why.

mod parse;
mod pattern;
mod run;

pub use parse::{Block, Kind, parse_chapter};
pub use run::{ChapterReport, Shell, run_chapter};
