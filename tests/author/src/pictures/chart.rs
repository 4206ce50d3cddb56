//! A line or bar chart as SVG, on a light ground so that it reads on dark pages too.

use std::fmt::Write as _;

/// One line, or one group of bars.
pub struct Series {
    /// What the legend calls it.
    pub name: String,
    /// Its points, x ascending.
    pub points: Vec<(f64, f64)>,
}

/// A chart and its words.
pub struct Chart {
    /// Above the picture.
    pub title: String,
    /// Along the bottom.
    pub x: String,
    /// Along the side.
    pub y: String,
    /// Logarithmic axes, x and y.
    pub log: (bool, bool),
    /// Bars beside each other instead of lines.
    pub bars: bool,
    /// At most six.
    pub series: Vec<Series>,
}

const COLOURS: [&str; 6] = ["#2f6fb7", "#c2571a", "#2e8b57", "#8247a5", "#7a6a00", "#5b6b82"];
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 70.0;
const BOTTOM: f64 = 56.0;

struct Axis {
    low: f64,
    high: f64,
    log: bool,
    from: f64,
    to: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64> + Clone, log: bool, from: f64, to: f64) -> Axis {
        let high = values.clone().fold(f64::MIN, f64::max);
        let low = if log { values.filter(|v| *v > 0.0).fold(f64::MAX, f64::min) } else { 0.0 };
        if log {
            return Axis {
                low: 10f64.powf(low.log10().floor()),
                high: 10f64.powf(high.log10().ceil()),
                log,
                from,
                to,
            };
        }
        let step = nice_step(high);
        Axis { low, high: (high / step).ceil() * step, log, from, to }
    }

    fn at(&self, value: f64) -> f64 {
        let share = if self.log {
            (value.max(self.low) / self.low).log10() / (self.high / self.low).log10().max(1e-9)
        } else {
            (value - self.low) / (self.high - self.low).max(1e-9)
        };
        self.from + share * (self.to - self.from)
    }

    fn ticks(&self) -> Vec<f64> {
        if self.log {
            let decades = (self.high / self.low).log10().round() as i32;
            return (0..=decades).map(|d| self.low * 10f64.powi(d)).collect();
        }
        let step = nice_step(self.high);
        (0..=((self.high / step).round() as i32)).map(|i| f64::from(i) * step).collect()
    }
}

fn nice_step(high: f64) -> f64 {
    let rough = high / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|n| n * power).into_iter().find(|step| *step >= rough).unwrap_or(power)
}

fn number(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{}M", trim(v / 1e6)),
        v if v >= 1e3 => format!("{}k", trim(v / 1e3)),
        v => trim(v),
    }
}

fn trim(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Chart {
    /// The picture.
    pub fn svg(&self) -> String {
        let points = || self.series.iter().flat_map(|s| s.points.iter());
        let x = Axis::over(points().map(|p| p.0), self.log.0, LEFT, WIDTH - RIGHT);
        let y = Axis::over(points().map(|p| p.1), self.log.1, HEIGHT - BOTTOM, TOP);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"system-ui, sans-serif\" \
             font-size=\"13\" role=\"img\" aria-label=\"{}\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"10\" fill=\"#f7f8fa\"/>\n\
             <text x=\"{LEFT}\" y=\"26\" font-size=\"16\" font-weight=\"600\" fill=\"#1d2433\">{}</text>\n",
            escape(&self.title),
            escape(&self.title)
        );
        self.axes(&mut out, &x, &y);
        for (index, series) in self.series.iter().enumerate() {
            let colour = COLOURS[index % COLOURS.len()];
            if self.bars {
                self.group(&mut out, index, series, colour, &y);
            } else {
                line(&mut out, series, colour, &x, &y);
            }
            let at = LEFT + index as f64 * 190.0;
            let _ = writeln!(
                out,
                "<rect x=\"{at}\" y=\"40\" width=\"12\" height=\"12\" rx=\"2\" fill=\"{colour}\"/><text x=\"{}\" y=\"51\" \
                 fill=\"#1d2433\">{}</text>",
                at + 18.0,
                escape(&series.name)
            );
        }
        out + "</svg>\n"
    }

    fn axes(&self, out: &mut String, x: &Axis, y: &Axis) {
        for tick in y.ticks() {
            let at = y.at(tick);
            let _ = writeln!(
                out,
                "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#d5dae3\"/><text x=\"{}\" y=\"{:.1}\" \
                 text-anchor=\"end\" fill=\"#4a5568\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 8.0,
                at + 4.0,
                number(tick)
            );
        }
        let ticks = if self.bars { self.series[0].points.iter().map(|p| p.0).collect() } else { x.ticks() };
        for (index, tick) in ticks.iter().enumerate() {
            let at = if self.bars { self.slot(index).0 } else { x.at(*tick) };
            let _ = writeln!(
                out,
                "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#4a5568\">{}</text>",
                HEIGHT - BOTTOM + 20.0,
                number(*tick)
            );
        }
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"#1d2433\">{}</text>\n<text transform=\"translate(20 {}) rotate(-90)\" \
             text-anchor=\"middle\" fill=\"#1d2433\">{}</text>",
            (LEFT + WIDTH - RIGHT) / 2.0,
            HEIGHT - 12.0,
            escape(&self.x),
            (TOP + HEIGHT - BOTTOM) / 2.0,
            escape(&self.y)
        );
    }

    /// The middle of a group of bars and the width of one bar.
    fn slot(&self, index: usize) -> (f64, f64) {
        let width = (WIDTH - LEFT - RIGHT) / self.series[0].points.len() as f64;
        (LEFT + width * (index as f64 + 0.5), width * 0.7 / self.series.len() as f64)
    }

    fn group(&self, out: &mut String, index: usize, series: &Series, colour: &str, y: &Axis) {
        for (place, (_, value)) in series.points.iter().enumerate() {
            let (middle, width) = self.slot(place);
            let left = middle + (index as f64 - self.series.len() as f64 / 2.0) * width;
            let top = y.at(*value);
            let _ = writeln!(
                out,
                "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{:.1}\" \
                 text-anchor=\"middle\" font-size=\"11\" fill=\"#1d2433\">{}</text>",
                width - 3.0,
                HEIGHT - BOTTOM - top,
                left + (width - 3.0) / 2.0,
                top - 4.0,
                number((*value * 10.0).round() / 10.0)
            );
        }
    }
}

fn line(out: &mut String, series: &Series, colour: &str, x: &Axis, y: &Axis) {
    let path: Vec<String> =
        series.points.iter().map(|(px, py)| format!("{:.1},{:.1}", x.at(*px), y.at(*py))).collect();
    let _ = writeln!(
        out,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.5\" stroke-linejoin=\"round\"/>",
        path.join(" ")
    );
    // Dots only where there are few: they say what was measured and what is drawn between.
    if series.points.len() <= 20 {
        for (px, py) in &series.points {
            let _ = writeln!(
                out,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\" fill=\"{colour}\"><title>{} : {}</title></circle>",
                x.at(*px),
                y.at(*py),
                number(*px),
                number(*py)
            );
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_holds_every_point_inside_its_frame() {
        let points = vec![(10.0, 17_500.0), (1000.0, 5_553.0), (10_000.0, 353.0)];
        let chart = Chart {
            title: "a < b".into(),
            x: "idle".into(),
            y: "round trips/s".into(),
            log: (true, true),
            bars: false,
            series: vec![Series { name: "poll".into(), points }],
        };
        let svg = chart.svg();
        assert_eq!(svg.matches("<circle").count(), 3);
        assert!(svg.contains("a &lt; b") && !svg.contains("NaN"));
    }

    #[test]
    fn bars_stand_side_by_side() {
        let series =
            |name: &str, value| Series { name: name.into(), points: vec![(3.0, value), (16.0, value)] };
        let chart = Chart {
            title: "memory".into(),
            x: "value, bytes".into(),
            y: "bytes a key".into(),
            log: (false, false),
            bars: true,
            series: vec![series("ours", 40.0), series("redis", 116.0)],
        };
        // The ground, two legend marks, four bars.
        assert_eq!(chart.svg().matches("<rect").count(), 7);
    }

    #[test]
    fn steps_are_round() {
        assert_eq!(nice_step(116.0), 50.0);
        assert_eq!(nice_step(9.0), 2.0);
        assert_eq!(number(17_500.0), "17.5k");
    }
}
