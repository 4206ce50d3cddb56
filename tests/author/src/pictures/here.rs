//! "You are here": the finished server's rooms, with those built before, in and after a phase told apart.

use std::cmp::Ordering;
use std::path::Path;

use anyhow::{Context, Result};
use kit::svg::Svg;

/// A room of the finished server: the phase that builds it, its name, what it does.
const ROOMS: [(usize, &str, &str); 4] = [
    (1, "socket", "bytes in, bytes out"),
    (2, "frame", "bytes to messages"),
    (3, "event loop", "all clients, one thread"),
    (4, "keyspace", "names to values"),
];

const WIDTH: f64 = 728.0;
const HEIGHT: f64 = 160.0;
const ROOM: (f64, f64) = (162.0, 76.0);
const TOP: f64 = 62.0;
const INK: (&str, &str) = ("fill", "#1d2433");
const PALE: (&str, &str) = ("fill", "#4a5568");
const BLUE: &str = "#3566b8";
const MIDDLE: (&str, &str) = ("text-anchor", "middle");

/// Writes `here-phase1.svg` to `here-phase4.svg` into a folder.
///
/// # Errors
/// When a file cannot be written.
pub fn write(folder: &Path) -> Result<()> {
    for phase in 1..=ROOMS.len() {
        let file = folder.join(file_name(phase));
        std::fs::write(&file, svg(phase)).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

fn file_name(phase: usize) -> String {
    format!("here-phase{phase}.svg")
}

/// The picture at the beginning of a phase. Words say what the colours say.
fn svg(phase: usize) -> String {
    let label = format!("You are here: phase {phase}, the {}.", ROOMS[phase - 1].1);
    let mut svg = Svg::new(WIDTH, HEIGHT, &label);
    svg.style("text{font-size:13px}.name{font-size:15px;font-weight:600}");
    svg.rect(0.0, 0.0, WIDTH, HEIGHT, &[("rx", "10"), ("fill", "#f7f8fa")]);
    for (index, (built_in, name, what)) in ROOMS.iter().enumerate() {
        let left = 16.0 + index as f64 * (ROOM.0 + 16.0);
        let middle = left + ROOM.0 / 2.0;
        let (fill, stroke, dashes, state) = match built_in.cmp(&phase) {
            Ordering::Less => ("#dff3e3", "#2f7d4a", "none", "built"),
            Ordering::Equal => ("#dbe9ff", BLUE, "none", "this phase"),
            Ordering::Greater => ("#ffffff", "#8a93a6", "5 4", "to come"),
        };
        let border = [("rx", "8"), ("fill", fill), ("stroke", stroke), ("stroke-dasharray", dashes)];
        svg.rect(left, TOP, ROOM.0, ROOM.1, &border);
        svg.text(middle, TOP + 24.0, format!("{built_in} · {name}"), &[("class", "name"), MIDDLE, INK]);
        svg.text(middle, TOP + 44.0, what, &[MIDDLE, PALE]);
        svg.text(middle, TOP + 64.0, state, &[MIDDLE, PALE]);
        if *built_in == phase {
            svg.text(middle, 34.0, "you are here", &[("class", "name"), MIDDLE, ("fill", BLUE)]);
            let arrow = [(middle - 7.0, 43.0), (middle, 55.0), (middle + 7.0, 43.0)];
            svg.polyline(arrow, &[("stroke", BLUE), ("stroke-width", "2.5")]);
        }
        if index > 0 {
            let height = TOP + ROOM.1 / 2.0;
            svg.line(
                (left - 14.0, height),
                (left - 2.0, height),
                &[("stroke", "#5b6b8c"), ("stroke-width", "2")],
            );
        }
    }
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_books_pictures_are_these() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        for phase in 1..=ROOMS.len() {
            let file = root.join("docs/src/images").join(file_name(phase));
            let stands = std::fs::read_to_string(file).unwrap_or_default();
            assert!(stands == svg(phase), "{}: cargo run -p author --bin pictures here", file_name(phase));
        }
    }

    #[test]
    fn one_room_is_here_and_those_before_it_are_built() {
        let third = svg(3);
        assert_eq!(third.matches(">built<").count(), 2);
        assert_eq!(third.matches(">this phase<").count(), 1);
        assert_eq!(third.matches(">to come<").count(), 1);
    }
}
