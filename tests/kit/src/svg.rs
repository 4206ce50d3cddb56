//! The one writer of pictures: an SVG file, element by element, every text escaped.
//!
//! ```
//! let mut svg = kit::svg::Svg::new(200.0, 100.0, "A picture of nothing");
//! svg.rect(10.0, 10.0, 50.0, 20.0, &[("fill", "#2f6fb7")]);
//! svg.text(10.0, 50.0, "less < more", &[("font-weight", "600")]);
//! assert!(svg.finish().contains("less &lt; more"));
//! ```

use std::fmt::{Display, Write as _};

/// An element's attributes beside its place.
pub type Attributes<'a> = &'a [(&'a str, &'a str)];

/// A picture under construction.
#[derive(Debug, Clone)]
pub struct Svg {
    out: String,
}

impl Svg {
    /// An empty picture; `label` is what a screen reader says.
    #[must_use]
    pub fn new(width: f64, height: f64, label: &str) -> Self {
        let label = escape(label);
        let out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"system-ui, sans-serif\" role=\"img\" aria-label=\"{label}\">\n"
        );
        Self { out }
    }

    /// Rules of CSS for the picture's classes.
    pub fn style(&mut self, rules: &str) {
        let _ = writeln!(self.out, "<style>{rules}</style>");
    }

    /// A rectangle.
    pub fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, attributes: Attributes<'_>) {
        let place = [("x", x), ("y", y), ("width", width), ("height", height)];
        self.element("rect", &place, attributes, None);
    }

    /// A rectangle that says something when pointed at.
    pub fn rect_with_title(&mut self, at: [f64; 4], title: &str, attributes: Attributes<'_>) {
        let [x, y, width, height] = at;
        let place = [("x", x), ("y", y), ("width", width), ("height", height)];
        self.element("rect", &place, attributes, Some(&title_of(title)));
    }

    /// A dot that says something when pointed at.
    pub fn circle(&mut self, x: f64, y: f64, radius: f64, title: &str, attributes: Attributes<'_>) {
        self.element("circle", &[("cx", x), ("cy", y), ("r", radius)], attributes, Some(&title_of(title)));
    }

    /// A straight line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), attributes: Attributes<'_>) {
        self.element("line", &[("x1", from.0), ("y1", from.1), ("x2", to.0), ("y2", to.1)], attributes, None);
    }

    /// A line through many points.
    pub fn polyline(&mut self, points: impl IntoIterator<Item = (f64, f64)>, attributes: Attributes<'_>) {
        let points: Vec<String> =
            points.into_iter().map(|(x, y)| format!("{},{}", number(x), number(y))).collect();
        let points = points.join(" ");
        let all = [&[("points", points.as_str()), ("fill", "none")], attributes].concat();
        self.element("polyline", &[], &all, None);
    }

    /// Words, their baseline at `y`.
    pub fn text(&mut self, x: f64, y: f64, words: impl Display, attributes: Attributes<'_>) {
        self.element("text", &[("x", x), ("y", y)], attributes, Some(&escape(&words.to_string())));
    }

    /// Words turned about their beginning.
    pub fn turned_text(&mut self, at: (f64, f64), degrees: f64, words: &str, attributes: Attributes<'_>) {
        let transform = format!("translate({} {}) rotate({degrees})", number(at.0), number(at.1));
        let all = [&[("transform", transform.as_str())], attributes].concat();
        self.element("text", &[], &all, Some(&escape(words)));
    }

    /// The file.
    #[must_use]
    pub fn finish(self) -> String {
        self.out + "</svg>\n"
    }

    fn element(
        &mut self,
        name: &str,
        place: &[(&str, f64)],
        attributes: Attributes<'_>,
        content: Option<&str>,
    ) {
        let _ = write!(self.out, "<{name}");
        for (key, value) in place {
            let _ = write!(self.out, " {key}=\"{}\"", number(*value));
        }
        for (key, value) in attributes {
            let _ = write!(self.out, " {key}=\"{}\"", escape(value));
        }
        let _ = match content {
            Some(content) => writeln!(self.out, ">{content}</{name}>"),
            None => writeln!(self.out, "/>"),
        };
    }
}

/// A tenth of a unit is finer than any screen.
fn number(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn title_of(text: &str) -> String {
    format!("<title>{}</title>", escape(text))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_is_closed_and_every_text_escaped() {
        let mut svg = Svg::new(10.0, 20.0, "a < b");
        svg.style(".name{font-weight:600}");
        svg.rect(0.0, 1.0, 2.25, 3.0, &[("class", "paper")]);
        svg.rect_with_title([0.0; 4], "1 > 0", &[]);
        svg.circle(1.0, 2.0, 3.0, "a & b", &[]);
        svg.line((1.0, 2.0), (3.0, 4.0), &[("stroke", "\"")]);
        svg.polyline([(1.04, 2.0), (3.0, 4.96)], &[]);
        svg.text(1.0, 2.0, "<b>", &[]);
        svg.turned_text((1.0, 2.0), -90.0, "up", &[]);
        let text = svg.finish();
        for part in [
            "viewBox=\"0 0 10 20\"",
            "aria-label=\"a &lt; b\"",
            "<style>.name{font-weight:600}</style>",
            "<rect x=\"0\" y=\"1\" width=\"2.3\" height=\"3\" class=\"paper\"/>",
            "<title>1 &gt; 0</title></rect>",
            "<title>a &amp; b</title></circle>",
            "stroke=\"&quot;\"/>",
            "<polyline points=\"1,2 3,5\" fill=\"none\"/>",
            ">&lt;b&gt;</text>",
            "<text transform=\"translate(1 2) rotate(-90)\">up</text>",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(text.ends_with("</svg>\n"));
    }
}
