//! Every chapter of a phase ends with a quiz that the theme's script understands, and that reads without it.

use regex::Regex;

use super::{pages, report};

#[test]
fn every_chapter_has_a_quiz_of_three_questions_with_an_answer_each() {
    let question = Regex::new(r"(?m)^\d+\. .+$").unwrap();
    let option = Regex::new(r"(?m)^   - \*\*([a-d])\*\* .+$").unwrap();
    let answer = Regex::new(r"(?m)^   \*\*([a-d])\*\* .+$").unwrap();
    let mut complaints = Vec::new();
    let mut questions = 0;
    for (page, text) in pages() {
        let chapter = text.contains("\n## What you will be able to do\n") && !page.ends_with("start.md");
        let quiz = text.split_once("\n## Quiz\n\n<div class=\"quiz\">\n").map(|(_, quiz)| quiz);
        let Some(quiz) = quiz else {
            if chapter {
                complaints.push(format!("{}: no `## Quiz` at its end; see decoder.md", page.display()));
            }
            continue;
        };
        let starts: Vec<usize> = question.find_iter(quiz).map(|found| found.start()).collect();
        if starts.len() < 3 {
            complaints.push(format!("{}: a quiz of {} questions", page.display(), starts.len()));
        }
        for (index, start) in starts.iter().enumerate() {
            questions += 1;
            let words = &quiz[*start..starts.get(index + 1).copied().unwrap_or(quiz.len())];
            let letters: String = option.captures_iter(words).map(|found| found[1].to_owned()).collect();
            let right: Vec<String> = answer.captures_iter(words).map(|found| found[1].to_owned()).collect();
            let answered = right.len() == 1 && letters.contains(&right[0]);
            if !"abcd".starts_with(&letters) || letters.len() < 3 || !answered {
                complaints.push(format!("{}: question {}: options {letters}", page.display(), index + 1));
            }
        }
    }
    println!("{questions} questions");
    report(&complaints);
}
