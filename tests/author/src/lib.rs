//! The course author's tools: handouts for students, the museum of bugs, the book's console blocks executed, its measured
//! pictures. A student gets none of this.

pub mod chapter;
pub mod handout;
pub mod lab;
pub mod ladder;
pub mod museum;
pub mod pictures;
